// MicroCase — a part that is timed: its name, and how it is made ready.
//
// What a case needs is made when it is run and goes with it, so that cases do not depend on each other.

internal import BenchSupport

/// What a case runs.
protocol Subject {
    /// Makes ready for a round of so many operations, off the clock.
    func renew(for count: Int) throws(BenchFailure)

    /// Does so many operations. Returns a sum over what they came to, so that none can be left out.
    func run(_ count: Int) throws(BenchFailure) -> UInt64

    /// Gives back what is not memory.
    func end() throws(BenchFailure)
}

extension Subject {
    func renew(for count: Int) throws(BenchFailure) {}
    func end() throws(BenchFailure) {}
}

/// A subject that is nothing but its operations.
struct Loop: Subject {
    let body: (_ count: Int) throws(BenchFailure) -> UInt64

    func run(_ count: Int) throws(BenchFailure) -> UInt64 { try body(count) }
}

struct MicroCase {
    let name: String
    /// Whether `--check` holds it to that.
    let mustNotAllocate: Bool
    let make: (MicroDirectory) throws(BenchFailure) -> any Subject

    init(
        _ name: String, mustNotAllocate: Bool = false,
        _ make: @escaping (MicroDirectory) throws(BenchFailure) -> any Subject
    ) {
        self.name = name
        self.mustNotAllocate = mustNotAllocate
        self.make = make
    }

    static var all: [MicroCase] { formatCases + indexCases + headCases + storeCases }

    /// As names say it.
    static func sizeName(_ byteCount: Int) -> String {
        byteCount % 1024 == 0 ? "\(byteCount / 1024)k" : "\(byteCount)"
    }
}
