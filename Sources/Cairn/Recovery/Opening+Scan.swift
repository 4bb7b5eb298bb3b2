// Opening+Scan — one segment read from end to end, and what may be believed of it.
//
// An unsealed segment is synced and its cached pages are dropped first, so that only what the disk
// holds is believed; a sealed one is read up to its listed end. Damage becomes a hidden span and a
// finding, never an error: only the disk's refusal to read is one. Spec: Engine.md, "Opening".

internal import CairnFormat
internal import CairnSystem

extension Opening {
    mutating func scan(_ place: Int, isProven: Bool) throws(StoreError) {
        let segment = files[place]
        guard let ordinal = segment.ordinal else { return missing(segment) }
        do {
            let file = try segmentFiles.file(of: ordinal)
            let isOpen = segment.entry.state == .open
            if isOpen && isWriter { try forgetCache(of: file) }
            let limit =
                isOpen
                ? segment.byteCount : min(segment.byteCount, segment.entry.logicalByteCount)
            var scanner = SegmentScanner(
                storage: storage, file: file, limit: limit,
                seed: SegmentSeed(salt: segment.entry.salt, segmentID: segment.entry.id),
                step: tuning.scanByteCount, verifiesPayloads: isOpen, hash: hash)
            let scan = try scanner.scan()
            files[place].hasRecords = !scan.records.isEmpty
            files[place].isProven = isProven
            files[place].recovered =
                isOpen
                ? recover(scan, segment.entry, isProven: isProven)
                : accept(scan, segment.entry)
        } catch {
            throw storeError(error, "scanning segment \(SegmentFileName(segment.entry.id))")
        }
    }

    private func hash(_ type: RecordType, _ key: RawSpan) -> UInt64 {
        let hash = KeyHasher(key: hashKey, mask: tuning.hashMask).hash(type, key).first
        return KeyHasher.indexHash(hash, isChunk: type == .chunk)
    }

    /// After a failed sync the cache shows what the disk does not hold.
    private func forgetCache(of file: FileHandle) throws(FileError) {
        if !PlantedBug.noSyncAtOpen.isPlanted { try storage.synchronize(file) }
        if !PlantedBug.cacheKeptAtOpen.isPlanted { try storage.dropCache(of: file) }
    }

    private mutating func missing(_ segment: ListedSegment) {
        hide(
            HiddenSpan(
                segmentID: segment.entry.id, offset: 0,
                byteCount: segment.entry.logicalByteCount,
                sequenceEnd: segment.entry.state == .open ? .max : segment.entry.maxSequence &+ 1))
        struck.insert(segment.entry.id)
    }

    private mutating func hide(_ span: HiddenSpan) {
        hiddenSpans.append(span)
        findings.append("damaged: \(span)")
    }

    private mutating func recover(
        _ scan: SegmentScan, _ entry: SegmentEntry, isProven: Bool
    ) -> RecoveredSegment {
        let result = SegmentRecovery.recover(scan, segmentID: entry.id, isProven: isProven)
        for span in result.hidden { hide(span) }
        if isProven && !result.isSealed {
            hide(
                HiddenSpan(
                    segmentID: entry.id, offset: result.logicalByteCount, byteCount: 0,
                    sequenceEnd: .max))
        }
        if result.droppedCount > 0 {
            findings.append(
                "segment \(SegmentFileName(entry.id)): \(counted(result.droppedCount, "intact record")) "
                    + "behind the end of the log at \(result.logicalByteCount), never acknowledged as "
                    + "synced, \(result.droppedCount == 1 ? "is" : "are") dropped")
        }
        return result
    }

    private mutating func accept(_ scan: SegmentScan, _ entry: SegmentEntry) -> RecoveredSegment {
        var result = SegmentRecovery.accept(
            scan, upTo: entry.logicalByteCount, segmentID: entry.id,
            hiddenLimit: entry.logicalByteCount)
        if entry.state == .recovered { result.isSealed = false }
        guard !entry.flags.contains(.lossAccepted) else { return result }
        // Numbers grow along a segment of the log, so a lost record is older than the next one. In a
        // compacted segment they stand in no order.
        let isOrdered = entry.kind == .data
        for span in result.hidden {
            let bound = isOrdered ? span.sequenceEnd : .max
            hide(
                HiddenSpan(
                    segmentID: span.segmentID, offset: span.offset, byteCount: span.byteCount,
                    sequenceEnd: min(bound, entry.maxSequence &+ 1)))
        }
        if result.hidden.isEmpty && result.totals.digest.crc != entry.digest {
            hide(
                HiddenSpan(
                    segmentID: entry.id, offset: UInt64(SegmentHeader.byteCount),
                    byteCount: entry.logicalByteCount, sequenceEnd: entry.maxSequence &+ 1))
        }
        return result
    }
}
