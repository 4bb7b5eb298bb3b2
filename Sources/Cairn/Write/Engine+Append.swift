// The loop around an append: examine the key, decide under the lock, make room, try again.
//
// A small record is copied into the log's buffer. A large one is written from where it lies by
// the holder of the lead, while appends are stopped, so that nothing can stand behind it before
// its write succeeded.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Appends a record if its condition holds. A receipt: finished. Nil: `completion` will be
    /// told. An error: nothing was appended.
    func write(
        _ intent: Intent, _ parts: borrowing RecordParts, _ scratch: WriteScratch,
        _ completion: Completion
    ) throws(StoreError) -> WriteReceipt? {
        let byteCount = parts.header.recordByteCount
        if byteCount < tuning.directByteCount && byteCount <= tuning.bufferByteCount {
            return try writeBuffered(intent, parts, completion)
        }
        if !intent.mayWait { throw .wouldWait }
        if !intent.isDelete { yieldToCompaction(byteCount) }
        var examined = Examined()
        while true {
            if !intent.isDelete { try checkSpace() }
            let attempt = try attemptDirect(intent, parts, examined, scratch, completion)
            if let end = try ended(attempt, intent, completion) { return end }
            try prepareNext(attempt, &examined, intent, parts)
        }
    }

    /// `write` for a record that fits the buffers.
    @inline(__always)
    func writeBuffered(
        _ intent: Intent, _ parts: borrowing RecordParts, _ completion: Completion
    ) throws(StoreError) -> WriteReceipt? {
        if !intent.isDelete {
            if !intent.mayWait, brake.isOn || isDiskFull.load(ordering: .relaxed) {
                throw .wouldWait
            }
            try checkSpace()
            yieldToCompaction(parts.header.recordByteCount)
        }
        // A key that is not there needs no look at the disk: the first attempt assumes so, unless the
        // last key was there.
        let attempt =
            expectsRecords.load(ordering: .relaxed)
            ? .stale : attemptBuffered(intent, parts, Examined(), completion)
        if let end = try ended(attempt, intent, completion) { return end }
        return try writeBufferedAgain(intent, parts, completion, after: attempt)
    }

    @inline(never)
    private func writeBufferedAgain(
        _ intent: Intent, _ parts: borrowing RecordParts, _ completion: Completion,
        after first: Attempt
    ) throws(StoreError) -> WriteReceipt? {
        var attempt = first
        var examined = Examined()
        while true {
            try prepareNext(attempt, &examined, intent, parts)
            if !intent.isDelete { try checkSpace() }
            attempt = attemptBuffered(intent, parts, examined, completion)
            if let end = try ended(attempt, intent, completion) { return end }
        }
    }

    /// What an attempt came to; nil when there must be another.
    @inline(__always)
    private func ended(
        _ attempt: Attempt, _ intent: Intent, _ completion: Completion
    ) throws(StoreError) -> WriteReceipt?? {
        switch attempt {
        case .done(let outcome):
            armKeeper(for: intent.durability)
            return .some(try outcome.get())
        case .waiting:
            armKeeper(for: .os)
            // Who waits commits anyway; it must not ask for the lead that it may just be handed.
            if case .waiter = completion { return .some(nil) }
            if intent.mayWait { commitIfCrowded() }
            return .some(nil)
        case .stale, .needs: return .none
        }
    }

    /// Finds out or makes what the attempt lacked.
    private func prepareNext(
        _ attempt: Attempt, _ examined: inout Examined, _ intent: Intent,
        _ parts: borrowing RecordParts
    ) throws(StoreError) {
        switch attempt {
        case .done, .waiting: break
        case .stale: examined = try examineUnlessRefused(intent, parts.key)
        case .needs(let room):
            if !intent.mayWait { throw .wouldWait }
            try makeRoom(room, for: parts.header.recordByteCount, recordCount: 1)
        }
    }

    /// A store that takes no writes says so, not that a file cannot be read.
    private func examineUnlessRefused(
        _ intent: Intent, _ key: RawSpan
    ) throws(StoreError) -> Examined {
        do {
            let examined = try examine(intent.hash, key, mayWait: intent.mayWait)
            noteExamined(examined)
            return examined
        } catch {
            lock.lock()
            let refusal = state.refusal()
            lock.unlock()
            throw refusal ?? error
        }
    }

    /// Whoever writes new keys, or old ones, goes on with that as a rule.
    private func noteExamined(_ examined: Examined) {
        let isRecord = examined.slot != .empty
        if expectsRecords.load(ordering: .relaxed) != isRecord {
            expectsRecords.store(isRecord, ordering: .relaxed)
        }
    }

    /// Bounds the writes in flight: a submitter that finds too many commits them itself.
    private func commitIfCrowded() {
        guard pendingCount.now > tuning.pendingCountMaximum else { return }
        acquireLead()
        commitCycle(mustSync: false, lingers: false)
        releaseLead()
    }

    @inline(__always)
    private func attemptBuffered(
        _ intent: Intent, _ parts: borrowing RecordParts, _ examined: Examined,
        _ completion: Completion
    ) -> Attempt {
        lock.lock()
        // One access to the state: each costs its exclusivity check.
        let attempt = state.attempt(intent, parts, examined, completion)
        let isFull = !intent.mayWait && state.isBufferFull
        lock.unlock()
        if isFull { ringKeeperOnce(KeeperDuty.flush) }
        return attempt
    }

    // MARK: Past the buffers

    private func attemptDirect(
        _ intent: Intent, _ parts: borrowing RecordParts, _ examined: Examined,
        _ scratch: WriteScratch, _ completion: Completion
    ) throws(StoreError) -> Attempt {
        acquireLead()
        defer { releaseLead() }
        let attempt = try attemptStopped(
            intent, parts, examined, scratch, completion, makesRoom: false)
        guard case .needs(let room) = attempt else { return attempt }
        // Made while others still append; what they fill meanwhile does not matter.
        if room == .segment { try prepareSpare() }
        return try attemptStopped(intent, parts, examined, scratch, completion, makesRoom: true)
    }

    /// One attempt while nothing can be appended. Room that is made in the same stop cannot be taken
    /// by others: the record fits then, however many wait. The lead is held.
    private func attemptStopped(
        _ intent: Intent, _ parts: borrowing RecordParts, _ examined: Examined,
        _ scratch: WriteScratch, _ completion: Completion, makesRoom: Bool
    ) throws(StoreError) -> Attempt {
        stopLog()
        defer { resumeLog() }
        try flushAll()
        while true {
            let attempt = try appendDirect(intent, parts, examined, scratch, completion)
            guard makesRoom, case .needs = attempt else { return attempt }
            try makeRoomStopped(for: parts.header.recordByteCount, recordCount: 1)
        }
    }

    /// Nothing waits in memory and appends are stopped.
    private func appendDirect(
        _ intent: Intent, _ parts: borrowing RecordParts, _ examined: Examined,
        _ scratch: WriteScratch, _ completion: Completion
    ) throws(StoreError) -> Attempt {
        let tailsHead = parts.payloadTail.isEmpty
        let prefixByteCount = parts.header.prefixByteCount
        let headByteCount = prefixByteCount + (tailsHead ? 0 : parts.payloadHead.byteCount)
        let head = scratch.headBytes(headByteCount)
        lock.lock()
        let current: CurrentVersion
        var probe = index.probe(intent.hash)
        switch state.admit(intent, key: parts.key, examined: examined, &probe) {
        case .admitted(let version): current = version
        case .stale:
            lock.unlock()
            return .stale
        case .refused(let error):
            lock.unlock()
            throw error
        case .answer(let outcome):
            let attempt = state.answer(outcome, intent, completion)
            lock.unlock()
            return attempt
        }
        let room = state.directRoom(for: parts.header.recordByteCount, recordCount: 1)
        guard room == .ready else {
            lock.unlock()
            return .needs(room)
        }
        let placement = state.place(byteCount: parts.header.recordByteCount)
        var target = head.mutableBytes(0..<headByteCount)
        _ = state.encodePrefix(
            parts, at: placement, sharesHash: current.sharesHash, into: &target)
        if !tailsHead { target.copy(from: parts.payloadHead, to: prefixByteCount) }
        let totals = state.point.totals
        lock.unlock()
        try writeAtTail(
            head.bytes(0..<headByteCount), tailsHead ? parts.payloadHead : parts.payloadTail,
            placement, totals: totals)
        lock.lock()
        let attempt = state.accept(
            intent, parts, placement, current, index.probe(intent.hash), completion)
        lock.unlock()
        settleWritten()
        return attempt
    }

    /// Completes what only waited to be written.
    func settleWritten() {
        finish { state in
            var completed: [Completed] = []
            state.settle(into: &completed)
            return completed
        }
    }

    // MARK: Room

    /// Makes room of the kind that was missing. The lead is not held.
    func makeRoom(_ room: Room, for byteCount: Int, recordCount: Int) throws(StoreError) {
        acquireLead()
        defer { releaseLead() }
        try makeRoomAsLead(room, for: byteCount, recordCount: recordCount)
    }

    private func makeRoomAsLead(
        _ room: Room, for byteCount: Int, recordCount: Int
    ) throws(StoreError) {
        switch room {
        case .ready: break
        case .buffer:
            // Another writer may have made room while this one waited for the lead.
            lock.lock()
            let isFull = state.room(for: byteCount, recordCount: recordCount) == .buffer
            lock.unlock()
            if isFull { try flushOnce(whole: false) }
        case .segment: try rotate(for: byteCount, recordCount: recordCount)
        case .sequence:
            lock.lock()
            let isShort = state.nextSequence + UInt64(recordCount) > state.leaseEnd
            lock.unlock()
            if isShort { try renewLease(for: recordCount) }
        }
    }

    /// Throws what a put would be refused for, whatever its key. May wait for the disk.
    package func checkTakesPuts() throws(StoreError) {
        try checkTakesWrites()
        try checkSpace()
    }

    /// Throws what any write would be refused for.
    package func checkTakesWrites() throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        if let refusal = state.refusal() { throw refusal }
    }

    /// Refuses puts while the disk is full; finds out when it no longer is.
    func checkSpace() throws(StoreError) {
        guard isDiskFull.load(ordering: .relaxed) else { return }
        acquireLead()
        defer { releaseLead() }
        let hasRegained: Bool
        do {
            hasRegained = try reserve.regain(every: tuning.regainNanoseconds)
        } catch {
            throw StoreError(error, doing: "setting space aside again")
        }
        guard hasRegained else {
            throw StoreError(
                .diskFull,
                "the file system of \(storage.location) is full: reads and deletes go on, "
                    + "writes resume by themselves when \(reserve.regainByteCount) bytes are free",
                errno: 28)
        }
        isDiskFull.store(false, ordering: .relaxed)
    }
}

