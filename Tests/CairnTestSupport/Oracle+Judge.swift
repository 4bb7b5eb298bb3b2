// Oracle+Judge — is what a reboot left one of the states that it may leave?
//
// For each length of the log, from what was promised to everything: the certain writes up to there
// are applied in order, each doubtful one may be in or out. A length explains the readings when
// every key shows one of its possible states, and no group is found in for one key and out for
// another, and no doubtful group is in while an earlier one of the same failure is out.

internal import Cairn

/// How the readings were explained.
package struct OracleExplanation: Sendable {
    /// So many groups are there, at least.
    package var keptCount: Int
    /// An acknowledged group is gone, which is legal: it promised less.
    package var lostDurabilities: Set<UInt8> = []
    /// A batch that was not promised came through, or went, whole.
    package var keptBatch = false
    package var lostBatch = false
    /// Acknowledged os writes that no sync had covered came through.
    package var keptOS = false
}

extension Oracle {
    /// Checks what an opening shows and begins the next life with it. Of the keys in `unknown`
    /// nothing is known; `mayLoseTail` takes every promise of this life back.
    package mutating func judge(
        _ readings: [OracleReading?], afterPowerCut: Bool, unknown: Set<Int> = [],
        mayLoseTail: Bool = false
    ) throws(OracleViolation) -> OracleExplanation {
        let promised = mayLoseTail ? 0 : afterPowerCut ? durableCount : writtenCount
        var reasons: [String] = []
        for length in (promised...groups.count).reversed() {
            if let reason = objection(to: readings, length, unknown) {
                reasons.append("\(length) groups: \(reason)")
                continue
            }
            try register(readings)
            let explanation = explain(length)
            restart(with: readings)
            return explanation
        }
        throw OracleViolation(
            "no prefix of \(promised)...\(groups.count) groups explains the store: "
                + reasons.joined(separator: "; ") + history(readings))
    }

    /// After a failed sync a read has shown what `key` durably is: `group` made it so, at the
    /// latest; nil: it was so before.
    package mutating func promiseShown(_ reading: OracleReading?, _ key: Int, by group: Int?) {
        let cause = reading == nil ? firstDelete(of: key) : group
        if let cause { promise(durable: cause + 1) }
    }

    /// The oldest group that may have made the key what it is now, absent: a delete, or a value that
    /// has expired since. A delete of nothing appends no record, so those behind it prove nothing;
    /// nil: it may never have had a value that lasts.
    private func firstDelete(of key: Int) -> Int? {
        var cause: Int?
        for place in groups.indices.reversed() {
            guard groups[place].fate != .void,
                let write = groups[place].writes.first(where: { $0.key == key })
            else { continue }
            if unexpired(write.value) == nil {
                cause = place
            } else if !isDoubtful(place) {
                return mayBeDestroyed(write.value) ? nil : cause
            }
        }
        return baseState(key).value == nil || mayBeDestroyed(base[key]?.value) ? nil : cause
    }

    /// Why a log of `length` groups does not explain the readings; nil: it does.
    private func objection(
        to readings: [OracleReading?], _ length: Int, _ unknown: Set<Int>
    ) -> String? {
        var inside: [Int: Bool] = [:]
        for key in keys.indices where !unknown.contains(key) {
            let states = states(of: key, length)
            let fitting = states.indices.filter { states[$0].matches(readings[key]) }
            if fitting.isEmpty {
                return "\(name(key)) cannot be \(Self.describe(readings[key]))"
            }
            guard fitting.count == 1, let found = fitting.first else { continue }
            for place in found..<states.count {
                guard let group = states[place].group, isDoubtful(group) else { continue }
                if let known = inside.updateValue(place == found, forKey: group),
                    known != (place == found)
                {
                    return "group \(group) is there for one key and not for \(name(key))"
                }
            }
        }
        return hole(in: inside)
    }

    /// Of one failure's groups only a prefix happens.
    private func hole(in inside: [Int: Bool]) -> String? {
        for (group, isThere) in inside where isThere {
            for (other, isOtherThere) in inside where other < group && !isOtherThere {
                if groups[other].fate == groups[group].fate {
                    return "group \(group) is there although group \(other) is not"
                }
            }
        }
        return nil
    }

    private func isDoubtful(_ group: Int) -> Bool {
        if case .doubtful = groups[group].fate { return true }
        return false
    }

    /// The possible states of a key, oldest first, when the log ends behind `length` groups.
    private func states(of key: Int, _ length: Int) -> [OracleState] {
        var states = [baseState(key)]
        for place in 0..<length {
            guard let write = groups[place].writes.first(where: { $0.key == key }) else { continue }
            switch groups[place].fate {
            case .pending, .acknowledged: states = [state(place, write)]
            case .doubtful: states.append(state(place, write))
            case .void: break
            }
        }
        return states
    }

    /// Every version that is seen belongs to the write that made it, for ever.
    private mutating func register(_ readings: [OracleReading?]) throws(OracleViolation) {
        for (key, reading) in readings.enumerated() {
            guard let reading else { continue }
            let fitting = (allStates(of: key) + [baseState(key)]).filter { $0.matches(reading) }
            if fitting.contains(where: { $0.sequence == reading.sequence }) { continue }
            if let number = fitting.first?.number { try claim(reading.sequence, by: number) }
        }
    }

    private func allStates(of key: Int) -> [OracleState] {
        groups.indices.compactMap { place in
            groups[place].writes.first { $0.key == key }.map { state(place, $0) }
        }
    }

    private func explain(_ length: Int) -> OracleExplanation {
        var explanation = OracleExplanation(keptCount: length)
        for place in groups.indices {
            let group = groups[place]
            if place >= length, group.fate == .acknowledged {
                explanation.lostDurabilities.insert(group.durability.rawValue)
            }
            if place >= durableCount, place < length, group.fate == .acknowledged,
                group.durability == .os
            {
                explanation.keptOS = true
            }
            if place >= durableCount, group.writes.count > 1 {
                if place < length {
                    explanation.keptBatch = true
                } else {
                    explanation.lostBatch = true
                }
            }
        }
        return explanation
    }

    // MARK: Words

    func name(_ key: Int) -> String { "key \(key)" }

    static func describe(_ reading: OracleReading?) -> String {
        guard let reading else { return "absent" }
        return "version \(reading.sequence) of \(reading.value.bytes.count) bytes"
    }

    static func describe(_ states: [OracleState]) -> String {
        states.map { state in
            let value = state.value.map { "\($0.bytes.count) bytes" } ?? "absent"
            return value + (state.sequence.map { ", version \($0)" } ?? "")
                + (state.group.map { ", group \($0)" } ?? ", base")
        }.joined(separator: " or ")
    }

    /// All that is known, for the report of a failure.
    private func history(_ readings: [OracleReading?]) -> String {
        var text = "\n  promised: \(durableCount) durable, \(writtenCount) written"
        for key in keys.indices {
            text += "\n  \(name(key)): read \(Self.describe(readings[key])),"
            text += " base \(Self.describe(base[key]))"
        }
        for (place, group) in groups.enumerated() {
            text += "\n  group \(place): \(group.durability) \(group.fate)"
            for write in group.writes {
                let value = write.value.map { "put \($0.bytes.count) bytes" } ?? "delete"
                text += ", \(name(write.key)) \(value)"
                text += write.sequence.map { " version \($0)" } ?? ""
            }
        }
        return text
    }
}
