// Compaction in the background: planned, done in steps, given up when anything speaks against it.
//
// One compaction at a time, under the compaction lock, which comes before the lead and is held across
// system calls. After a failure of the store nothing is compacted, nor in a degraded one; on a full
// disk it goes on in the room that RESERVE gave up. A segment with a damaged record is left alone
// from then on and told of. Any thread, without locks. Spec: Engine.md, "Compaction".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

/// What compaction knows beyond its present job. Guarded by the compaction lock.
struct CompactionMemory<S: Storage> {
    var job: CompactionJob<S>?
    /// Segments with a damaged record: what was found stands in the findings.
    var leftOut: Set<UInt64> = []
    /// Segments of which it is not worth it, by what was live in them then.
    var resting: [UInt64: UInt64] = [:]
    /// So much was free when so much did not fit.
    var refused: (freeByteCount: UInt64, neededByteCount: UInt64, time: UInt64)?
    /// Segments without anything live that needed room all the same; as long as `refused` stands.
    var roomless: Set<UInt64> = []
    /// Removed segments that MANIFEST still lists, and whose removal a sync has covered.
    var forgotten: Set<UInt64> = []
    /// An input held a delete: from then on outputs get their hints at once.
    var meetsDeletes = false
    /// The last output, until its hint is there or given up.
    var hintless: UInt64?
    /// For a planted fault only: what MANIFEST listed when the job began.
    var plantedEntries: [SegmentEntry]?
}

extension Engine {
    /// Does one piece of compaction, of about a MiB; false when there is none to do. `leaving`: so many
    /// replaced segments may stay, since somebody else calls `removeDrained`.
    package func compactionStep(leaving count: Int = 0) throws(StoreError) -> Bool {
        guard options.compacts else { return false }
        let policy = CompactionPolicy(target: options.spaceAmplificationTarget)
        return try compactionStep(policy, leaving: count)
    }

    /// `compactionStep` with a policy that does not come from the options.
    func compactionStep(
        _ policy: CompactionPolicy, leaving count: Int = 0
    ) throws(StoreError) -> Bool {
        // Settling the log may have completed writes.
        defer { deliver() }
        compactionLock.lock()
        defer {
            isCompacting.store(compaction.job != nil, ordering: .relaxed)
            compactionLock.unlock()
        }
        guard isCompactable() else {
            endCompaction()
            return false
        }
        // Before the files of what it replaced go: an opening in between has their hints or its own.
        if makeOutputsHint() { return true }
        if try removeDrained(leaving: count) { return true }
        if let job = compaction.job { return try step(job) }
        if try beginCompaction(policy) { return true }
        return try forgetRetired()
    }

    /// Compacts until nothing is left to do for the target, or `progress` says no.
    package func compact(
        target: Double?, progress: (Statistics) -> Bool
    ) throws(StoreError) -> CompactionCounts {
        let target = target ?? options.spaceAmplificationTarget
        guard target > 1, target <= 1000 else {
            throw StoreError(
                .invalidOption,
                "a store is compacted to more than 1 and at most 1000 bytes for "
                    + "each live one, not \(target)")
        }
        lock.lock()
        let refusal = state.refusal()
        lock.unlock()
        if let refusal { throw refusal }
        let policy = CompactionPolicy(target: target)
        // Chunks of a blob that was destroyed are dead only when they have left the index.
        while try compactionStep(policy) || removeDeadChunks() {
            guard progress(statistics()) else {
                try breakOff()
                break
            }
        }
        return statistics().compaction
    }

    /// Ends what is under way, so that nobody goes on with it for a target that was somebody else's.
    private func breakOff() throws(StoreError) {
        compactionLock.lock()
        defer { compactionLock.unlock() }
        // Behind its commit the index moves on, in memory.
        while let job = compaction.job, job.isCommitted { _ = try step(job) }
        endCompaction()
    }

    /// Not in a store that takes no writes.
    private func isCompactable() -> Bool {
        if PlantedBug.compactionAfterFailedSync.isPlanted { return true }
        lock.lock()
        defer { lock.unlock() }
        return state.takesWrites
    }

