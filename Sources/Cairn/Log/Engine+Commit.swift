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
        if acquireLead(forPendingOr: sync) {
            commitCycle(mustSync: sync, lingers: true)
            releaseLead()
        }
        deliver()
    }

    /// Takes the lead if it is free and there is something to do.
    private func acquireLead(forPendingOr mustSync: Bool) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        // A write that failed and is to be repeated waits for the end of the interval.
        let isWanted = !state.pending.isEmpty && state.flushing == nil
        guard !state.isLed, mustSync || isWanted else { return false }
        state.isLed = true
        return true
    }

    /// Waits for the lead, then writes and syncs everything that was appended before the call.
    package func flush() throws(StoreError) {
        defer { deliver() }
        acquireLead()
        defer { releaseLead() }
        try flushToTail()
        syncIfNeeded(force: true)
        try checkUsable()
    }

    /// Writes what was appended before the call, and perhaps more. The lead is held.
    func flushToTail() throws(StoreError) {
        lock.lock()
        let target = state.tail
        lock.unlock()
        while isBehind(target), try flushOnce() {}
    }

    private func isBehind(_ target: UInt64) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        return state.flushedOffset < target
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
            // Everybody concerned was told. What was written before still wants its sync.
        }
        if PlantedBug.acknowledgedBeforeSync.isPlanted { settleUnsynced() }
        syncIfNeeded(force: mustSync)
    }

    /// Lets the writers of the last batch join this one. Gains 11 to 29 % with several writers.
    private func linger() {
        lock.lock()
        let expected = state.lastBatchCount
        lock.unlock()
        guard expected > 1, tuning.lingerNanoseconds > 0 else { return }
        let start = storage.monotonicClock()
        // Counted too, for a clock that stands still.
        for _ in 0..<1024 where pendingCount.now < expected {
            if storage.monotonicClock() - start >= tuning.lingerNanoseconds { break }
            yieldProcessor()
        }
    }

    // MARK: Writing

    /// Writes until nothing waits in memory. Terminates when appends are stopped.
    func flushAll() throws(StoreError) {
        while try flushOnce() {}
    }

    /// Writes one buffer; false when there was nothing to write. Not `whole`: enough to make room.
    @discardableResult
    func flushOnce(whole: Bool = true) throws(StoreError) -> Bool {
        lock.lock()
        let failure = state.failure
        let plan = failure == nil ? state.takeFlush(whole: whole) : nil
        let active = state.active
        lock.unlock()
        if let failure { throw failure }
        guard let plan, let active else { return false }
        do {
            try write(plan, to: active.file)
        } catch {
            try writeAgain(plan, to: active.file, after: error)
        }
        finish { state in
            state.noteFlushed(plan)
            var completed: [Completed] = []
            state.settle(into: &completed)
            return completed
        }
        ringIfBehind()
        return true
    }

    /// Writes a full buffer, if nobody else is at it, for those who may not wait.
    package func flushFull() {
        guard acquireLeadIfFree() else { return }
        lock.lock()
        let isFull = state.isBufferFull && state.flushing == nil
        lock.unlock()
        if isFull {
            do {
                try flushOnce(whole: false)
            } catch {
                // Everybody concerned was told.
            }
        }
        releaseLead()
    }

    private func write(_ plan: FlushPlan, to file: FileHandle) throws(FileError) {
        let buffer = plan.buffer
        try storage.write(file, buffer.bytes(0..<plan.byteCount), at: plan.offset)
    }

    /// Deletes do not fail because the disk is full: what waits together with one is written once
    /// more, to the same place, in the space that RESERVE gives up.
    private func writeAgain(
        _ plan: FlushPlan, to file: FileHandle, after error: FileError
    ) throws(StoreError) {
        lock.lock()
        let holdsDelete = state.holdsDelete
        lock.unlock()
        guard error.isOutOfSpace, holdsDelete, noteFull(error) else { throw writeFailed(error) }
        do {
            try write(plan, to: file)
        } catch {
            throw writeFailed(error)
        }
    }

    /// Runs `body` under the log lock, then tells the callers it names. Blocked callers and
    /// uploads learn it here; callbacks are queued in log order for `deliver`.
    func finish(_ body: (inout LogState) -> [Completed]) {
        lock.lock()
        let completed = body(&state)
        for item in completed {
            if case .callback = item.completion { state.deliveries.append(item) }
        }
        lock.unlock()
        for item in completed {
            switch item.completion {
            case .none, .callback: break
            case .waiter(let waiter): if waiter.finish(item.outcome) { releaseLead() }
            case .chunk(let upload):
                if case .failure(let error) = item.outcome { upload.note(error) }
            }
        }
    }

    /// Calls back what is queued, unless another thread is at it. The caller holds no lock and no
    /// role: a callback may write to the store.
    package func deliver() {
        lock.lock()
        guard !state.isDelivering else { return lock.unlock() }
        state.isDelivering = true
        while !state.deliveries.isEmpty {
            let batch = state.deliveries
            state.deliveries.removeAll()
            lock.unlock()
            for item in batch {
                if case .callback(let call) = item.completion { call(item.outcome) }
            }
            lock.lock()
        }
        state.isDelivering = false
        lock.unlock()
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

    // MARK: Failing

    /// After a failed write: what can be taken back is, and everybody concerned is told.
    func writeFailed(_ error: FileError) -> StoreError {
        let failure = StoreError(error, doing: "writing to the log")
        var isFinal = error.isReadOnly
        var cut: (file: FileHandle, offset: UInt64)?
        // Decided and done under one lock: an interval write may be acknowledged at any moment.
        finish { state in
            var completed: [Completed] = []
            state.writeFailureCount += error.isOutOfSpace ? 0 : 1
            isFinal = isFinal || state.writeFailureCount >= tuning.writeFailureMaximum
            if state.holdsAcknowledged {
                state.failUnflushed(failure, into: &completed)
            } else {
                cut = state.active.map { ($0.file, state.flushedOffset) }
                state.abandonUnflushed(failure, into: &completed)
            }
            return completed
        }
        // The segment has ended and the lead is held: nobody writes there any more.
        if let cut { discardTail(of: cut.file, from: cut.offset) }
        noteFull(error)
        if isFinal { failForGood(error) }
        return failure
    }

    /// Cuts off what a failed write may have left. If that fails too, a restart may find records
    /// there whose writers were told of an error; that is allowed, so nothing is reported.
    private func discardTail(of file: FileHandle, from offset: UInt64) {
        do { try storage.truncate(file, to: offset) } catch { return }
    }

    /// The store takes no more writes until it is reopened. Returns what every write is told from
    /// now on: the first failure.
    @discardableResult
    func failForGood(_ error: FileError) -> StoreError {
        let failure = StoreError(
            .outcomeUnknown,
            "\(error); what was not yet synced may or may not survive: close the store and open "
                + "it again", errno: error.code)
        hasFailed.store(true, ordering: .sequentiallyConsistent)
        manifest.stop(error)
        finish { state in
            var completed: [Completed] = []
            state.fail(failure, into: &completed)
            return completed
        }
        // Callbacks may be due, and this thread may be one that calls nobody back.
        wakeKeeper()
        lock.lock()
        defer { lock.unlock() }
        return state.failure ?? failure
    }

    /// Begins the disk-full state if that is what the error says; true when RESERVE was given up.
    @discardableResult
    func noteFull(_ error: FileError) -> Bool {
        guard error.isOutOfSpace else { return false }
        isDiskFull.store(true, ordering: .relaxed)
        return releaseReserve()
    }

    /// False when there was nothing to give up.
    func releaseReserve() -> Bool {
        do {
            return try reserve.release()
        } catch {
            // The disk stays full; the next delete will be told so.
            return false
        }
    }
}
