// What the disk reports back: written, synced, or failed.

internal import CairnFormat
internal import CairnSystem

extension LogState {
    /// Hands the current buffer to the disk and lets appends go on in the other one. The plan
    /// of a write that failed and is to be repeated comes first. Nil: nothing to write.
    mutating func takeFlush() -> FlushPlan? {
        if let flushing { return flushing }
        guard fill > 0, let active else { return nil }
        let plan = FlushPlan(
            bufferIndex: currentBuffer, offset: bufferBase, byteCount: fill,
            summary: active.summary, hashCount: unsyncedHashes.count)
        flushing = plan
        currentBuffer = 1 - currentBuffer
        bufferBase += UInt64(fill)
        fill = 0
        return plan
    }

    /// A planned write succeeded.
    mutating func noteFlushed(_ plan: FlushPlan) {
        flushing = nil
        flushedHashCount = plan.hashCount
        noteWritten(to: plan.endOffset, summary: plan.summary)
    }

    /// How many noted hashes a sync that begins now covers. Some may be counted late, never early.
    var syncableHashCount: Int {
        fill == 0 && flushing == nil ? unsyncedHashes.count : flushedHashCount
    }

    /// The file now holds everything below `offset`.
    mutating func noteWritten(to offset: UInt64, summary: SegmentSummary) {
        guard let ordinal = active?.ordinal else { return }
        flushedOffset = offset
        active?.flushedSummary = summary
        handles.setFlushedOffset(offset, for: ordinal)
        segments[ordinal].logicalByteCount = offset
        segments[ordinal].recordCount = summary.recordCount
        writeFailureCount = 0
        if fill == 0 { holdsAcknowledged = false }
    }

    /// A sync succeeded that began when `offset` was flushed and `hashCount` hashes were noted.
    mutating func noteSynced(to offset: UInt64, hashCount: Int) {
        syncedOffset = max(syncedOffset, offset)
        if hashCount == unsyncedHashes.count {
            unsyncedHashes.removeAll(keepingCapacity: true)
        } else {
            unsyncedHashes.removeFirst(hashCount)
        }
        flushedHashCount = max(0, flushedHashCount - hashCount)
    }

    /// A write failed and nothing in memory was acknowledged: everything behind
    /// `flushedOffset` never was, and the segment ends there.
    mutating func abandonUnflushed(_ error: StoreError, into completed: inout [Completed]) {
        for counter in pending.counters where pending[counter].endOffset > flushedOffset {
            let entry = pending[counter]
            if entry.isDone { continue }
            if entry.action == .chunk { withdrawChunk(entry) }
            pending[counter].isDone = true
            pending[counter].isVoid = true
            completed.append(Completed(completion: entry.completion, outcome: .failure(error)))
        }
        pending.removeDone()
        flushing = nil
        fill = 0
        bufferBase = flushedOffset
        if let flushed = active?.flushedSummary { active?.summary = flushed }
        active?.isEnded = true
    }

    private mutating func withdrawChunk(_ entry: PendingEntry) {
        removeSlot(entry.hash, key: entry.key.rawSpan)
        segments[entry.location.segmentOrdinal].liveByteCount -= UInt64(entry.byteCount)
    }

    /// A write failed while acknowledged records wait in memory: they stay and will be written
    /// again. Callers that still wait are told now; their records may yet take effect.
    mutating func failUnflushed(_ error: StoreError, into completed: inout [Completed]) {
        for counter in pending.counters where pending[counter].endOffset > flushedOffset {
            let entry = pending[counter]
            if entry.isDone { continue }
            completed.append(Completed(completion: entry.completion, outcome: .failure(error)))
            pending[counter].completion = .none
        }
    }

    /// A sync failed, or writes failed for good: the store takes no more writes, and nobody
    /// knows which of the unsynced records the disk holds.
    mutating func fail(_ error: StoreError, into completed: inout [Completed]) {
        if failure == nil { failure = error }
        isReadOnly = true
        uncertainHashes.formUnion(unsyncedHashes)
        for counter in pending.counters where !pending[counter].isDone {
            let entry = pending[counter]
            pending[counter].isDone = true
            if entry.action != .barrier { uncertainHashes.insert(entry.hash) }
            completed.append(Completed(completion: entry.completion, outcome: .failure(error)))
        }
        pending.removeDone()
    }
}