    /// The last output holds old records: without its hint no delete would be proven needless. So
    /// it is made at once, before the replaced segments go, whatever else waits. Where nothing is deleted
    /// it has time: with writers at full speed most segments are replaced before their hint is made, and
    /// making them all took half of compaction's time. A hint that cannot be made is no failure of
    /// compaction, and may be another segment's.
    private func makeOutputsHint() -> Bool {
        guard let id = compaction.hintless else { return false }
        if hints.isWanted(of: id), pieceOfHint() { return true }
        compaction.hintless = nil
        drained.release()
        return false
    }

    /// Of this hint, or of one that comes first. One that cannot be made is asked for no more, and the
    /// output's may be the next; a segment that it finds damaged stands among the damage.
    private func pieceOfHint() -> Bool {
        do throws(StoreError) {
            return try hintStep()
        } catch {
            guard error.kind == .damaged, let id = error.segmentID else { return true }
            lock.lock()
            leaveOut(id, "segment \(SegmentFileName(id)) cannot be compacted: \(error.message)")
            lock.unlock()
            return true
        }
    }

    private func step(_ job: CompactionJob<S>) throws(StoreError) -> Bool {
        do throws(CompactionFailure) {
            let hasMore = try job.step(byteCount: tuning.compactionStepByteCount)
            if !hasMore { compaction.job = nil }
            return true
        } catch {
            try give(up: job, error)
            return true
        }
    }

    private func give(
        up job: CompactionJob<S>, _ failure: CompactionFailure
    ) throws(StoreError) {
        // Less than the plan thought, so that the same plan is not made again.
        let needed = min(
            job.outputByteCount, job.plan.copyByteCount + UInt64(SegmentHeader.byteCount))
        endCompaction()
        switch failure {
        case .damaged(let id, let offset, let what): noteDamaged(id, offset, what)
        case .pointless: noteResting(job)
        case .clockChanged: noteAbandoned { _ in }
        case .error(let error):
            noteAbandoned { _ in }
            guard error.kind == .diskFull else { throw error }
            if job.plan.reason == .allDead { compaction.roomless.formUnion(job.plan.inputIDs) }
            noteRefused(needed)
        }
    }

    /// Gives up what is under way; what has been committed stays.
    func endCompaction() {
        guard let job = compaction.job else { return }
        compaction.job = nil
        lock.lock()
        let hasFailed = state.failure != nil
        lock.unlock()
        job.abandon(
            keepsOutput: hasFailed && !PlantedBug.outputRemovedInDoubt.isPlanted)
    }

    private func noteDamaged(_ id: UInt64, _ offset: UInt64, _ what: String) {
        noteAbandoned { _ in
            leaveOut(
                id,
                "segment \(SegmentFileName(id)), offset \(offset), cannot be compacted: \(what); it "
                    + "stays as it is")
        }
    }

    /// Compacts the segment no more. The log lock is held.
    private func leaveOut(_ id: UInt64, _ finding: String) {
        guard compaction.leftOut.insert(id).inserted else { return }
        state.compactionCounts.damagedSegmentCount += 1
        state.compactionFindings.append(finding)
    }

    private func noteResting(_ job: CompactionJob<S>) {
        noteAbandoned { state in
            for source in job.sources {
                // What is due was met; should more be due later, it counts anew.
                state.segments[source.ordinal].expiries.forgetDue(
                    at: Self.second(of: job.destroyable))
                let segment = state.segments[source.ordinal]
                compaction.resting[source.entry.id] = segment.liveByteCount
                let used = UInt64(SegmentHeader.byteCount) + segment.liveByteCount
                state.segments[source.ordinal].keptByteCount =
                    segment.logicalByteCount - min(segment.logicalByteCount, used)
            }
        }
    }

    /// What did not fit is tried again when there is more room.
    private func noteRefused(_ byteCount: UInt64) {
        guard let free = try? storage.freeByteCount() else { return }
        compaction.refused = (
            free, max(byteCount, UInt64(SegmentHeader.byteCount)), storage.monotonicClock()
        )
    }

    private func noteAbandoned(_ body: (inout LogState) -> Void) {
        lock.lock()
        state.compactionCounts.abandonedCount += 1
        body(&state)
        lock.unlock()
    }

