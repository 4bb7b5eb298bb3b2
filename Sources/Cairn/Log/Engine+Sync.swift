// Syncing the log: one sync at a time, by the holder of the lead or by the keeper beside it.
//
// The *sync role* is apart from the lead, so that buffers are written while a sync is under way. It
// is one role because the kernel reports a failed write-back to one caller only: of two syncs at a
// time the wrong one might believe that it succeeded. Taken after the lead, before the locks.
// A failed sync is final. Spec: Engine.md, "The rules of order".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Waits for the sync role. The log lock is not held.
    private func acquireSync() {
        lock.lock()
        while state.isSyncing {
            let parker = Parker()
            state.syncWaiters.append(parker)
            lock.unlock()
            parker.park()
            lock.lock()
        }
        state.isSyncing = true
        lock.unlock()
    }

    private func releaseSync() {
        lock.lock()
        state.isSyncing = false
        let waiters = state.syncWaiters
        state.syncWaiters.removeAll()
        let hasFailed = state.failure != nil
        lock.unlock()
        for waiter in waiters { waiter.unpark() }
        if hasFailed { giveUpUnsynced() }
    }

    /// Nothing is synced after a failure, so what is not synced by now never will be.
    private func giveUpUnsynced() {
        finish { state in
            var completed: [Completed] = []
            state.giveUpUnsynced(into: &completed)
            return completed
        }
    }

    /// Syncs the active segment if a writer waits for it, or when `force` says so, and settles
    /// what that covers. The lead is held.
    func syncIfNeeded(force: Bool) {
        lock.lock()
        let needed = force || state.pending.needsSync
        if needed { state.lastBatchCount = state.pending.count }
        lock.unlock()
        guard needed else { return }
        acquireSync()
        syncActive(zeroesAhead: !force)
        releaseSync()
    }

    /// The sync role is held.
    private func syncActive(zeroesAhead: Bool) {
        lock.lock()
        let isBehind = state.syncedOffset < state.flushedOffset
        let upTo = state.flushedOffset
        let hashCount = state.syncableHashCount
        let active = state.active
        let failure = state.failure
        lock.unlock()
        guard failure == nil else { return }
        if isBehind, let active {
            if zeroesAhead { zeroAhead(of: upTo, in: active) }
            guard synchronize(active.file) else { return }
        }
        finish { state in
            // A segment that ended meanwhile was synced to its end by the lead.
            guard state.active?.ordinal == active?.ordinal else { return [] }
            if isBehind { state.noteSynced(to: upTo, hashCount: hashCount) }
            var completed: [Completed] = []
            state.settle(into: &completed)
            return completed
        }
    }

    /// Syncs a file of the log; a failure is final. False when it failed.
    private func synchronize(_ file: FileHandle) -> Bool {
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
    /// grows costs 4 to 6 times as much on a journaled file system. The lead is held.
    private func zeroAhead(of offset: UInt64, in active: ActiveSegment) {
        let step = UInt64(tuning.zeroAheadByteCount)
        if !active.hasWaitedFor { noteWaitedFor() }
        guard step > 0, offset + step / 8 > active.zeroedOffset else { return }
        let start = max(offset, active.zeroedOffset)
        // Cut as the buffers are, for the same reason: see `takeFlush`.
        let end = min((offset + step) / (step / 4) * (step / 4), active.byteCountTarget)
        guard start < end, takesRecords else { return }
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

    /// Whether the active segment goes on; a failed write ends it.
    private var takesRecords: Bool {
        lock.lock()
        defer { lock.unlock() }
        return state.point.isOpen
    }

    private func noteWaitedFor() {
        lock.lock()
        state.active?.hasWaitedFor = true
        lock.unlock()
    }

    // MARK: Beside the writers

    /// Asks the keeper to let the disk begin when much is written, so that the sync that somebody
    /// will wait for, at the end of the segment or of the interval, is short.
    func ringIfBehind() {
        lock.lock()
        let isDue = state.writableRange != nil
        lock.unlock()
        if isDue { ringKeeper(KeeperDuty.startWriting) }
    }

    /// Lets the disk begin with what is written, while others append and write. No role is held.
    package func startWriting() {
        let token = readers.enter()
        defer { readers.leave(token) }
        lock.lock()
        let range = state.writableRange
        let file = state.active?.file
        if let range { state.active?.writingOffset = range.upperBound }
        lock.unlock()
        if let range, let file { storage.startWriting(file, range) }
    }

    /// Writes and syncs interval writes whose time has come; false when that must be tried again.
    package func syncInterval() -> Bool {
        acquireLead()
        do {
            try flushToTail()
        } catch {
            // The disk is full or the store has failed: every later write is told.
            releaseLead()
            return error.kind == .outcomeUnknown
        }
        releaseLead()
        syncBesideWriters()
        return true
    }

    /// Syncs what is written, while others append and write: the lead is not held. A segment that ended
    /// meanwhile was synced by whoever ended it.
    func syncBesideWriters() {
        acquireSync()
        syncActive(zeroesAhead: false)
        releaseSync()
    }
}
