// Replacing segments: the commit of a compaction, and everything behind it.
//
// Invariants: (1) the output, its name, and whatever made records of the inputs dead are durable before
// the one MANIFEST that retires the inputs and lists the output; (2) the index and the accounts move
// under the log lock, slot by slot, each only if it still says the old place; (3) an input's file is
// closed and unlinked, and its ordinal used again, only when that MANIFEST is durable and every
// reader that may know the old place has left; (4) MANIFEST forgets an input after a later sync of
// `segments/`. Under the compaction lock. Spec: Engine.md, "Compaction".

internal import CairnFormat
internal import CairnSystem

extension Engine {
    // MARK: Before the commit

    /// Makes the header of a new output durable: from then on, whatever a power cut leaves of the file,
    /// opening knows it for an output that nobody lists and removes it. Its name may be lost until it
    /// is whole; then the file is.
    func synchronizeHeader(of file: FileHandle) throws(StoreError) {
        do throws(FileError) {
            try storage.synchronize(file)
        } catch {
            if PlantedBug.compactionAfterFailedSync.isPlanted { return }
            throw failForGood(error)
        }
    }

    /// Makes an output and its name durable. A failed sync is final.
    func synchronizeOutput(_ file: FileHandle) throws(StoreError) {
        let removed = drained.removedIDs
        do throws(FileError) {
            if !PlantedBug.outputNotSynced.isPlanted { try storage.synchronize(file) }
            if !PlantedBug.outputNotInDirectory.isPlanted { try storage.synchronize(.segments) }
        } catch {
            if PlantedBug.compactionAfterFailedSync.isPlanted { return }
            throw failForGood(error)
        }
        if !PlantedBug.outputNotInDirectory.isPlanted { noteForgotten(removed) }
    }

    private func noteForgotten(_ ids: [UInt64]) {
        compaction.forgotten.formUnion(ids)
        drained.forget(ids)
    }

    /// Makes everything durable that was appended up to now, so that whatever a dropped record was
    /// replaced by survives; and where the log ended because a write failed, lets the manifest that
    /// follows say so: what was given up behind that end must not come back.
    func settleLog() throws(StoreError) {
        if PlantedBug.supersederNotSynced.isPlanted
            || PlantedBug.compactionAfterFailedSync.isPlanted
        {
            return
        }
        try flushToTailAsLead()
        // Without the lead: writers would stop as soon as both buffers are full.
        syncBesideWriters()
        try checkUsable()
        guard hasBrokenEnd else { return }
        acquireLead()
        defer { releaseLead() }
        guard hasBrokenEnd else { return }
        try withStoppedLog { () throws(StoreError) in try endActive() }
    }

    private func flushToTailAsLead() throws(StoreError) {
        acquireLead()
        defer { releaseLead() }
        try flushToTail()
    }

    private var hasBrokenEnd: Bool {
        lock.lock()
        defer { lock.unlock() }
        return state.active != nil && !state.point.isOpen
    }

    /// A source that the index finds more records in than were copied; nil is as it must be. The
    /// last check before anything is given up: accounts are kept apart from what was read.
    func unmetSegment(
        of sources: [CompactionJob<S>.Source], _ moved: [MovedRecord], _ expired: [ExpiredRecord]
    ) -> UInt64? {
        if PlantedBug.dropsLiveRecords { return nil }
        var found: [Int: UInt64] = [:]
        count(moved.count, into: &found) { (moved[$0].hash, moved[$0].old, moved[$0].oldByteCount) }
        count(expired.count, into: &found) {
            (expired[$0].hash, expired[$0].location, expired[$0].byteCount)
        }
        lock.lock()
        defer { lock.unlock() }
        return sources.first {
            found[$0.ordinal, default: 0] < state.segments[$0.ordinal].liveByteCount
        }?.entry.id
    }

    /// Adds up, by segment, the bytes of those records that the index still finds.
    private func count(
        _ count: Int, into found: inout [Int: UInt64],
        _ record: (Int) -> (hash: UInt64, location: Location, byteCount: UInt32)
    ) {
        for start in stride(from: 0, to: count, by: 1024) {
            lock.lock()
            forEachPrefetched(start..<min(start + 1024, count), { record($0).hash }) { number in
                let (hash, location, byteCount) = record(number)
                guard state.isThere(hash, location) else { return }
                found[location.segmentOrdinal, default: 0] += UInt64(byteCount)
            }
            lock.unlock()
        }
    }