    /// What the pace of compaction and of the writers is decided by.
    package func spaceUse() -> SpaceUse {
        compactionLock.lock()
        defer { compactionLock.unlock() }
        var use = SpaceUse()
        var pending: UInt64 = 0
        if let job = compaction.job, !job.isCommitted { pending = job.reclaimedByteCount }
        // Those take room once there is time to make them, and then there is time to make that room.
        let hintless = hints.wantedIDs
        lock.lock()
        defer { lock.unlock() }
        use.segmentByteCount = state.segmentByteCountTarget(options)
        use.reclaimedByteCount = state.compactionCounts.reclaimedByteCount + pending
        for segment in state.segments {
            use.liveByteCount += segment.liveByteCount
            if segment.isRetired { continue }
            use.byteCount += segment.logicalByteCount
            if hintless.contains(segment.id) { continue }
            use.hintByteCount += segment.hintByteCount
            use.byteCount += segment.hintByteCount
        }
        use.byteCount -= min(use.byteCount, pending)
        return use
    }

    // MARK: Planning

    /// Lets RESERVE grow with the segments, or sets it aside again, before the next output takes the room
    /// for it.
    private func refillReserve() {
        lock.lock()
        let segment = state.segmentByteCountTarget(options)
        lock.unlock()
        do {
            try reserve.fit(
                to: tuning.reserveByteCount(
                    ofSegment: segment, diskByteCount: try storage.totalByteCount()),
                step: tuning.reserveByteCounts.lowerBound)
            try checkSpace()
        } catch {
            // It stays as it is. Where it is given up, puts are told.
            return
        }
    }

    private func beginCompaction(_ policy: CompactionPolicy) throws(StoreError) -> Bool {
        refillReserve()
        let destroyable = lookAtClock().destroyable
        let shape = try storeShape(destroyable)
        guard let plan = policy.plan(shape) else { return false }
        let entries = manifest.current.entries
        lock.lock()
        var ordinals: [UInt64: Int] = [:]
        for (ordinal, segment) in state.segments.enumerated() where !segment.isRetired {
            ordinals[segment.id] = ordinal
        }
        lock.unlock()
        let sources = entries.compactMap { entry -> CompactionJob<S>.Source? in
            guard plan.inputIDs.contains(entry.id), let ordinal = ordinals[entry.id] else {
                return nil
            }
            return CompactionJob<S>.Source(entry: entry, ordinal: ordinal)
        }
        guard sources.count == plan.inputIDs.count else { return false }
        compaction.plantedEntries = entries
        compaction.job = CompactionJob(plan, sources, destroyable: destroyable, self)
        return true
    }

    /// Whether what has expired may be destroyed, now.
    func lookAtClock() -> ExpiryClock {
        let clock = manifest.lookAtClock()
        lock.lock()
        state.isClockDoubted = !clock.isTrusted
        lock.unlock()
        return clock
    }

    /// What a segment has that expires is counted by seconds.
    private static func second(of time: UInt64) -> UInt64 { time / 1_000_000_000 }

    /// What would be done down to a target, one compaction after the other, by figures alone.
    package func plannedCompactions(
        _ policy: CompactionPolicy
    ) throws(StoreError) -> [CompactionPlan] {
        compactionLock.lock()
        defer { compactionLock.unlock() }
        var shape = try storeShape(lookAtClock().destroyable)
        var plans: [CompactionPlan] = []
        while let plan = policy.plan(shape) {
            plans.append(plan)
            shape = shape.after(plan)
        }
        return plans
    }

    private func storeShape(_ destroyable: UInt64) throws(StoreError) -> StoreShape {
        var shape = StoreShape()
        shape.freeByteCount = try roomForOutput()
        var entries: [UInt64: SegmentEntry] = [:]
        for entry in manifest.current.entries { entries[entry.id] = entry }
        lock.lock()
        defer { lock.unlock() }
        shape.nextSequence = state.nextSequence
        shape.segmentByteCount = state.segmentByteCountTarget(options)
        shape.segmentRecordCount = tuning.segmentRecordCountMaximum
        for segment in state.segments where !segment.isRetired {
            let due = segment.expiries.due(at: Self.second(of: destroyable))
            shape.segments.append(self.shape(of: segment, entries[segment.id], due))
        }
        return shape
    }

