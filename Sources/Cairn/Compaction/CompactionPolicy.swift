// CompactionPolicy — which segments are to be compacted next, if any.
//
// Pure: a value of what is known of all segments goes in, a plan or nothing comes out. Reasons, in this
// order: a segment holds nothing live; the store takes more space than its target allows; small
// segments have become many. Every plan has one output, at most a segment long unless a single input
// is longer, and fits the free room, unless nothing in its inputs is live. Carried out, each plan
// leaves fewer bytes than before, so planning ends. Spec: Engine.md, "Compaction".

internal import CairnFormat

/// What the policy knows of one segment.
package struct SegmentShape: Equatable, Sendable {
    /// Of the segment.
    package var id: UInt64
    /// Up to the logical end, header and seal included.
    package var logicalByteCount: UInt64
    /// Of its hint, about, when it has none yet.
    package var hintByteCount: UInt64 = 0
    /// Record bytes that the index holds.
    package var liveByteCount: UInt64
    /// Dead bytes that no compaction would get back: seal and marks, tombstones that must stay.
    package var keptByteCount: UInt64 = 0
    /// Record bytes that have surely expired and may be destroyed; they count as live until then.
    package var expiredByteCount: UInt64 = 0
    /// Of chunks that go with them, wherever they lie; about.
    package var expiredChunkByteCount: UInt64 = 0
    /// Accepted records.
    package var recordCount: UInt64 = 0
    /// Bounds of their numbers.
    package var minSequence: UInt64 = 0
    /// See `minSequence`.
    package var maxSequence: UInt64 = 0
    /// It has ended, its end stands in MANIFEST, and nothing speaks against reading it: no damage
    /// was found in it, and no attempt has just shown that it is not worth it.
    package var canBeInput = true

    /// A segment of which no more is known.
    package init(id: UInt64, logicalByteCount: UInt64, liveByteCount: UInt64) {
        self.id = id
        self.logicalByteCount = logicalByteCount
        self.liveByteCount = liveByteCount
    }

    /// Behind the header.
    private var bodyByteCount: UInt64 {
        logicalByteCount - min(logicalByteCount, UInt64(SegmentHeader.byteCount))
    }

    /// What a compaction gets back by it, there and elsewhere, beside the header.
    package var reclaimableByteCount: UInt64 {
        bodyByteCount - min(bodyByteCount, copyByteCount) + expiredChunkByteCount
    }

    /// What is live of it and may not be destroyed.
    package var neededByteCount: UInt64 { liveByteCount - min(liveByteCount, expiredByteCount) }

    /// What a compaction copies of it.
    package var copyByteCount: UInt64 { neededByteCount + keptByteCount }

    /// Takes up what expires by now, of all its records: some of them may be dead anyway, and at most
    /// all that are dead; so with the chunks, of composites that were replaced.
    package mutating func noteExpired(_ due: ExpiringBytes, replacedChunkByteCount: UInt64 = 0) {
        let dead = bodyByteCount - min(bodyByteCount, liveByteCount + keptByteCount)
        expiredByteCount = min(due.recordByteCount - min(due.recordByteCount, dead), liveByteCount)
        expiredChunkByteCount = due.chunkByteCount - min(due.chunkByteCount, replacedChunkByteCount)
    }

    /// Of its body, how much would be got back.
    package var reclaimableShare: Double {
        bodyByteCount == 0 ? 0 : Double(reclaimableByteCount) / Double(bodyByteCount)
    }
}

