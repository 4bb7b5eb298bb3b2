// CrashWorld+Answers — what the engine answers, compared with what it may answer.

internal import Cairn
internal import CairnSystem

extension CrashWorld {
    // MARK: Errors

    /// An error that the engine gave; broken if nothing can explain it.
    func accept(_ error: StoreError, doing task: String) throws(CrashFailure) {
        note("\(task) answered \(error)")
        if disk.isDead { return }
        switch error.kind {
        case .outcomeUnknown:
            guard isTroubled else { throw fail("\(task): \(error), though nothing had failed") }
            hasFailed = true
            noteFailedSync()
        case .inputOutput, .diskFull:
            guard isTroubled else { throw fail("\(task): \(error), though nothing had failed") }
            marks.hit(error.kind == .diskFull ? .diskFull : .writeFailed)
            if error.kind == .diskFull { isFull = true }
        case .readOnly:
            guard hasFailed else { throw fail("\(task): \(error), though nothing had failed") }
        default:
            throw fail("\(task): \(error)")
        }
    }

    func noteFailedSync() {
        hasSyncFailed = true
        oracle.forgetWritten()
        marks.hit(.syncFailed)
    }

    // MARK: Answers

    /// Takes up the answers that have arrived.
    func poll() throws(CrashFailure) {
        engine?.deliver()
        guard !waiting.isEmpty else { return }
        let items = waiting
        waiting = []
        var failedKeys: Set<Int> = []
        for var item in items {
            if failedKeys.contains(item.answer.key) { item.answer.isBehindFailure = true }
            guard let outcome = item.result.outcome else {
                waiting.append(item)
                continue
            }
            switch outcome {
            case .success(let receipt):
                if item.answer.isBehindFailure { noteRetried(&item.answer, receipt) }
                try succeeded(receipt, item.answer)
            case .failure(let error):
                failedKeys.insert(item.answer.key)
                try failed(error, item.answer)
            }
        }
    }

    /// What was submitted is answered later.
    func expect(_ answer: Answer, _ result: ResultBox) {
        var answer = answer
        answer.isBehindFailure = hasFailedWrite(of: answer.key)
        waiting.append((answer, result))
    }

    /// Nobody knows what was there; a delete of nothing may find what a failed delete left.
    private func noteRetried(_ answer: inout Answer, _ receipt: WriteReceipt?) {
        answer.wasPresent = nil
        if receipt != nil, case .nothing = answer.expectation, answer.group == nil {
            answer.group = attempt([(answer.key, nil)], answer.durability)
        }
    }

    /// Whether a write of the key failed while the present call was under way: a delete that meets
    /// the full disk is tried again, and what was in flight before it is gone by then.
    func hasFailedWrite(of key: Int) -> Bool {
        engine?.deliver()
        return waiting.contains { item in
            guard item.answer.key == key, case .failure = item.result.outcome else { return false }
            return true
        }
    }

    private func succeeded(
        _ receipt: WriteReceipt?, _ answer: Answer
    ) throws(CrashFailure) {
        guard let group = answer.group else {
            // What its condition was to fail on was given up meanwhile, and there was nothing to delete.
            if answer.isRefusalExpected, answer.isBehindFailure, receipt == nil { return }
            guard case .nothing = answer.expectation, receipt == nil else {
                throw fail("a write of key \(answer.key) succeeded that could not")
            }
            return oracle.answered(answer.durability, restingOn: answer.support)
        }
        if let wasPresent = answer.wasPresent, wasPresent != (receipt?.replaced ?? false) {
            throw fail("group \(group): replaced is \(!wasPresent)")
        }
        guard let receipt else {
            return answer.deletesExpired ? try acknowledge(group, []) : oracle.void(group)
        }
        if isFull { noteSpace(group) }
        note("group \(group) acknowledged: version \(receipt.version.sequence)")
        if oracle.hasPendingBefore(group, key: answer.key) { marks.hit(.pendingOvertaken) }
        try acknowledge(group, [receipt])
    }

    /// A write succeeded after the disk was found full.
    private func noteSpace(_ group: Int) {
        if oracle.isDelete(group) {
            marks.hit(.deletedWhenFull)
        } else {
            marks.hit(.diskFullEnded)
            isFull = false
        }
    }

    /// An answer that came later.
    private func failed(_ error: StoreError, _ answer: Answer) throws(CrashFailure) {
        if error.kind == .conditionFailed { return try refused(error, answer) }
        try accept(error, doing: answer.group.map { "group \($0)" } ?? "an answer")
        // With the power gone, or after a failed sync, it is the end of the log: what survives of
        // it is a prefix. A failed write may be taken back.
        guard let group = answer.group, !disk.isDead, error.kind != .outcomeUnknown else { return }
        oracle.doubt(group, event: callNumber)
    }

