// RequestID — a short name of a request, in its answer and in the log.
//
// Unique in the life of the process: a number that counts up, behind a part that the process drew when it began,
// so that names of two lives are told apart. Making one is an addition; its text is made when it is wanted.
// Any thread.

internal import CairnSystem
internal import Synchronization

/// The name of a request.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    /// Of the process.
    private let life: UInt32
    /// Of the request.
    private let number: UInt64

    fileprivate init(life: UInt32, number: UInt64) {
        self.life = life
        self.number = number
    }

    /// "k3f9x-1a": small letters and digits.
    package var description: String {
        let life = String(life, radix: 36)
        return String(repeating: "0", count: max(0, 5 - life.count)) + life + "-"
            + String(number, radix: 36)
    }
}

/// Gives each request its name.
package final class RequestIDs: Sendable {
    private let life: UInt32
    private let count = Atomic<UInt64>(0)

    /// A new life.
    package init() { life = UInt32(SystemRandom.next() % 60_466_176) }

    /// The next name.
    package func next() -> RequestID {
        RequestID(life: life, number: count.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}