/// What the policy knows of a store.
package struct StoreShape: Equatable, Sendable {
    /// Every listed segment, the active one too.
    package var segments: [SegmentShape] = []
    /// The number that the next record gets.
    package var nextSequence: UInt64 = 0
    /// Room for an output.
    package var freeByteCount: UInt64 = .max
    /// How long a segment is, as a rule.
    package var segmentByteCount: UInt64 = 16 << 20
    /// How many records, at most.
    package var segmentRecordCount: UInt64 = 1_000_000

    /// A store without segments.
    package init() {}

    /// Record bytes that the index holds, without what may be destroyed.
    package var neededByteCount: UInt64 {
        let needed = segments.reduce(0) { $0 + $1.neededByteCount }
        return needed - min(needed, segments.reduce(0) { $0 + $1.expiredChunkByteCount })
    }
    /// Bytes of all hints.
    package var hintByteCount: UInt64 { segments.reduce(0) { $0 + $1.hintByteCount } }
    /// Bytes of all segments and hints.
    package var byteCount: UInt64 {
        segments.reduce(0) { $0 + $1.logicalByteCount + $1.hintByteCount }
    }
}

extension StoreShape {
    /// The store after a plan was carried out, as far as figures can tell.
    package func after(_ plan: CompactionPlan) -> StoreShape {
        var after = self
        let inputs = segments.filter { plan.inputIDs.contains($0.id) }
        after.segments.removeAll { plan.inputIDs.contains($0.id) }
        let live = inputs.reduce(0) { $0 + $1.neededByteCount }
        let body = inputs.reduce(0) { $0 + $1.copyByteCount }
        guard body > 0 else { return after }
        var output = SegmentShape(
            id: (segments.map(\.id).max() ?? 0) + 1,
            logicalByteCount: UInt64(SegmentHeader.byteCount) + body, liveByteCount: live)
        output.keptByteCount = body - min(body, live)
        output.recordCount = inputs.reduce(0) { $0 + $1.recordCount }
        output.minSequence = inputs.map(\.minSequence).min() ?? 0
        output.maxSequence = inputs.map(\.maxSequence).max() ?? 0
        after.segments.append(output)
        return after
    }
}

/// What is to be compacted into one segment.
package struct CompactionPlan: Equatable, Sendable {
    /// Why.
    package enum Reason: String, Sendable {
        case allDead = "nothing live in them"
        case deadSpace = "dead space above the target"
        case smallSegments = "many small segments"
    }

    /// In ascending order.
    package var inputIDs: [UInt64]
    /// Why.
    package var reason: Reason
    /// About so many bytes are copied.
    package var copyByteCount: UInt64

    /// A plan with these fields.
    package init(inputIDs: [UInt64], reason: Reason, copyByteCount: UInt64) {
        self.inputIDs = inputIDs
        self.reason = reason
        self.copyByteCount = copyByteCount
    }
}

