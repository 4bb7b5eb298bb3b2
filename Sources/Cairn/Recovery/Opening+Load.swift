// Opening+Load — from the listed segments to the index: hints where they hold, scans elsewhere.
//
// A segment whose end stands in MANIFEST, whose file is not shorter than that, and whose hint is bound
// to exactly it is not read at all: damage in it is found by whoever reads the record. All others are
// scanned, one segment's records at a time in memory, and leave 36 bytes a record until the index is
// built. When a hint turns out to be unusable while it is read, its segment is scanned and the load
// begins again; each time with one hint less, so that it ends. Loss is accepted on what the segments
// themselves say, without hints.

internal import CairnFormat
internal import CairnSystem

extension Opening {
    /// Recovers every segment and builds the index.
    mutating func load() throws(StoreError) -> LoadedIndex {
        let progress = LoadProgress(options.progress) { [storage] in storage.monotonicClock() }
        // By ordinal.
        let places = files.indices.filter { files[$0].ordinal != nil }
        var sources: [Int: LoadSource<S>] = [:]
        defer { for source in sources.values { source.close() } }
        try chooseSources(progress, &sources)
        while true {
            let ordered = places.compactMap { sources[$0] }
            let load = IndexLoad(
                context: LoadContext(
                    storage: storage, files: segmentFiles, handles: handles, index: index,
                    sources: ordered, loadByteCount: tuning.loadByteCount, progress: progress),
                overflow: overflow, threadCount: options.loadingThreadCount ?? 1)
            do throws(LoadFailure) {
                let loaded = try load.run()
                progress.finish(keyCount: loaded.keyCount)
                return loaded
            } catch {
                switch error {
                case .error(let error): throw error
                case .doubt(let ordinal):
                    let place = places[ordinal]
                    guard case .hint = ordered[ordinal].rows else {
                        preconditionFailure("the rows of a scan are in order")
                    }
                    sources.removeValue(forKey: place)?.close()
                    refusedHintCount += 1
                    sources[place] = try scanned(place, isProven: false, progress)
                }
            }
        }
    }

    /// Later segments first: a record in one proves every earlier one durable to its seal.
    private mutating func chooseSources(
        _ progress: LoadProgress, _ sources: inout [Int: LoadSource<S>]
    ) throws(StoreError) {
        var laterHasRecords = false
        var openCount = 0
        for place in files.indices.reversed() {
            if let hint = hint(of: place, staysOpen: openCount < openHintMaximum) {
                openCount += 1
                sources[place] = hinted(place, hint, progress)
            } else {
                sources[place] = try scanned(place, isProven: laterHasRecords, progress)
            }
            if files[place].entry.kind == .data, files[place].hasRecords { laterHasRecords = true }
        }
    }

    /// The hint of a segment that needs no scan.
    private mutating func hint(of place: Int, staysOpen: Bool) -> HintOnDisk<S>? {
        let segment = files[place]
        guard segment.ordinal != nil, segment.entry.state != .open, !options.acceptLoss,
            segment.byteCount >= segment.entry.logicalByteCount
        else { return nil }
        guard let file = HintOnDisk.open(segment.entry, storage, segmentFiles) else { return nil }
        let hint = HintOnDisk(
            file, segment.entry, uuid: identity.uuid(ofSegment: segment.entry.id),
            storage: storage, files: segmentFiles, staysOpen: staysOpen)
        refusedHintCount += hint == nil ? 1 : 0
        return hint
    }

    private mutating func hinted(
        _ place: Int, _ hint: HintOnDisk<S>, _ progress: LoadProgress
    ) -> LoadSource<S> {
        let entry = files[place].entry
        files[place].hasRecords = entry.recordCount > 0
        files[place].recovered = RecoveredSegment(entry)
        files[place].hasHint = true
        files[place].hintByteCount = hint.header.hintByteCount
        files[place].recordByteCount = hint.header.recordByteTotal
        maxSequence = max(maxSequence ?? 0, entry.maxSequence)
        let source = LoadSource(
            logicalByteCount: entry.logicalByteCount, rows: .hint(hint))
        progress.expect(byteCount: UInt64(source.byteCount))
        return source
    }

    /// Nil when the segment's file is missing.
    private mutating func scanned(
        _ place: Int, isProven: Bool, _ progress: LoadProgress
    ) throws(StoreError) -> LoadSource<S>? {
        files[place].hasHint = false
        progress.expect(byteCount: files[place].byteCount)
        try scan(place, isProven: isProven)
        guard files[place].ordinal != nil else { return nil }
        progress.add(byteCount: Int(files[place].byteCount))
        let records = files[place].recovered.records
        files[place].recovered.records = []
        files[place].recordByteCount = 0
        files[place].expiries = ExpiryTally()
        for record in records {
            maxSequence = max(maxSequence ?? 0, record.header.sequence)
            if record.header.keyByteCount == 0 { continue }
            files[place].recordByteCount += UInt64(record.header.recordByteCount)
            if record.expiry == 0 { continue }
            files[place].expiries.add(
                record.expiry, byteCount: record.header.recordByteCount,
                chunkByteCount: record.composite?.totalByteCount ?? 0)
        }
        return LoadSource(
            logicalByteCount: files[place].recovered.logicalByteCount,
            rows: .scanned(ScannedRows(records)))
    }
}

extension RecoveredSegment {
    /// A segment of which MANIFEST and an intact hint say all that is needed.
    fileprivate init(_ entry: SegmentEntry) {
        acceptedCount = Int(entry.recordCount)
        totals.recordCount = entry.recordCount
        totals.minSequence = entry.minSequence
        totals.maxSequence = entry.maxSequence
        totals.digest = SegmentDigest(crc: entry.digest)
        logicalByteCount = entry.logicalByteCount
        isSealed = entry.state == .sealed
    }
}

extension LoadSource {
    fileprivate func close() {
        if case .hint(let hint) = rows { hint.close() }
    }
}