    /// A call that threw.
    func refused(_ error: StoreError, _ answer: Answer) throws(CrashFailure) {
        if error.kind == .conditionFailed {
            // Or what its condition rested on was given up meanwhile.
            guard
                answer.isRefusalExpected || answer.mayBeRefusedEarly
                    || hasFailedWrite(of: answer.key)
            else {
                throw fail(
                    "a write of key \(answer.key) was refused though its condition holds: \(error)")
            }
            note("refused: \(error)")
            marks.hit(.conditionRefused)
            if let group = answer.group { oracle.void(group) }
            return oracle.answered(answer.durability, restingOn: answer.support)
        }
        try accept(error, doing: answer.group.map { "group \($0)" } ?? "a write")
        if let group = answer.group, !disk.isDead { oracle.doubt(group, event: callNumber) }
    }

    func acknowledge(_ group: Int, _ receipts: [WriteReceipt]) throws(CrashFailure) {
        try checking { () throws(OracleViolation) in
            try oracle.acknowledge(group, sequences: receipts.map(\.version.sequence))
        }
    }

    // MARK: Conditions

    /// The engine's condition; nil when it would need a version that nobody knows.
    func condition(_ kind: CrashCondition, _ key: Int) -> Condition? {
        let states = oracle.appended(key)
        guard states.count == 1, let state = states.first else {
            return kind == .none ? Condition.none : nil
        }
        let other = Version(sequence: 1 << 40)
        if state.value != nil && state.sequence == nil {
            switch kind {
            case .matchesPresent, .differsFromPresent: return nil
            default: break
            }
        }
        let present = state.value == nil ? other : Version(sequence: state.sequence ?? 0)
        switch kind {
        case .none: return Condition.none
        case .absent: return .absent
        case .present: return .present
        case .matchesPresent: return .matches(present)
        case .matchesOther: return .matches(other)
        case .differsFromPresent: return .differs(from: present)
        case .differsFromOther: return .differs(from: other)
        }
    }

    /// Whether the condition holds as things stand; nil: nobody can tell.
    func holds(_ condition: Condition, _ key: Int) -> Bool? {
        let states = oracle.appended(key)
        guard states.count == 1, let state = states.first else {
            return condition == .none ? true : nil
        }
        switch condition {
        case .none: return true
        case .absent: return state.value == nil
        case .present: return state.value != nil
        case .matches(let version): return state.value != nil && state.sequence == version.sequence
        case .differs(let version): return state.value == nil || state.sequence != version.sequence
        }
    }

    /// Whether the key has a value as things stand; nil: nobody can tell.
    func isPresent(_ key: Int) -> Bool? {
        let states = oracle.appended(key)
        return states.count == 1 ? states[0].value != nil : nil
    }

    // MARK: Readings

    /// Whether a read may show this.
    func check(_ reading: OracleReading?, _ key: Int) throws(CrashFailure) {
        if reading == nil, oracle.hasExpired(key) { marks.hit(.expired) }
        if hasFailed { return try checkAfterFailure(reading, key) }
        let states = oracle.visible(key)
        let fitting = states.filter { $0.matches(reading) }
        guard let state = fitting.first else {
            throw fail(
                "\(oracle.name(key)) reads as \(Oracle.describe(reading)), not as "
                    + Oracle.describe(states))
        }
        // A doubtful write that was seen has happened, and stays.
        guard fitting.count == 1, let group = state.group, group != states[0].group else { return }
        marks.hit(.doubtSettled)
        oracle.confirm(group)
    }

    /// After a failed sync only what is known to be durable is shown.
    private func checkAfterFailure(
        _ reading: OracleReading?, _ key: Int
    ) throws(CrashFailure) {
        let states = oracle.appended(key)
        guard let state = states.first(where: { $0.matches(reading) }) else {
            throw fail(
                "after a failed sync \(oracle.name(key)) reads as \(Oracle.describe(reading)), "
                    + "not as \(Oracle.describe(states))")
        }
        oracle.promiseShown(reading, key, by: state.group)
    }

    /// Whether a read may answer that it does not know.
    func mayBeUnknown(_ key: Int) -> Bool {
        guard hasFailed else { return false }
        return tuning.hashMask != .max || oracle.wasTouched(key) || expiredDeletes.contains(key)
    }
}