    private func shape(
        of segment: SegmentInfo, _ entry: SegmentEntry?, _ due: ExpiringBytes
    ) -> SegmentShape {
        var shape = SegmentShape(
            id: segment.id, logicalByteCount: segment.logicalByteCount,
            liveByteCount: segment.liveByteCount)
        shape.hintByteCount = segment.hintByteCount
        shape.keptByteCount = segment.keptByteCount
        shape.noteExpired(due, replacedChunkByteCount: segment.replacedChunkByteCount)
        shape.canBeInput = canBeInput(segment, shape, entry)
        guard let entry else { return shape }
        shape.recordCount = entry.recordCount
        (shape.minSequence, shape.maxSequence) = (entry.minSequence, entry.maxSequence)
        return shape
    }

    /// Ended, listed so, sound, and worth a try.
    private func canBeInput(
        _ segment: SegmentInfo, _ shape: SegmentShape, _ entry: SegmentEntry?
    ) -> Bool {
        guard let entry, entry.state == .sealed || entry.state == .recovered,
            !compaction.leftOut.contains(segment.id), !compaction.roomless.contains(segment.id)
        else { return false }
        guard let live = compaction.resting[segment.id] else { return true }
        return shape.neededByteCount + segment.logicalByteCount / 16
            < live + shape.expiredChunkByteCount
    }

    /// What others keep of the free bytes while an output is written. On a full disk: a part of what
    /// RESERVE gave up, for deletes and the manifest. Else half, for writers. Not more than they need.
    private func keptFree(of free: UInt64) -> UInt64 {
        let isFull = isDiskFull.load(ordering: .relaxed)
        let reserved = reserve.byteCount
        let kept = isFull ? reserved / 4 : min(free / 2, reserved)
        return min(kept, tuning.outputLeavesByteCount)
    }

    /// How long an output may be.
    private func roomForOutput() throws(StoreError) -> UInt64 {
        let free: UInt64
        do {
            free = try storage.freeByteCount()
        } catch {
            throw StoreError(error, doing: "looking for room to compact")
        }
        let room = free - min(free, keptFree(of: free))
        guard let refused = compaction.refused else { return room }
        // Not for ever: a quota may have been what refused it, or room that came and went.
        let isRecent = storage.monotonicClock() - refused.time < 60_000_000_000
        guard isRecent, free <= refused.freeByteCount else {
            compaction.refused = nil
            compaction.roomless = []
            return room
        }
        return min(room, refused.neededByteCount - 1)
    }
}

extension Engine {
    /// How records' keys are hashed.
    var hasher: KeyHasher { KeyHasher(key: hashKey, mask: tuning.hashMask) }

    /// Whether the index finds the record there. What it does not find any more was overwritten,
    /// deleted or given up by something that `settleLog` makes durable.
    func isLive(
        _ hash: UInt64, _ key: RawSpan, at location: Location, _ header: RecordHeader
    ) -> Bool {
        if isTakenForDead(hash, key, header) { return false }
        let token = readers.enter()
        defer { readers.leave(token) }
        return self.location(of: hash, key) == location
    }

    /// The planted faults of taking for dead what a waiting write will replace, or chunks whose
    /// composite record is not there yet.
    private func isTakenForDead(_ hash: UInt64, _ key: RawSpan, _ header: RecordHeader) -> Bool {
        if PlantedBug.unpublishedTakenForDead.isPlanted {
            lock.lock()
            defer { lock.unlock() }
            return state.pending.holds(hash)
        }
        guard PlantedBug.uploadChunksDropped.isPlanted, header.type == .chunk,
            let chunk = try? ChunkKey(decoding: key)
        else { return false }
        lock.lock()
        defer { lock.unlock() }
        return chunk.blobID >= state.plantedFirstSequence
            && !state.plantedComposites.contains(chunk.blobID)
    }

    /// All other segments whose records count and have ended: a delete is proven needless by them.
    func otherEndedEntries(than ids: [UInt64]) -> [SegmentEntry] {
        if PlantedBug.tombstoneDroppedUnproven.isPlanted { return [] }
        return manifest.current.entries.filter { entry in
            switch entry.state {
            case .sealed: !ids.contains(entry.id)
            case .recovered: !ids.contains(entry.id) && !PlantedBug.proofOfSealedOnly.isPlanted
            case .open, .retired: false
            }
        }
    }
}