/// How one attempt to append ended.
enum Attempt {
    case done(WriteOutcome)
    case waiting
    case stale
    case needs(Room)
}

extension LogState {
    /// Appends a record to the current buffer, if it may be and there is room.
    mutating func attempt(
        _ intent: Intent, _ parts: borrowing RecordParts, _ examined: Examined,
        _ completion: Completion
    ) -> Attempt {
        var probe = index.probe(intent.hash)
        switch admit(intent, key: parts.key, examined: examined, &probe) {
        case .stale: return .stale
        case .refused(let error): return .done(.failure(error))
        case .answer(let outcome): return answer(outcome, intent, completion)
        case .admitted(let current):
            if isStopped { return .needs(.segment) }
            let byteCount = parts.header.recordByteCount
            let room = intent.mayWait ? room(for: byteCount) : promptRoom(for: byteCount)
            guard room == .ready else { return .needs(room) }
            let placement = append(parts, sharesHash: current.sharesHash)
            return accept(intent, parts, placement, current, probe, completion)
        }
    }

    /// The shortest way, that of a fill: appends the interval put of a key that is not there, and
    /// publishes it. Nil, and nothing done, when anything is not as usual: then `attempt` decides.
    /// Saves a fifth of the instructions of a put of 100 bytes.
    @inline(__always)
    mutating func appendNew(_ hash: UInt64, _ parts: borrowing RecordParts) -> WriteReceipt? {
        guard takesWrites, pending.isEmpty, !isStopped else { return nil }
        let probe = index.probe(hash)
        let byteCount = parts.header.recordByteCount
        guard probe.location == .empty, room(for: byteCount) == .ready else { return nil }
        let placement = append(parts)
        index.set(
            probe,
            to: Location(
                segmentOrdinal: placement.segmentOrdinal, offset: placement.offset,
                recordByteCount: byteCount, kind: .put))
        keyCount += 1
        segments[placement.segmentOrdinal].liveByteCount += UInt64(truncatingIfNeeded: byteCount)
        unsyncedHashes.append(hash)
        holdsAcknowledged = true
        return WriteReceipt(version: Version(sequence: placement.sequence), replaced: false)
    }

