// Rotation: one segment ends, the next takes the records.
//
// Order (each step before the next): appends stop; the old segment's bytes are written, its seal
// behind them; it is synced; its waiting writers are told; only then the first byte goes to the
// new segment, which has stood in a durable MANIFEST since before. So at most one segment holds
// unsynced bytes, and a power cut loses a suffix of the log, across segments too.
// The holder of the lead calls everything here. Spec: Engine.md, "Rotation".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Makes room for a record that the active segment cannot take.
    func rotate(for byteCount: Int, recordCount: Int) throws(StoreError) {
        lock.lock()
        let refusal = state.refusal()
        let hasRoom = state.segmentHasRoom(for: byteCount, recordCount: recordCount)
        lock.unlock()
        if let refusal { throw refusal }
        if hasRoom { return }
        try prepareSpare()
        try withStoppedLog { () throws(StoreError) in try replaceActive() }
    }

    /// Makes room that nobody else can take: appends are stopped, and stay so until it is used.
    /// Nothing waits in memory.
    func makeRoomStopped(for byteCount: Int, recordCount: Int) throws(StoreError) {
        while true {
            lock.lock()
            let refusal = state.refusal()
            let room = state.directRoom(for: byteCount, recordCount: recordCount)
            lock.unlock()
            if let refusal { throw refusal }
            switch room {
            case .ready, .buffer: return
            case .sequence: try renewLease(for: recordCount)
            case .segment:
                try prepareSpare()
                try replaceActive()
            }
        }
    }

    /// Goes on in the spare segment. Appends are stopped and nothing waits in memory.
    private func replaceActive() throws(StoreError) {
        try endActive()
        // Without a seal only the manifest says where the old segment ends.
        if endedEntries().contains(where: { $0.state == .recovered }) {
            try updateManifest { _ in }
        }
        activateSpare()
    }

    /// Ends the active segment for good, sealed when that can be written.
    func endActive() throws(StoreError) {
        guard let active = lockedActive() else { return }
        let point = lockedPoint()
        if point.isOpen {
            if point.totals.recordCount == 0 { return try dropEmpty(active) }
            do {
                try seal(point.totals)
            } catch {
                // A seal that could not be written ended the segment; what is in it stays.
                guard !lockedPoint().isOpen else { throw error }
            }
        }
        try synchronizeEnd()
        noteEnded()
    }

    private func lockedActive() -> ActiveSegment? {
        lock.lock()
        defer { lock.unlock() }
        return state.active
    }

    func lockedPoint() -> AppendPoint {
        lock.lock()
        defer { lock.unlock() }
        return state.point
    }

    /// A segment without a record leaves the list; its file goes after that is durable.
    private func dropEmpty(_ active: ActiveSegment) throws(StoreError) {
        try updateManifest { $0.entries.removeAll { $0.id == active.id } }
        lock.lock()
        state.active = nil
        state.point.isOpen = false
        handles.remove(active.ordinal)
        // It never held a record, so nobody has a location in it.
        state.forget(active.ordinal)
        lock.unlock()
        readers.retire { [storage] in storage.close(active.file) }
        do {
            try storage.unlink(SegmentFileName(active.id).description, in: .segments)
        } catch {
            throw StoreError(error, doing: "removing an empty segment")
        }
    }

    /// Appends the seal record and cuts off zeros ahead of it. Nothing waits in memory.
    private func seal(_ totals: SegmentTotals) throws(StoreError) {
        let (bounds, expiryBuckets) = sealBounds()
        let payload = Seal(
            totals: totals, expiryBuckets: expiryBuckets, minKey: bounds.minimum,
            maxKey: bounds.maximum
        ).encoded()
        var header = RecordHeader.seal(storedByteCount: payload.count)
        header.payloadCRC = Checksum.crc32c(payload.rawSpan)
        let image = AlignedBuffer(byteCount: header.recordByteCount)
        lock.lock()
        while state.nextSequence >= state.leaseEnd {
            lock.unlock()
            try renewLease()
            lock.lock()
        }
        let placement = state.place(byteCount: header.recordByteCount)
        let parts = RecordParts(
            header: header, key: RawSpan(), metadata: RawSpan(), payloadHead: payload.rawSpan,
            payloadTail: RawSpan())
        var target = image.mutableBytes(0..<image.byteCount)
        state.encode(parts, at: placement, into: &target)
        state.point.totals = totals
        lock.unlock()
        try writeAtTail(image.bytes(0..<image.byteCount), RawSpan(), placement, totals: totals)
        lock.lock()
        state.active?.isSealed = true
        // Whatever fails from here on, no record ever stands behind a seal.
        state.point.isOpen = false
        lock.unlock()
    }

    private func sealBounds() -> (KeyBounds, [ExpiryBucket]) {
        lock.lock()
        defer { lock.unlock() }
        return (state.keyBounds, state.expiries.buckets)
    }

    /// Writes past the buffers, at the tail. Nothing waits in memory and appends are stopped.
    func writeAtTail(
        _ head: RawSpan, _ tail: RawSpan, _ placement: Placement, totals: SegmentTotals
    ) throws(StoreError) {
        guard let active = lockedActive() else {
            preconditionFailure("a record is written to an active segment")
        }
        do {
            if tail.isEmpty {
                try storage.write(active.file, head, at: placement.offset)
            } else {
                try storage.write(active.file, head, tail, at: placement.offset)
            }
        } catch {
            throw writeFailed(error)
        }
        lock.lock()
        state.beginBuffer(at: placement.endOffset)
        state.noteWritten(to: placement.endOffset, totals: totals)
        lock.unlock()
        ringIfBehind()
    }

    /// Makes the active segment durable to its end and settles everybody who waits for it.
    private func synchronizeEnd() throws(StoreError) {
        guard let active = lockedActive() else { return }
        if active.zeroedOffset > 0 {
            do {
                try storage.truncate(active.file, to: flushedOffset())
            } catch {
                // Zeros are a legal tail: they cost space, nothing else.
            }
        }
        let isLeft =
            PlantedBug.oldSegmentNeverSynced.isPlanted
            || PlantedBug.chunksOfOldSegmentUnsynced.isPlanted && owesChunksOnly()
        if isLeft || PlantedBug.oldSegmentSyncedLate.isPlanted {
            if PlantedBug.oldSegmentSyncedLate.isPlanted { lateFile = active.file }
            pretendSynced()
        } else {
            syncIfNeeded(force: true)
        }
        try checkUsable()
    }

    private func flushedOffset() -> UInt64 {
        lock.lock()
        defer { lock.unlock() }
        return state.flushedOffset
    }

    /// The planted faults of leaving a segment unsynced, for ever or for a while.
    private func pretendSynced() {
        finish { state in
            state.noteSynced(to: state.flushedOffset, hashCount: state.syncableHashCount)
            var completed: [Completed] = []
            state.settle(into: &completed)
            return completed
        }
    }

    /// For the planted fault of not syncing an old segment because nobody waits for its sync:
    /// chunks have no waiter, and the sync of their composite record reaches the new segment only.
    private func owesChunksOnly() -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard let active = state.active, let chunk = state.plantedChunk,
            !state.pending.needsSync, state.unsyncedHashes.isEmpty
        else { return false }
        return chunk.segmentOrdinal == active.ordinal && chunk.offset >= state.syncedOffset
    }

    /// Queues the ended segment's entry for the next manifest, and asks for its hint.
    private func noteEnded() {
        guard let ordinal = queueEnded() else { return }
        // Nobody writes to its file any more.
        segmentFiles.add(ordinal)
    }

    private func queueEnded() -> Int? {
        lock.lock()
        defer { lock.unlock() }
        guard let active = state.active else { return nil }
        var entry = SegmentEntry(
            id: active.id, state: active.isSealed ? .sealed : .recovered, kind: .data,
            salt: active.salt)
        entry.logicalByteCount = state.flushedOffset
        entry.describe(active.flushedTotals)
        state.endedEntries.append(entry)
        state.noteEndedShape(of: active)
        state.active = nil
        hints.request(HintTask(entry, ordinal: active.ordinal))
        return active.ordinal
    }
}
