// Committing: one write, one sync, then publish and tell the callers, in groups.
//
// Every function here is called by the holder of the lead, without the log lock.
// A failed sync is final (`failForGood`); a failed write ends the segment, or is repeated when the
// memory holds records that were acknowledged already. Spec: Engine.md, "Failures".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Writes and, if anybody asked for it, syncs what was appended; settles every waiting write
    /// that this covers. Takes the lead; returns at once when another holds it.
    package func commit(sync: Bool = false) {
        guard acquireLead(forPendingOr: sync) else { return }
        commitCycle(mustSync: sync, lingers: false)
        releaseLead()
    }

    /// Takes the lead if it is free and there is something to do.
    private func acquireLead(forPendingOr mustSync: Bool) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard !state.isLed, mustSync || !state.pending.isEmpty else { return false }
        state.isLed = true
        return true
    }

    /// Waits for the lead, then writes and syncs everything that was appended before the call.
    package func flush() throws(StoreError) {
        acquireLead()
        defer { releaseLead() }
        try flushAll()
        syncIfNeeded(force: true)
        try checkUsable()
    }

    func checkUsable() throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        if let failure = state.failure { throw failure }
    }

    func commitCycle(mustSync: Bool, lingers: Bool) {
        if lingers { linger() }
        do {
            try flushOnce()
        } catch {
            return  // Everybody concerned was told by `flushOnce`.
        }
        if PlantedBug.acknowledgedBeforeSync.isPlanted { settleUnsynced() }
        syncIfNeeded(force: mustSync)
    }

    /// Lets the writers of the last batch join this one. Gains 11 to 29 % with several writers.
    private func linger() {
        lock.lock()
        let expected = state.lastBatchCount
        var count = state.pending.count
        lock.unlock()
        guard expected > 1, count < expected, tuning.lingerNanoseconds > 0 else { return }
        let start = storage.monotonicClock()
        while count < expected, storage.monotonicClock() - start < tuning.lingerNanoseconds {
            yieldProcessor()
            lock.lock()
            count = state.pending.count
            lock.unlock()
        }
    }

    // MARK: Writing

    /// Writes until nothing waits in memory. Terminates when appends are stopped.
    func flushAll() throws(StoreError) {
        while try flushOnce() {}
    }

    /// Writes one buffer; false when there was nothing to write.
    @discardableResult
    func flushOnce() throws(StoreError) -> Bool {
        lock.lock()
        let failure = state.failure
        let plan = failure == nil ? state.takeFlush() : nil
        let active = state.active
        lock.unlock()
        if let failure { throw failure }
        guard let plan, let active else { return false }
        do {
            try write(plan, to: active.file)
        } catch {
            throw writeFailed(error)
        }
        finish { state in
            state.noteFlushed(plan)
            var completed: [Completed] = []
            state.settle(into: &completed)
            return completed
        }
        return true
    }

    private func write(_ plan: FlushPlan, to file: FileHandle) throws(FileError) {
        let buffer = buffers[plan.bufferIndex]
        try storage.write(file, buffer.bytes(0..<plan.byteCount), at: plan.offset)
    }

    /// Runs `body` under the log lock, then tells the callers it names.
    func finish(_ body: (inout LogState) -> [Completed]) {
        lock.lock()
        let completed = body(&state)
        lock.unlock()
        for item in completed { item.completion.complete(item.outcome) }
    }

    /// The planted fault of acknowledging before the sync.
    private func settleUnsynced() {
        finish { state in
            let syncedOffset = state.syncedOffset
            state.syncedOffset = state.flushedOffset
            var completed: [Completed] = []
            state.settle(into: &completed)
            state.syncedOffset = syncedOffset
            return completed
        }
    }

    // MARK: Syncing

    /// Syncs the active segment if a writer waits for it, or when `force` says so.
    func syncIfNeeded(force: Bool) {
        lock.lock()
        let needed = force || state.pending.needsSync
        let isBehind = state.syncedOffset < state.flushedOffset
        let upTo = state.flushedOffset
        let hashCount = state.syncableHashCount
        let active = state.active
        let failure = state.failure
        if needed { state.lastBatchCount = state.pending.count }
        lock.unlock()
        guard needed, failure == nil else { return }
        if isBehind, let active {
            if !force { zeroAhead(of: upTo, in: active) }
            guard synchronize(active.file) else { return }
        }
        finish { state in
            if isBehind { state.noteSynced(to: upTo, hashCount: hashCount) }
            var completed: [Completed] = []
            state.settle(into: &completed)
            return completed
        }
    }

    /// Syncs a file of the log; a failure is final. False when it failed.
    func synchronize(_ file: FileHandle) -> Bool {
        do {
            if let late = lateFile.take() { try storage.synchronize(late) }
            try storage.synchronize(file)
            return true
        } catch {
            if PlantedBug.failedSyncRetried.isPlanted, (try? storage.synchronize(file)) != nil {
                return true
            }
            failForGood(error)
            return false
        }
    }

    /// Keeps zeros ahead of the tail while commits are small: a synced write into a file that
    /// grows costs 4 to 6 times as much on a journaled file system.
    private func zeroAhead(of offset: UInt64, in active: ActiveSegment) {
        let step = UInt64(tuning.zeroAheadByteCount)
        guard step > 0, offset + step / 8 > active.zeroedOffset, !active.isEnded else { return }
        let start = max(offset, active.zeroedOffset)
        let end = min(offset + step, active.byteCountTarget)
        guard start < end else { return }
        let zeros = zeros
        do {
            try storage.write(active.file, zeros.bytes(0..<Int(end - start)), at: start)
        } catch {
            // No room for zeros is no failure of the commit: its own bytes are written.
            return
        }
        lock.lock()
        state.active?.zeroedOffset = end
        lock.unlock()
    }

    // MARK: Failing

    /// After a failed write: what can be taken back is, and everybody concerned is told.
    func writeFailed(_ error: FileError) -> StoreError {
        let failure = StoreError(error, doing: "writing to the log")
        lock.lock()
        let keeps = state.holdsAcknowledged
        let cut = state.active.map { ($0.file, state.flushedOffset) }
        state.writeFailureCount += error.isOutOfSpace ? 0 : 1
        let isFinal = state.writeFailureCount >= tuning.writeFailureMaximum
        lock.unlock()
        if !keeps, let cut { discardTail(of: cut.0, from: cut.1) }
        finish { state in
            var completed: [Completed] = []
            if keeps {
                state.failUnflushed(failure, into: &completed)
            } else {
                state.abandonUnflushed(failure, into: &completed)
            }
            return completed
        }
        noteFull(error)
        if isFinal { failForGood(error) }
        return failure
    }

    /// Cuts off what a failed write may have left. If that fails too, a restart may find records
    /// there whose writers were told of an error; that is allowed, so nothing is reported.
    private func discardTail(of file: FileHandle, from offset: UInt64) {
        do { try storage.truncate(file, to: offset) } catch { return }
    }

    /// The store takes no more writes until it is reopened.
    func failForGood(_ error: FileError) {
        let failure = StoreError(
            .outcomeUnknown,
            "\(error); what was not yet synced may or may not survive: close the store and open "
                + "it again", errno: error.code)
        hasFailed.store(true, ordering: .sequentiallyConsistent)
        finish { state in
            var completed: [Completed] = []
            state.fail(failure, into: &completed)
            return completed
        }
    }

    func releaseReserve() {
        do {
            try reserve.release(storage)
        } catch {
            // The disk stays full; the next delete will be told so.
            return
        }
    }
}