    // MARK: The commit

    /// Retires the sources and lists the output, with one manifest. Returns the output's ordinal.
    func commit(
        _ sources: [CompactionJob<S>.Source], _ output: CompactionOutput<S>?
    ) throws(StoreError) -> Int? {
        let ids = Set(sources.map(\.entry.id))
        if PlantedBug.inputsUnlinkedBeforeCommit.isPlanted { unlink(ids) }
        let forgotten = compaction.forgotten
        let stale = PlantedBug.manifestComputedEarly.isPlanted ? compaction.plantedEntries : nil
        let change = { (manifest: inout Manifest) in
            if let stale { manifest.entries = stale }
            for place in manifest.entries.indices where ids.contains(manifest.entries[place].id) {
                manifest.entries[place].state = .retired
            }
            manifest.entries.removeAll { forgotten.contains($0.id) }
            if let output { manifest.insert(output.entry) }
        }
        do {
            try updateManifest(change)
        } catch {
            guard error.kind == .diskFull else { throw error }
            // RESERVE was given up. When that is not enough: of segments that go without leaving a
            // record, nobody needs the hints.
            if output == nil { discardHints(of: ids) }
            try updateManifest(change)
        }
        compaction.forgotten.subtract(forgotten)
        return register(sources, output)
    }

    private func discardHints(of ids: Set<UInt64>) {
        for id in ids { discardFile(SegmentFileName(id, .hint).description) }
    }

    private func unlink(_ ids: Set<UInt64>) {
        for id in ids { discardFile(SegmentFileName(id).description) }
    }

    private func register(
        _ sources: [CompactionJob<S>.Source], _ output: CompactionOutput<S>?
    ) -> Int? {
        lock.lock()
        for source in sources { state.segments[source.ordinal].isRetired = true }
        let ordinal = output.map { output in
            let entry = output.entry
            var segment = SegmentInfo(
                id: entry.id, salt: entry.salt, logicalByteCount: entry.logicalByteCount,
                recordCount: entry.recordCount)
            segment.hintByteCount = HintHeader.byteCountGuess(output.totals)
            segment.expiries = ExpirySchedule(output.expiries)
            let ordinal = state.takeOrdinal(segment)
            handles.add(
                output.file.rawValue, flushedOffset: entry.logicalByteCount,
                seed: output.recordSeed, segmentID: entry.id, for: ordinal)
            return ordinal
        }
        lock.unlock()
        if let ordinal, let output {
            segmentFiles.add(ordinal)
            hints.request(
                HintTask(output.entry, ordinal: ordinal), isUrgent: compaction.meetsDeletes)
        }
        return ordinal
    }

    // MARK: Behind it

    /// Moves the index to the output, where it still finds the old places. Returns how many
    /// records it did not.
    func move(_ records: ArraySlice<MovedRecord>, to ordinal: Int) -> Int {
        changeIndex { state in
            var lostCount = 0
            forEachPrefetched(records.indices, { records[$0].hash }) { place in
                if !state.move(records[place], to: ordinal) { lostCount += 1 }
            }
            return lostCount
        }
    }

    /// Takes blobs that expired out of the index. Returns of how many it says something else by now.
    func remove(_ records: ArraySlice<ExpiredRecord>) -> Int {
        changeIndex { state in records.count { !state.remove($0) } }
    }

    /// Under the log lock, and while nobody writes past the buffers: who does has looked at a
    /// location, and will account by it.
    private func changeIndex(_ change: (inout LogState) -> Int) -> Int {
        lock.lock()
        let isStopped = state.isStopped
        if isStopped {
            lock.unlock()
            acquireLead()
            lock.lock()
        }
        let count = change(&state)
        lock.unlock()
        if isStopped { releaseLead() }
        return count
    }

    /// Asks for the index's slots ahead, so that the log lock is held a third as long.
    private func forEachPrefetched(
        _ places: Range<Int>, _ hash: (Int) -> UInt64, _ body: (Int) -> Void
    ) {
        for place in places {
            let ahead = place + 16
            if ahead < places.upperBound { index.prefetch(hash(ahead)) }
            body(place)
        }
    }

