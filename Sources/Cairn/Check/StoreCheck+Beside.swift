// StoreCheck+Beside — segments of a store that is open, checked one by one with its own index.
//
// Ended segments and hints are read from the disk itself and leave the page cache alone; what still takes
// records is read as its writer sees it. What is known of chunks is asked of the index, so that nothing is
// kept from one segment to the next. One thread; see `StoreCheck`.

internal import CairnFormat
internal import CairnSystem

extension StoreCheck {
    /// Reads STORE and MANIFEST as they stand.
    func checkBesideFiles() {
        do throws(FileError) {
            try readFiles()
        } catch {
            report(
                CheckFinding(
                    .unreadable, .damage, file: StoreNames.manifest, what: "\(error)",
                    matters: "at the next opening"))
        }
        identity = engine?.identity
    }

    /// Reads one segment; whether it has records. What was found does not count when the check is ending.
    func checkSegment(_ entry: SegmentEntry, isProven: Bool) -> Bool {
        let hasRecords = SegmentCheck(self, entry, isProven: isProven).run()
        if !isEnding { nameDamagedChunks() }
        blobs = BlobTally()
        return hasRecords
    }

    /// Whether a segment is read past the page cache, whole blocks at a time.
    func isUncached(_ entry: SegmentEntry) -> Bool { isBeside && entry.state != .open }

    /// The file of a segment; nil when there is none.
    func fileBeside(_ entry: SegmentEntry) throws(FileError) -> FileHandle? {
        let name = SegmentFileName(entry.id).description
        guard let engine else { return nil }
        return try engine.segmentFiles.withDescriptors { () throws(FileError) in
            isUncached(entry)
                ? try storage.openUncached(name, in: .segments)
                : try storage.open(name, in: .segments, writable: false)
        }
    }

    // MARK: Large blobs

    func note(_ chunk: ChunkKey) { if !isBeside { blobs.add(chunk) } }

    func note(
        _ composite: Composite, _ key: [UInt8], _ record: ScannedRecord, _ segmentID: UInt64
    ) {
        guard isBeside else { return blobs.add(composite, key, record, segmentID, self) }
        // Chunks leave the index behind their composite, so the order of these two matters.
        guard let number = engine?.firstMissingChunk(of: composite) else { return }
        let sequence = record.header.sequence
        let standing = standing(
            of: key, sequence: sequence, segmentID: segmentID, offset: record.offset)
        guard standing == .live else { return }
        report(
            .missingChunk(
                number, ofBlob: composite.blobID, key: key, sequence: sequence,
                segmentID: segmentID, offset: record.offset))
    }

    /// Says whose the damaged chunks are.
    private func nameDamagedChunks() {
        let ids = blobs.damagedBlobIDs
        guard !ids.isEmpty, let engine else { return }
        for entry in engine.manifest.current.entries where entry.state != .retired {
            do throws(FileError) {
                try findOwners(of: ids, in: entry)
            } catch {
                // What cannot be read is told of when its own turn comes.
                continue
            }
        }
        blobs.finish(self)
    }

    private func findOwners(of ids: Set<UInt64>, in entry: SegmentEntry) throws(FileError) {
        let uuid = identity?.uuid(ofSegment: entry.id)
        if entry.state != .open, let uuid,
            let witness = try HintWitness(of: entry, uuid: uuid, storage, isUncached: true),
            let owners = witness.composites(ofBlobs: ids)
        {
            for owner in owners {
                blobs.add(owner.row, key: owner.key ?? [], entry.id, self)
            }
            return
        }
        guard let file = try fileBeside(entry) else { return }
        defer { storage.close(file) }
        try findOwners(of: ids, in: entry, file)
    }

    private func findOwners(
        of ids: Set<UInt64>, in entry: SegmentEntry, _ file: FileHandle
    ) throws(FileError) {
        var walk = SegmentWalk(
            storage: storage, file: file, limit: try storage.byteCount(of: file),
            seed: SegmentSeed(salt: entry.salt, segmentID: entry.id), step: tuning.scanByteCount,
            verifiesPayloads: false, isUncached: isUncached(entry))
        while let step = try walk.next() {
            guard case .record(let record) = step, let composite = record.composite,
                ids.contains(composite.blobID)
            else { continue }
            blobs.add(composite, try walk.key(of: record), record, entry.id, self)
        }
    }
}

extension Engine {
    /// The first chunk of a blob that the index does not hold.
    fileprivate func firstMissingChunk(of composite: Composite) -> UInt32? {
        (0..<composite.chunkCount).first { number in
            let key = ChunkKey(blobID: composite.blobID, chunkNumber: number).encoded
            let token = readers.enter()
            defer { readers.leave(token) }
            return !location(of: chunkHash(key.rawSpan), key.rawSpan).isRecord
        }
    }
}
