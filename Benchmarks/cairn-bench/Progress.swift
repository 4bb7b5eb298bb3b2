// Progress — how far a workload is: counted always, shown where standard error is a terminal.
//
// The standard library prints to descriptor 1 alone, so descriptor 2 takes its place meanwhile.
// That is sound because the lines of a terminal leave the process as they end. One thread at a time:
// the progress thread prints while the others do not.

internal import BenchSupport
internal import CairnSystem
internal import Glibc
internal import Synchronization

/// Counts operations, and shows their rate once a second if anybody can see it.
final class Progress: Sendable {
    private let operations = Atomic<Int>(0)
    private let isStopping = Atomic<Bool>(false)
    private let bell = Parker()

    var count: Int { operations.load(ordering: .relaxed) }

    /// The next number: 0, 1, 2... Also counts it.
    @inline(__always)
    func next() -> Int { operations.add(1, ordering: .relaxed).oldValue }

    func add(_ count: Int) { operations.add(count, ordering: .relaxed) }

    /// Runs `body`, showing the rate and the time left meanwhile: until a time, or until there were so many
    /// operations.
    func show<Value>(
        until end: UInt64, total: Int? = nil, during body: () throws(BenchFailure) -> Value
    ) throws(BenchFailure) -> Value {
        guard isatty(2) == 1 else { return try body() }
        let output = dup(1)
        _ = dup2(2, 1)
        defer {
            _ = dup2(output, 1)
            _ = close(output)
        }
        let thread = try BenchFailure.file { () throws(FileError) in
            try ServiceThread.start(name: "bench-progress") { self.display(until: end, total) }
        }
        defer {
            isStopping.store(true, ordering: .releasing)
            bell.unpark()
            thread.join()
        }
        return try body()
    }

    private func display(until end: UInt64, _ total: Int?) {
        var last = count
        print("")
        while true {
            _ = bell.park(nanoseconds: 1_000_000_000)
            if isStopping.load(ordering: .acquiring) { break }
            let now = count
            let part = total.map { " of \($0) (\(now * 100 / max($0, 1)) %)" } ?? ""
            let left = secondsLeft(until: end, total.map { $0 - now }, perSecond: now - last)
            print("\u{1B}[1A\u{1B}[2K\(now)\(part), \(now - last)/s, \(left) s left")
            last = now
        }
        print("\u{1B}[1A\u{1B}[2K\u{1B}[1A")
    }

    private func secondsLeft(until end: UInt64, _ countLeft: Int?, perSecond: Int) -> Int {
        let now = Clock.monotonicNanoseconds()
        let byTime = end == .max ? Int.max : Int((max(end, now) - now) / 1_000_000_000)
        return min(byTime, countLeft.map { $0 / max(perSecond, 1) } ?? .max)
    }
}