    /// The index finds nothing in the sources any more: when the readers are gone, so are they.
    func noteDone(_ job: CompactionJob<S>, _ counts: CompactionCounts) {
        // Deletes above a put that was dropped had to stay, and may be needless now.
        let above = manifest.current.entries.filter { $0.maxSequence > job.leastDropped }
        let concerned = Set(above.map(\.id))
        compaction.resting = [:]
        let deleteCount = counts.droppedDeleteCount + counts.keptDeleteCount
        if deleteCount + counts.destroyedBlobCount > 0 { compaction.meetsDeletes = true }
        if compaction.meetsDeletes, let output = job.output {
            compaction.hintless = output.id
            drained.hold()
        }
        lock.lock()
        state.compactionCounts.add(counts)
        for (ordinal, segment) in state.segments.enumerated() where !segment.isRetired {
            if segment.id == job.output?.id {
                state.segments[ordinal].keptByteCount = job.keptByteCount
            } else if concerned.contains(segment.id) {
                state.segments[ordinal].keptByteCount = 0
            }
        }
        lock.unlock()
        for source in job.sources {
            let item = DrainedSegments.Item(id: source.entry.id, ordinal: source.ordinal)
            if PlantedBug.inputsUnlinkedBeforeReaders.isPlanted {
                drained.add(item)
                continue
            }
            readers.retire { [drained] in drained.add(item) }
        }
    }

    /// Removes the files of one replaced segment that nobody reads or backs up any more; false when no
    /// more than `count` wait for that. Without the compaction lock too: what the file system does with
    /// a file that goes may take longer than the compaction did.
    @discardableResult
    package func removeDrained(leaving count: Int = 0) throws(StoreError) -> Bool {
        readers.reclaim()
        guard let item = drained.take(leaving: count, but: segmentPins.isPinned) else {
            return false
        }
        segmentFiles.remove(item.ordinal)
        lock.lock()
        state.forget(item.ordinal)
        lock.unlock()
        do throws(FileError) {
            try removeFiles(of: item.id)
        } catch {
            // MANIFEST goes on listing it as retired, and the next opening removes it.
            throw StoreError(error, doing: "removing a replaced segment")
        }
        drained.noteRemoved([item.id])
        return true
    }

    private func removeFiles(of id: UInt64) throws(FileError) {
        for kind in [SegmentFileName.Kind.segment, .hint] {
            do throws(FileError) {
                try storage.unlink(SegmentFileName(id, kind).description, in: .segments)
            } catch {
                let mayBeMissing =
                    kind == .hint || PlantedBug.inputsUnlinkedBeforeCommit.isPlanted
                    || PlantedBug.inputsUnlinkedBeforeDirectorySync.isPlanted
                guard error.isMissing, mayBeMissing else { throw error }
            }
        }
    }

    /// Takes removed segments off the list; false when there are none.
    func forgetRetired() throws(StoreError) -> Bool {
        let removed = drained.removedIDs
        if removed.isEmpty && compaction.forgotten.isEmpty { return false }
        do throws(FileError) {
            try storage.synchronize(.segments)
        } catch {
            throw failForGood(error)
        }
        noteForgotten(removed)
        let forgotten = compaction.forgotten
        try updateManifest { manifest in
            manifest.entries.removeAll { forgotten.contains($0.id) }
        }
        if PlantedBug.segmentIDReused.isPlanted { manifest.plantedGiveBack(forgotten) }
        compaction.forgotten.subtract(forgotten)
        return true
    }
}

extension Storage {
    /// The planted fault of removing what a manifest retires while its name may still be lost.
    func unlinkRetired(_ bytes: RawSpan) {
        guard let manifest = try? Manifest(decoding: bytes) else { return }
        for entry in manifest.entries where entry.state == .retired {
            try? unlink(SegmentFileName(entry.id).description, in: .segments)
        }
    }
}

extension CompactionCounts {
    fileprivate mutating func add(_ other: CompactionCounts) {
        compactionCount += other.compactionCount
        replacedSegmentCount += other.replacedSegmentCount
        destroyedBlobCount += other.destroyedBlobCount
        keptExpiredCount += other.keptExpiredCount
        copiedByteCount += other.copiedByteCount
        reclaimedByteCount += other.reclaimedByteCount
        droppedDeleteCount += other.droppedDeleteCount
        keptDeleteCount += other.keptDeleteCount
        lostRaceCount += other.lostRaceCount
        movedChunkCount += other.movedChunkCount
        movedBatchMemberCount += other.movedBatchMemberCount
    }
}
