// History — what several threads did to a few keys at the same time, and what they were told.
//
// Each event has a place in one total order that agrees with real time: an operation's call and its
// answer. An operation whose outcome is unknown may have happened at any time after its call, or
// never. Values tell who wrote them: no two writes write the same.

import Cairn
import CairnSystem
import CairnTestSupport
import Synchronization

/// What a thread asked for.
enum HistoryRequest: Sendable {
    case get
    /// Writes the value of that number.
    case put(value: UInt64, Condition)
    case delete(Condition)
}

/// What it was told.
enum HistoryAnswer: Sendable {
    case found(value: UInt64, version: UInt64)
    case absent
    /// The put happened.
    case written(version: UInt64, replaced: Bool)
    /// The delete happened.
    case deleted
    case conditionFailed(current: UInt64?)
    /// Nobody knows; of a get: nothing was learned.
    case unknown
}

struct HistoryOperation: Sendable, CustomStringConvertible {
    let thread: Int
    let key: Int
    let request: HistoryRequest
    var answer: HistoryAnswer
    /// When it was called, and when it was answered.
    let call: Int
    var end: Int

    /// It may have happened or not.
    var isDoubtful: Bool {
        if case .unknown = answer { return true }
        return false
    }

    var description: String {
        "[\(call), \(isDoubtful ? "…" : "\(end)")] thread \(thread) key \(key): "
            + "\(request) -> \(answer)"
    }
}

/// Gives events their order.
final class HistoryClock: Sendable {
    private let time = Atomic<Int>(0)

    func tick() -> Int {
        time.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
    }
}

/// The bytes of value number `value`: it can be told from every other.
func historyBytes(_ value: UInt64) -> [UInt8] {
    let byteCount = [8, 40, 300, 900, 1500, 2600][Int(TestRandom.mix(value) % 6)]
    var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: value), count: byteCount)
    for place in 0..<8 { bytes[place] = UInt8(truncatingIfNeeded: value >> UInt64(place * 8)) }
    if value % 2 == 0 {
        var random = TestRandom(seed: value)
        for place in 8..<byteCount { bytes[place] = UInt8(truncatingIfNeeded: random.next()) }
    }
    return bytes
}

/// The number of the value with these bytes; nil when nobody wrote them.
func historyValue(_ bytes: [UInt8]) -> UInt64? {
    guard bytes.count >= 8 else { return nil }
    let value = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return bytes == historyBytes(value) ? value : nil
}
