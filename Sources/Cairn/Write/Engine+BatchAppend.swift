// Appending a batch: conditions, places, one write, and what its callers are told.
//
// Appends are stopped from the first condition to the last record, so nothing stands between two members
// and nobody else decides on their keys. Spec: Engine.md, "Batches".

internal import CairnFormat
internal import CairnSystem

/// What appending a batch came to.
struct AppliedBatch {
    var receipts: [WriteReceipt]
    /// The waiter will be told.
    var isPending: Bool
}

extension Engine {
    /// Appends the members of a batch and publishes or queues them. The lead is not held.
    func append(
        _ image: BatchImage, _ scratch: WriteScratch
    ) throws(StoreError) -> AppliedBatch {
        var image = image
        let isPutting = image.members.contains { !$0.intent.isDelete }
        if isPutting { yieldToCompaction(image.byteCount) }
        while true {
            if isPutting { try checkSpace() }
            if let applied = try attempt(image, scratch) { return applied }
            image = BatchImage(
                members: try examineAll(image.members), bytes: image.bytes,
                byteCount: image.byteCount)
        }
    }

    private func examineAll(
        _ members: [BatchImage.Member]
    ) throws(StoreError) -> [BatchImage.Member] {
        var members = members
        for place in members.indices {
            let key = members[place].key
            members[place].examined = try examine(members[place].intent.hash, key.rawSpan)
        }
        return members
    }

    /// Nil: some key changed since it was examined.
    private func attempt(
        _ image: BatchImage, _ scratch: WriteScratch
    ) throws(StoreError) -> AppliedBatch? {
        acquireLead()
        defer { releaseLead() }
        let count = image.members.count
        if isShortOfSequences(count) { try renewLease(for: count) }
        // While others still append: the stop is short then, as a rule.
        try rotate(for: image.byteCount, recordCount: count)
        if PlantedBug.batchSpansSegments.isPlanted, image.members[0].offset == 0 {
            try rotate(for: Int(UInt32.max), recordCount: count)
        }
        return try withStoppedLog { () throws(StoreError) -> AppliedBatch? in
            // What was made above may be taken by now.
            try makeRoomStopped(for: image.byteCount, recordCount: count)
            return try appendStopped(image, scratch)
        }
    }

    private func isShortOfSequences(_ count: Int) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        return state.nextSequence + UInt64(count) > state.leaseEnd
    }

    /// Appends are stopped and nothing waits in memory.
    private func appendStopped(
        _ image: BatchImage, _ scratch: WriteScratch
    ) throws(StoreError) -> AppliedBatch? {
        lock.lock()
        // Numbers are lent to uploads while appends are stopped, too.
        if state.nextSequence + UInt64(image.members.count) > state.leaseEnd {
            lock.unlock()
            try renewLease(for: image.members.count)
            return try appendStopped(image, scratch)
        }
        var currents: [CurrentVersion] = []
        for member in image.members {
            var probe = index.probe(member.intent.hash)
            let verdict = state.admit(
                member.intent, key: member.key.rawSpan, examined: member.examined, &probe)
            switch verdict {
            case .stale:
                lock.unlock()
                return nil
            case .refused(let error):
                lock.unlock()
                throw error
            case .answer(.failure(let error)):
                lock.unlock()
                throw try settledFailure(error, member.intent, scratch)
            case .answer(.success):
                _ = state.separateColliding(
                    member.intent.hash, key: member.key.rawSpan, examined: member.examined)
                currents.append(CurrentVersion())
            case .admitted(let current): currents.append(current)
            }
        }
        guard state.separateMembers(image.members) else {
            lock.unlock()
            return nil
        }
        let placements = place(image)
        let totals = state.point.totals
        lock.unlock()
        guard let first = placements.first, let last = placements.last else {
            preconditionFailure("a batch has members")
        }
        let whole = Placement(
            offset: first.offset, sequence: first.sequence, byteCount: image.byteCount,
            segmentOrdinal: last.segmentOrdinal)
        try writeBatch(image, whole, totals)
        return try accept(image, placements, currents, scratch)
    }

    /// A batch goes to the disk in one write: a power cut that spares its first record and not its
    /// last is seen by its members' count.
    private func writeBatch(
        _ image: BatchImage, _ whole: Placement, _ totals: SegmentTotals
    ) throws(StoreError) {
        let bytes = image.bytes
        try writeAtTail(bytes.bytes(0..<image.byteCount), RawSpan(), whole, totals: totals)
    }

    /// Gives every record its place and number. The log lock is held.
    private func place(_ image: BatchImage) -> [Placement] {
        var placements: [Placement] = []
        let start = state.tail
        for member in image.members {
            var placement = state.place(byteCount: member.header.recordByteCount)
            placement.offset = start + UInt64(member.offset)
            var header = member.header
            header.sequence = placement.sequence
            if state.sharesHash(member.intent.hash) { header.markSharedHash() }
            header.durableLag = RecordHeader.durableLag(
                at: placement.offset, durableOffset: state.syncedOffset)
            let bytes = image.bytes
            var target = bytes.mutableBytes(
                member.offset..<member.offset + member.header.recordByteCount)
            header.encode(into: &target, at: 0)
            state.sealPrefix(
                of: header, key: member.key.rawSpan, at: placement.offset, in: &target)
            placements.append(placement)
        }
        return placements
    }

    /// Publishes the members, or queues them; the last one tells the waiter.
    private func accept(
        _ image: BatchImage, _ placements: [Placement], _ currents: [CurrentVersion],
        _ scratch: WriteScratch
    ) throws(StoreError) -> AppliedBatch {
        var applied = AppliedBatch(receipts: [], isPending: false)
        lock.lock()
        for (number, member) in image.members.enumerated() {
            let isLast = number == image.members.count - 1
            let parts = RecordParts(
                header: member.header, key: member.key.rawSpan, metadata: RawSpan(),
                payloadHead: RawSpan(), payloadTail: RawSpan())
            let attempt = state.accept(
                member.intent, parts, placements[number], currents[number],
                index.probe(member.intent.hash), isLast ? .waiter(scratch.waiter) : .none)
            if case .waiting = attempt { applied.isPending = true }
            applied.receipts.append(
                WriteReceipt(
                    version: Version(sequence: placements[number].sequence),
                    replaced: currents[number].isBlob))
        }
        let failure = state.failure
        lock.unlock()
        if let failure { throw failure }
        settleWritten()
        return applied
    }

    /// The failure of a batch's condition, once what it rests on is durable.
    private func settledFailure(
        _ error: StoreError, _ intent: Intent, _ scratch: WriteScratch
    ) throws(StoreError) -> StoreError {
        syncIfNeeded(force: intent.durability == .synced)
        try checkUsable()
        return error
    }
}

extension LogState {
    /// Prepares for members whose different keys have one hash; false when they must be examined
    /// again first.
    fileprivate mutating func separateMembers(_ members: [BatchImage.Member]) -> Bool {
        var seen: Set<UInt64> = []
        let shared = Set(members.map(\.intent.hash).filter { !seen.insert($0).inserted })
        if shared.isEmpty { return true }
        for member in members where shared.contains(member.intent.hash) {
            let hash = member.intent.hash
            let slot = index.location(of: hash)
            if slot == .empty {
                index.set(hash, to: .overflow)
            } else if slot.isRecord {
                guard slot == member.examined.slot else { return false }
                let holder = member.examined.otherKey ?? member.key
                startOverflow(hash, otherKey: holder.rawSpan, at: slot)
            }
        }
        return true
    }
}