    /// Whether records that bypass the buffers can be written; `buffer` is never missing.
    func directRoom(for byteCount: Int, recordCount: Int) -> Room {
        if nextSequence + UInt64(recordCount) > leaseEnd { return .sequence }
        return segmentHasRoom(for: byteCount, recordCount: recordCount) ? .ready : .segment
    }

    private mutating func noteExpiry(of intent: Intent, byteCount: Int) {
        let chunkCount = intent.extent?.chunkCount ?? 0
        expiries.add(
            intent.expiry, byteCount: byteCount,
            chunkByteCount: chunkCount * UInt64(tuning.chunkByteCount))
    }

    /// An answer without a record, at once or behind what it rests on.
    mutating func answer(
        _ outcome: WriteOutcome, _ intent: Intent, _ completion: Completion
    ) -> Attempt {
        let isQueued = queueBarrier(
            outcome, hash: intent.hash, durability: intent.durability, completion: completion)
        // Nobody else will: the caller of a refusal that comes later has let go of its chunks.
        if isQueued, let extent = intent.extent, !intent.isUpdate { retire(extent) }
        return isQueued ? .waiting : .done(outcome)
    }

    /// Publishes an appended record, or queues it until the disk has it.
    @inline(__always)
    mutating func accept(
        _ intent: Intent, _ parts: borrowing RecordParts, _ placement: Placement,
        _ current: CurrentVersion, _ probe: Index.Probe, _ completion: Completion
    ) -> Attempt {
        if let failure {
            // A sync failed while the record was written past the buffers.
            uncertainHashes.insert(intent.hash)
            return .done(.failure(failure))
        }
        if PlantedBug.uploadChunksDropped.isPlanted, let extent = intent.extent {
            plantedComposites.insert(extent.blobID)
        }
        let receipt = WriteReceipt(
            version: Version(sequence: placement.sequence),
            replaced: current.isBlob)
        if intent.expiry != 0 { noteExpiry(of: intent, byteCount: placement.byteCount) }
        let location = Location(
            segmentOrdinal: placement.segmentOrdinal, offset: placement.offset,
            recordByteCount: placement.byteCount, kind: intent.action.locationKind)
        if intent.action == .chunk {
            publishChunk(
                intent.hash, key: parts.key, location: location, byteCount: placement.byteCount)
        } else if intent.durability == .interval {
            publishAtOnce(
                intent.action, probe, hash: intent.hash, key: parts.key, location: location,
                byteCount: placement.byteCount, replaced: current.replaced, extent: intent.extent)
            return .done(.success(receipt))
        }
        pending.append(
            PendingEntry(
                action: intent.action, hash: intent.hash, key: parts.key.copyBytes(),
                location: location, sequence: placement.sequence, byteCount: placement.byteCount,
                endOffset: placement.endOffset, durability: intent.durability,
                extent: intent.extent, sharesBlob: intent.isUpdate, expiry: intent.expiry,
                replaced: current.replaced, completion: completion,
                outcome: .success(receipt)))
        return .waiting
    }
}

extension PendingEntry.Action {
    var locationKind: Location.Kind {
        switch self {
        case .put, .delete, .barrier: .put
        case .composite: .composite
        case .chunk: .chunk
        }
    }
}
