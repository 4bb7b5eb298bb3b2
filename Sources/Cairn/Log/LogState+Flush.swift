// What goes to the disk, and what the disk reports back: written, synced, or failed.
//
// Invariants: (1) one flush is on its way at a time, and one that failed is repeated or abandoned
// before the next; (2) what is abandoned was never acknowledged; (3) a failure is final: the first
// one stays. Called with the log lock held, never across the write itself: by the holder of the
// lead; `noteSynced` by the holder of the sync role; `fail` by either. Spec: Engine.md, "Failures".

internal import CairnFormat
internal import CairnSystem

extension LogState {
    /// Hands the current buffer to the disk and lets appends go on in the other one. The plan
    /// of a write that failed and is to be repeated comes first. Nil: nothing to write.
    ///
    /// Unless everything `whole` is wanted, a full buffer is written up to its end in the file, a
    /// multiple of its size, and the record across that is carried over to the other buffer and
    /// written again. For the page cache keeps what one write brings in few large pieces only where
    /// the write begins at such a multiple: random reads of 1 KiB gain a third.
    mutating func takeFlush(whole: Bool) -> FlushPlan? {
        if let flushing { return flushing }
        guard fill > 0, active != nil else { return nil }
        if !whole, let straddler, mayCarry(from: straddler.offset, to: tail) {
            flushing = FlushPlan(
                buffer: buffer, offset: bufferBase, byteCount: Int(bufferEnd - bufferBase),
                end: straddler)
            let start = Int(straddler.offset - bufferBase)
            otherBuffer.copy(from: buffer.bytes(start..<fill), to: 0)
            beginBuffer(at: straddler.offset, carrying: fill - start)
        } else {
            let end = mark
            flushing = FlushPlan(
                buffer: buffer, offset: bufferBase, byteCount: fill, end: end)
            beginBuffer(at: end.offset)
        }
        swap(&buffer, &otherBuffer)
        return flushing
    }

    /// Whether copying the records of a range costs little, and something is left without them.
    func mayCarry(from start: UInt64, to end: UInt64) -> Bool {
        start > bufferBase && end - start <= tuning.bufferByteCount / 8
    }

    /// What was appended so far.
    var mark: FlushMark {
        FlushMark(offset: tail, totals: point.totals, hashCount: notedHashCount)
    }

    /// Whether a delete waits to be written.
    var holdsDelete: Bool {
        pending.counters.contains { counter in
            let entry = pending[counter]
            return entry.action == .delete && !entry.isDone && entry.endOffset > flushedOffset
        }
    }

    /// A planned write succeeded.
    mutating func noteFlushed(_ plan: FlushPlan) {
        flushing = nil
        flushedHashCount = plan.end.hashCount
        noteWritten(to: plan.end.offset, totals: plan.end.totals)
    }

    /// How many hashes were noted since the store was opened.
    private var notedHashCount: UInt64 { syncedHashCount + UInt64(unsyncedHashes.count) }

    /// How many of them a sync that begins now covers. Some may be counted late, never early.
    var syncableHashCount: UInt64 {
        fill == 0 && flushing == nil ? notedHashCount : flushedHashCount
    }

    /// Whole pages that are written and that the disk was not yet asked to begin with, when there
    /// are many.
    var writableRange: Range<UInt64>? {
        guard let active, point.isOpen else { return nil }
        let end = flushedOffset & ~4095
        let start = max(active.writingOffset, syncedOffset & ~4095)
        guard end >= start + tuning.writeAheadByteCount else { return nil }
        return start..<end
    }

    /// The file now holds everything below `offset`.
    mutating func noteWritten(to offset: UInt64, totals: SegmentTotals) {
        guard let ordinal = active?.ordinal else { return }
        flushedOffset = offset
        active?.flushedTotals = totals
        handles.setFlushedOffset(offset, for: ordinal)
        segments[ordinal].logicalByteCount = offset
        segments[ordinal].recordCount = totals.recordCount
        writeFailureCount = 0
        if fill == 0 { holdsAcknowledged = false }
    }

    /// A sync succeeded that began when `offset` was flushed; it covers the first `hashCount` noted
    /// hashes.
    mutating func noteSynced(to offset: UInt64, hashCount: UInt64) {
        syncedOffset = max(syncedOffset, offset)
        guard hashCount > syncedHashCount else { return }
        let covered = Int(hashCount - syncedHashCount)
        if covered == unsyncedHashes.count {
            unsyncedHashes.removeAll(keepingCapacity: true)
        } else {
            unsyncedHashes.removeFirst(covered)
        }
        syncedHashCount = hashCount
    }

    /// A write failed and nothing in memory was acknowledged: everything behind
    /// `flushedOffset` never was, and the segment ends there.
    mutating func abandonUnflushed(_ error: StoreError, into completed: inout [Completed]) {
        for counter in pending.counters where pending[counter].endOffset > flushedOffset {
            let entry = pending[counter]
            if entry.isDone { continue }
            if entry.action == .chunk {
                let key = entry.key
                removeChunk(
                    entry.hash, key: key.rawSpan, at: entry.location,
                    byteCount: entry.byteCount)
            }
            if let extent = entry.extent, !entry.sharesBlob { retire(extent) }
            pending[counter].isDone = true
            pending[counter].isVoid = true
            completed.append(Completed(completion: entry.completion, outcome: .failure(error)))
        }
        pending.removeDone()
        flushing = nil
        beginBuffer(at: flushedOffset)
        if let flushed = active?.flushedTotals { point.totals = flushed }
        point.isOpen = false
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
    /// knows which of the unsynced records the disk holds. What a sync covers that is under way
    /// now, of another file, that sync decides: then the rest is given up behind it.
    mutating func fail(_ error: StoreError, into completed: inout [Completed]) {
        if failure == nil { failure = error }
        isReadOnly = true
        if !isSyncing { giveUpUnsynced(into: &completed) }
    }

    /// After the failure: whoever still waits is told that the outcome is unknown, and so is who
    /// reads what was not synced.
    mutating func giveUpUnsynced(into completed: inout [Completed]) {
        guard let error = failure else { return }
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
