// Background work in steps: each call does one bounded piece, so that a simulation can put a power
// cut between any two. The facade's keeper thread calls it while there is something to do.
//
// Nothing waits for a step: what is left undone is done later by a writer, at its own cost, or by
// the next opening. Chunks leave the index only when their composite record is replaced and nobody
// pins the blob. Any thread, without locks: `markIdle` takes the lead, the steps take the making,
// manifest and log locks for themselves. Spec: Engine.md, "Rotation", "Opening", "Index".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Chunks that one step removes from the index.
    private static var chunksPerStep: UInt64 { 256 }

    /// Does one piece of the background work that writers would else do themselves; false when
    /// there was none.
    package func urgentStep() throws(StoreError) -> Bool {
        if try prepareAhead() { return true }
        if try listEnded() { return true }
        if try renewLeaseAhead() { return true }
        if removeDeadChunks() { return true }
        if zeroSpare() { return true }
        readers.reclaim()
        // The last of all, for it may fail time and again.
        return try retryUnreadableChunk()
    }

    /// `urgentStep`, and when there is nothing urgent, or it fails, a piece of a hint; then one of a
    /// compaction.
    package func backgroundStep() throws(StoreError) -> Bool {
        do {
            if try urgentStep() { return true }
        } catch {
            // What cannot be done for now keeps no hint waiting.
            _ = try hintStep()
            throw error
        }
        if try hintStep() { return true }
        return try compactionStep()
    }

    /// Appends and syncs a mark, so that the last acknowledged batch is proven too: what a
    /// record's lag says of the log before it, the mark says of the last record. Does nothing
    /// when nothing was appended since the last mark.
    package func markIdle() throws(StoreError) {
        acquireLead()
        defer { releaseLead() }
        guard isMarkDue() else { return }
        try flushToTail()
        syncIfNeeded(force: true)
        try checkUsable()
        guard appendMark() else { return }
        try flushToTail()
        syncIfNeeded(force: true)
    }

    /// Marks the log if nothing was appended since the last call; false when something was.
    package func markIfIdle() throws(StoreError) -> Bool {
        lock.lock()
        let tail = state.tail
        let isIdle = tail == state.tailAtIdleCheck
        state.tailAtIdleCheck = tail
        lock.unlock()
        guard isIdle else { return false }
        try markIdle()
        return true
    }

    private func isMarkDue() -> Bool {
        lock.lock()
        defer { lock.unlock() }
        return state.refusal() == nil && state.recordsSinceMark > 0 && state.active != nil
    }

    /// False when there is no room for it: the seal that comes next proves as much.
    private func appendMark() -> Bool {
        let header = RecordHeader(sequence: 0, type: .mark, keyByteCount: 0)
        lock.lock()
        defer { lock.unlock() }
        guard state.room(for: header.recordByteCount) == .ready else { return false }
        _ = state.append(
            RecordParts(
                header: header, key: RawSpan(), metadata: RawSpan(), payloadHead: RawSpan(),
                payloadTail: RawSpan()))
        state.recordsSinceMark = 0
        return true
    }

    /// Lists ended segments as sealed.
    private func listEnded() throws(StoreError) -> Bool {
        guard hasEndedEntries else { return false }
        try updateManifest { _ in }
        return true
    }

    /// Makes the next segment: when the first one is half full, and after each rotation at once,
    /// while the disk has little to do; one manifest then lists the new and seals the old one.
    private func prepareAhead() throws(StoreError) -> Bool {
        lock.lock()
        let isDue = state.refusal() == nil && state.wantsSpare
        lock.unlock()
        guard isDue, !isDiskFull.load(ordering: .relaxed) else { return false }
        try prepareSpare()
        return true
    }

    /// Renews the sequence lease when three quarters of it are used.
    private func renewLeaseAhead() throws(StoreError) -> Bool {
        lock.lock()
        let isDue =
            state.refusal() == nil
            && state.leaseEnd - state.nextSequence < tuning.sequenceLease / 4
        lock.unlock()
        guard isDue, !isDiskFull.load(ordering: .relaxed) else { return false }
        try renewLease()
        return true
    }

    // MARK: Chunks of replaced blobs

    /// When to look again for chunks that nobody holds any more; nil: there are none.
    package var deadChunksDue: UInt64? {
        lock.lock()
        let isEmpty = state.deadChunks.isEmpty
        lock.unlock()
        return isEmpty ? nil : storage.monotonicClock() + 1_000_000_000
    }

    /// Takes some chunks of a blob that nobody names or reads any more out of the index, the last
    /// ones first. The first that cannot be read is set aside and ends the step.
    func removeDeadChunks() -> Bool {
        guard let extent = takeDeadBlob() else { return false }
        var left = extent.chunkCount
        let end = left - min(left, Self.chunksPerStep)
        while left > end {
            left -= 1
            let chunk = ChunkKey(blobID: extent.blobID, chunkNumber: UInt32(left))
            do {
                try removeChunk(chunk)
            } catch {
                // Told when it fails again, behind everything that need not wait for it.
                setAside(chunk, again: false)
                break
            }
        }
        if left > 0 { retireBlob(BlobExtent(blobID: extent.blobID, chunkCount: left)) }
        return true
    }

    /// Tries a chunk again that could not be read.
    private func retryUnreadableChunk() throws(StoreError) -> Bool {
        let now = storage.monotonicClock()
        lock.lock()
        let chunk = state.deadChunks.takeUnreadable(at: now)
        lock.unlock()
        guard let chunk else { return false }
        do {
            try removeChunk(chunk)
        } catch {
            setAside(chunk, again: true)
            throw error
        }
        return true
    }

    private func takeDeadBlob() -> BlobExtent? {
        let now = storage.monotonicClock()
        lock.lock()
        defer { lock.unlock() }
        return state.deadChunks.takeBlob(at: now, isPinned: pins.isPinned)
    }

    private func setAside(_ chunk: ChunkKey, again isRetry: Bool) {
        let now = storage.monotonicClock()
        lock.lock()
        state.deadChunks.setAside(
            chunk, again: isRetry, at: now, pause: tuning.unreadableChunkPauseNanoseconds)
        lock.unlock()
    }

    private func removeChunk(_ chunkKey: ChunkKey) throws(StoreError) {
        let key = chunkKey.encoded
        let hash = chunkHash(key.rawSpan)
        while true {
            let examined = try examine(hash, key.rawSpan)
            guard let found = examined.found else { return }
            lock.lock()
            let isOut = state.removeChunk(
                hash, key: key.rawSpan, at: examined.occupant, byteCount: found.byteCount)
            lock.unlock()
            // Compaction may have moved it meanwhile.
            if isOut { return }
        }
    }
}
