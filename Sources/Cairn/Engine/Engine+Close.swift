// Closing: everything appended is made durable, the active segment sealed, the lock given back.
//
// Order: seal, sync and list the last segment; write the hints that are missing; refuse what comes
// later; answer everybody who still waits; wait for the readers; only then close files, and give the
// store's lock back last. After a failure nothing more is written, but the rest is done all the
// same. The caller promises that no other call is under way or follows; `close` takes the lead and
// the locks for itself.

internal import CairnFormat
internal import CairnSystem

extension Engine {
    /// Ends the store's life. Throws when something that was acknowledged before its sync may be
    /// lost; the store is closed all the same. No call may be under way or follow.
    package func close() throws(StoreError) {
        // What is committed stays; files of replaced segments go when the store is next opened.
        compactionLock.withLock { endCompaction() }
        acquireLead()
        let failure = sealTwice()
        lock.lock()
        let wasClosed = state.isClosed
        state.isClosed = true
        lock.unlock()
        tellEverybody(failure)
        releaseLead()
        deliver()
        if wasClosed { return }
        readers.synchronize()
        closeFiles()
        if options.access != .readOnly { storage.unlock() }
        if let failure { throw failure }
    }

    /// On a full disk the first attempt gives up the reserve, the second may use it.
    private func sealTwice() -> StoreError? {
        do {
            try seal()
            return nil
        } catch {
            guard error.kind == .diskFull else { return error }
        }
        do {
            try seal()
            return nil
        } catch {
            return error
        }
    }

    /// Nobody waits for a store that is closed.
    private func tellEverybody(_ failure: StoreError?) {
        let unknown = StoreError(
            .outcomeUnknown, failure?.message ?? "the store was closed before the write was synced")
        finish { state in
            var completed: [Completed] = []
            if !state.pending.isEmpty { state.fail(unknown, into: &completed) }
            return completed
        }
    }

    /// Nothing is written to a store that is open for reading or has failed.
    private func seal() throws(StoreError) {
        lock.lock()
        let failure = state.failure
        let isIdle = state.isReadOnly || state.isClosed
        lock.unlock()
        if let failure { throw failure }
        if isIdle { return }
        try withStoppedLog { () throws(StoreError) in
            try endActive()
        }
        try dropSpare()
        if hasEndedEntries { try updateManifest { _ in } }
        finishHints()
    }

    /// The spare segment holds nothing: it leaves the list, then the directory.
    private func dropSpare() throws(StoreError) {
        lock.lock()
        let spare = state.spare
        state.spare = nil
        lock.unlock()
        guard let spare else { return }
        storage.close(spare.file)
        try updateManifest { $0.entries.removeAll { $0.id == spare.id } }
        do {
            try storage.unlink(SegmentFileName(spare.id).description, in: .segments)
        } catch {
            throw StoreError(error, doing: "removing an empty segment")
        }
    }

    private func closeFiles() {
        hints.stop()
        lock.lock()
        let count = state.segments.count
        let spare = state.spare
        lock.unlock()
        for ordinal in 0..<count {
            let file = handles.remove(ordinal)
            if file >= 0 { storage.close(FileHandle(rawValue: file)) }
        }
        if let spare { storage.close(spare.file) }
        if let file = reserve.file { storage.close(file) }
    }
}
