// RequestID — names a request in what the client is told and in the log.
//
// Unique in the life of a process, and hardly ever the same in two: a start that is random, and a count. Made
// for requests that somebody will want to find, not for each. Any thread.

internal import CairnSystem
internal import Synchronization

/// The name of one request.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    private let number: UInt64

    /// Thirteen digits of base 32.
    package var description: String {
        let digits = String(number, radix: 32)
        return String(repeating: "0", count: 13 - digits.count) + digits
    }

    fileprivate init(_ number: UInt64) { self.number = number }
}

/// Makes names that differ.
package final class RequestIDs: Sendable {
    private let count: Atomic<UInt64>

    /// The first one is random.
    package init() { count = Atomic(UInt64.random(in: .min ... .max)) }

    /// Another one.
    package func next() -> RequestID {
        RequestID(count.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}
