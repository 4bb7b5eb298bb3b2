// LinearizabilityChecker — is there one order of the operations that explains every answer?
//
// After Wing and Gong, with Lowe's memoisation: an operation may come next if no other that is not
// yet placed was answered before it was called; each set of placed operations with the state it
// leads to is tried once. Keys are independent, so each is checked alone (linearizability is local).
// At most 64 operations a key. Doubtful writes may be placed anywhere after their call, or nowhere.
// A value. Pure.

import Cairn
import CairnTestSupport

/// Why a history has no explanation.
struct NotLinearizable: Error, CustomStringConvertible {
    let description: String
}

enum LinearizabilityChecker {
    /// Checks the history of all keys.
    static func check(_ history: [HistoryOperation]) throws(NotLinearizable) {
        let versions = try versions(in: history)
        for key in Set(history.map(\.key)).sorted() {
            var search = KeySearch(history.filter { $0.key == key }, versions)
            guard search.run() else {
                throw NotLinearizable(
                    description: "no order explains key \(key):\n"
                        + search.operations.map { "  \($0)" }.joined(separator: "\n"))
            }
        }
    }

    /// Which version each value has. One version never has two values, nor one value two.
    private static func versions(
        in history: [HistoryOperation]
    ) throws(NotLinearizable) -> [UInt64: UInt64] {
        var versions: [UInt64: UInt64] = [:]
        for operation in history {
            let pair: (value: UInt64, version: UInt64)
            switch (operation.request, operation.answer) {
            case (.get, .found(let value, let version)): pair = (value, version)
            case (.put(let value, _), .written(let version, _)): pair = (value, version)
            default: continue
            }
            if let known = versions.updateValue(pair.version, forKey: pair.value),
                known != pair.version
            {
                throw NotLinearizable(
                    description: "value \(pair.value) has versions \(known) and \(pair.version)")
            }
        }
        guard Set(versions.values).count == versions.count else {
            throw NotLinearizable(description: "two values have one version: \(versions)")
        }
        return versions
    }
}

/// The search over one key's history.
private struct KeySearch {
    /// What the key holds: the number of a value, or nothing.
    private typealias State = UInt64?

    private struct Position: Hashable {
        let placed: UInt64
        let state: UInt64?
    }

    let operations: [HistoryOperation]
    private let versions: [UInt64: UInt64]
    private let required: UInt64
    private var seen: Set<Position> = []

    init(_ operations: [HistoryOperation], _ versions: [UInt64: UInt64]) {
        // A get of which nothing was learned says nothing.
        let told = operations.filter { operation in
            if case .get = operation.request { return !operation.isDoubtful }
            return true
        }
        self.operations = told.sorted { $0.call < $1.call }
        self.versions = versions
        precondition(told.count <= 64, "a key has at most 64 operations")
        required = self.operations.enumerated().reduce(0) { mask, item in
            item.element.isDoubtful ? mask : mask | 1 << UInt64(item.offset)
        }
    }

    mutating func run() -> Bool { explains(Position(placed: 0, state: nil)) }

    private mutating func explains(_ position: Position) -> Bool {
        if position.placed & required == required { return true }
        guard seen.insert(position).inserted else { return false }
        var limit = Int.max
        for (place, operation) in operations.enumerated()
        where position.placed & 1 << UInt64(place) == 0 && !operation.isDoubtful {
            limit = min(limit, operation.end)
        }
        for (place, operation) in operations.enumerated() {
            if operation.call > limit { break }
            let bit = UInt64(1) << UInt64(place)
            if position.placed & bit != 0 { continue }
            for state in outcomes(of: operation, in: position.state) {
                if explains(Position(placed: position.placed | bit, state: state)) { return true }
            }
        }
        return false
    }

    /// The states that an operation can leave, if its answer is the right one in `state`.
    private func outcomes(of operation: HistoryOperation, in state: State) -> [State] {
        switch operation.request {
        case .get: isTrue(operation.answer, ofGetIn: state) ? [state] : []
        case .put(let value, let condition):
            switch operation.answer {
            case .written(_, let replaced):
                holds(condition, in: state) != false && replaced == (state != nil) ? [value] : []
            case .conditionFailed(let current):
                isTrueFailure(condition, current, in: state) ? [state] : []
            case .unknown: holds(condition, in: state) != false ? [value] : []
            default: []
            }
        case .delete(let condition):
            switch operation.answer {
            case .deleted: state != nil && holds(condition, in: state) != false ? [nil] : []
            case .absent: state == nil && holds(condition, in: state) != false ? [nil] : []
            case .conditionFailed(let current):
                isTrueFailure(condition, current, in: state) ? [state] : []
            case .unknown: holds(condition, in: state) != false ? [nil] : []
            default: []
            }
        }
    }

    private func isTrue(_ answer: HistoryAnswer, ofGetIn state: State) -> Bool {
        switch answer {
        case .found(let value, _): state == value
        case .absent: state == nil
        default: false
        }
    }

    private func isTrueFailure(_ condition: Condition, _ current: UInt64?, in state: State) -> Bool
    {
        guard holds(condition, in: state) != true else { return false }
        guard let state, let version = versions[state] else {
            return (current == nil) == (state == nil)
        }
        return current == version
    }

    /// Whether a condition holds; nil: the version of the value that is there was never told.
    private func holds(_ condition: Condition, in state: State) -> Bool? {
        switch condition {
        case .none: return true
        case .absent: return state == nil
        case .present: return state != nil
        case .matches(let wanted):
            guard let state else { return false }
            return versions[state].map { $0 == wanted.sequence }
        case .differs(let wanted):
            guard let state else { return true }
            return versions[state].map { $0 != wanted.sequence }
        }
    }
}