/// Decides what is compacted.
package struct CompactionPolicy: Sendable {
    /// Bytes of segments and hints for each live byte, above which dead space is taken back.
    package var target: Double

    /// A policy that keeps stores below this target.
    package init(target: Double = 1.5) { self.target = target }

    /// Inputs of one compaction.
    package static let inputCountMaximum = 64
    /// Small segments that are merged.
    package static let runCountMinimum = 4
    /// A segment is small when it would take no more than this part of an output.
    private static let smallPart: UInt64 = 4
    private static let headerByteCount = UInt64(SegmentHeader.byteCount)

    /// What to do next; nil: nothing.
    package func plan(_ store: StoreShape) -> CompactionPlan? {
        let eligible = store.segments.filter(\.canBeInput)
        if eligible.isEmpty { return nil }
        if let plan = planAllDead(eligible, store) { return plan }
        if let plan = planDeadSpace(eligible, store) { return plan }
        return planSmall(eligible, store)
    }

    /// Oldest first: what is newer may be a tombstone of what is older.
    private func planAllDead(_ eligible: [SegmentShape], _ store: StoreShape) -> CompactionPlan? {
        // What is said of expired bytes may be a seal and some deletes too low.
        let dead = eligible.filter { segment in
            segment.neededByteCount <= segment.expiredByteCount / 64
                && segment.reclaimableByteCount > 0
        }
        let oldestFirst = dead.sorted { $0.minSequence < $1.minSequence }
        if let plan = gather(oldestFirst, .allDead, store) { return plan }
        // Without room for an output, one by one: as a rule there is nothing to write.
        return oldestFirst.first.map { segment in
            CompactionPlan(
                inputIDs: [segment.id], reason: .allDead, copyByteCount: segment.copyByteCount)
        }
    }

    /// Whether the store takes more than the target allows, or soon will: room for the output of a
    /// compaction is part of what it takes.
    package func isOverTarget(_ store: StoreShape) -> Bool {
        let live = Double(store.neededByteCount)
        let headroom = min(2 * Double(store.segmentByteCount), live * (target - 1) / 4)
        return Double(store.byteCount) + headroom > live * target
    }

    private func planDeadSpace(
        _ eligible: [SegmentShape], _ store: StoreShape
    ) -> CompactionPlan? {
        guard isOverTarget(store) else { return nil }
        let least = leastShare(store)
        let wasteful = eligible.filter { $0.reclaimableShare >= least }
        let scored = wasteful.map { (segment: $0, score: score($0, store)) }
        // Half a segment at a time: until the commit it is there beside its inputs.
        return gather(
            scored.sorted { $0.score > $1.score }.map(\.segment), .deadSpace, store,
            byteCountMaximum: store.segmentByteCount / 2)
    }

    /// A segment with less to get back is left alone: half of what all would have if the dead space
    /// that the target allows were spread evenly. Where hints alone take that space, a quarter.
    private func leastShare(_ store: StoreShape) -> Double {
        let live = Double(store.neededByteCount)
        let allowed = live * (target - 1) - Double(store.hintByteCount)
        guard allowed > live / 32 else { return 0.25 }
        return min(0.25, allowed / (live + allowed) / 2)
    }

    /// Much to get back, long undisturbed, little to copy.
    private func score(_ segment: SegmentShape, _ store: StoreShape) -> Double {
        let age = store.nextSequence - min(store.nextSequence, segment.maxSequence) + 1
        return Double(segment.reclaimableByteCount) * Double(age)
            / Double(segment.copyByteCount + Self.headerByteCount)
    }

    private func planSmall(_ eligible: [SegmentShape], _ store: StoreShape) -> CompactionPlan? {
        let room = store.segmentByteCount - min(store.segmentByteCount, Self.headerByteCount)
        let small = eligible.filter { $0.copyByteCount <= room / Self.smallPart && room > 0 }
            .sorted { $0.minSequence < $1.minSequence }
        guard small.count >= Self.runCountMinimum,
            let plan = gather(small, .smallSegments, store),
            plan.inputIDs.count >= Self.runCountMinimum
        else { return nil }
        return plan
    }

    /// The first that fit together into one output and into the free room. The first of all may be
    /// longer than a segment.
    private func gather(
        _ segments: [SegmentShape], _ reason: CompactionPlan.Reason, _ store: StoreShape,
        byteCountMaximum: UInt64? = nil
    ) -> CompactionPlan? {
        let byteCountMaximum = byteCountMaximum ?? store.segmentByteCount
        var chosen: [SegmentShape] = []
        var (byteCount, recordCount) = (Self.headerByteCount, UInt64(0))
        for segment in segments {
            let bytes = byteCount + segment.copyByteCount
            let records = recordCount + segment.recordCount
            guard bytes <= store.freeByteCount else { continue }
            let isWithin =
                bytes <= byteCountMaximum && records <= store.segmentRecordCount
            guard chosen.isEmpty || isWithin || segment.copyByteCount == 0 else { continue }
            chosen.append(segment)
            (byteCount, recordCount) = (bytes, records)
            if chosen.count == Self.inputCountMaximum { break }
        }
        if chosen.isEmpty { return nil }
        return CompactionPlan(
            inputIDs: chosen.map(\.id).sorted(), reason: reason,
            copyByteCount: byteCount - Self.headerByteCount)
    }
}
