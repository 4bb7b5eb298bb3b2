// Opening+Files — the files of the listed segments: opened, told from others of the same name, counted.
//
// A file that is not there, or is not the listed segment, is a finding and leaves the segment without
// an ordinal; only a segment of a newer program refuses the opening. What was opened is known to
// `segmentFiles`, and `closeFiles` gives it back. Spec: Engine.md, "Opening".

internal import CairnFormat
internal import CairnSystem

extension Opening {
    /// How often a reader looks for a list whose files are all there.
    private static var listReadingMaximum: Int { 100 }

    /// A writer takes a file away after MANIFEST no longer lists it. So a reader beside it that
    /// misses a file looks at MANIFEST again; the file is missing if that is still the same.
    mutating func openListed() throws(StoreError) {
        for _ in 0..<Self.listReadingMaximum {
            try openFiles()
            if isWriter || !hasVanished { return }
            let newest = try StoreFiles(storage: storage, tuning: tuning).manifestNow(of: identity)
            if newest.generation == manifest.generation { return }
            closeFiles()
            findings = []
            manifest = newest
        }
        throw StoreError(
            .inUse,
            "the writer of the store in \(storage.location) changed the list of segments each "
                + "time it was read: try again")
    }

    private mutating func openFiles() throws(StoreError) {
        hasVanished = false
        do {
            if PlantedBug.unlistedAdopted.isPlanted, isWriter { try adoptUnlisted() }
            readAhead()
            for entry in manifest.entries where entry.state != .retired {
                files.append(try listed(entry))
            }
        } catch {
            throw storeError(error, "opening segments")
        }
        if let refusal { throw refusal }
    }

    /// Asks the disk for the beginnings of all files, each of which is otherwise waited for in turn.
    private func readAhead() {
        let ids = manifest.entries.filter { $0.state != .retired }.map(\.id)
        for id in ids { readAhead(SegmentFileName(id), SegmentHeader.byteCount) }
        let hintByteCount = HintHeader.byteCount + tuning.hintBlockByteCount
        for id in ids { readAhead(SegmentFileName(id, .hint), hintByteCount) }
    }

    /// A file that cannot be opened now is met again by whoever needs it, and is told of there.
    private func readAhead(_ name: SegmentFileName, _ byteCount: Int) {
        let found = try? storage.open(name.description, in: .segments, writable: false)
        guard let file = found ?? nil else { return }
        storage.readAhead(file, 0..<UInt64(byteCount))
        storage.close(file)
    }

    private mutating func listed(_ entry: SegmentEntry) throws(FileError) -> ListedSegment {
        let name = SegmentFileName(entry.id).description
        let file = try segmentFiles.withDescriptors { () throws(FileError) in
            // Nobody writes to a listed segment again; syncing needs no write access.
            try storage.open(
                name, in: .segments, writable: PlantedBug.appendToOldSegment.isPlanted)
        }
        guard let file else {
            hasVanished = true
            findings.append("segment \(name) is missing")
            return ListedSegment(entry: entry, ordinal: nil, byteCount: 0)
        }
        do {
            if let reason = try mismatch(of: file, entry) {
                findings.append("segment \(name) \(reason)")
                storage.close(file)
                return ListedSegment(entry: entry, ordinal: nil, byteCount: 0)
            }
            return register(file, entry, byteCount: try storage.byteCount(of: file))
        } catch {
            storage.close(file)
            throw error
        }
    }

    /// Gives a segment that is there its ordinal.
    private mutating func register(
        _ file: FileHandle, _ entry: SegmentEntry, byteCount: UInt64
    ) -> ListedSegment {
        let ordinal = presentCount
        presentCount += 1
        handles.add(
            file.rawValue, flushedOffset: byteCount,
            seed: SegmentSeed(salt: entry.salt, segmentID: entry.id).crc, segmentID: entry.id,
            for: ordinal)
        segmentFiles.add(ordinal)
        return ListedSegment(entry: entry, ordinal: ordinal, byteCount: byteCount)
    }

    /// What an opening that fails leaves open.
    mutating func closeFiles() {
        for segment in files {
            if let ordinal = segment.ordinal { segmentFiles.remove(ordinal) }
        }
        files = []
        presentCount = 0
    }

    /// Why a file is not the listed segment. A damaged header does not matter: the manifest
    /// repeats the salt, and no record of another file validates with it.
    private mutating func mismatch(
        of file: FileHandle, _ entry: SegmentEntry
    ) throws(FileError) -> String? {
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        var span = bytes.mutableRawSpan
        // Its header was durable before it was listed: no crash leaves less.
        guard try storage.read(file, into: &span, at: 0) == bytes.count else {
            return "is shorter than its header"
        }
        let header: SegmentHeader
        do throws(FormatError) {
            header = try SegmentHeader(decoding: bytes.rawSpan)
        } catch {
            let name = SegmentFileName(entry.id)
            if error.isUnsupported {
                refusal = StoreError(
                    .unsupportedVersion,
                    "segment \(name) in \(storage.location): \(error); use a newer program",
                    segmentID: entry.id)
            } else {
                findings.append("segment \(name) has a damaged header")
            }
            return nil
        }
        guard identity.owns(segmentID: header.id, uuid: header.uuid) else {
            return "belongs to another store (\(header.uuid))"
        }
        guard header.id == entry.id, header.salt == entry.salt else {
            return "is another segment (\(SegmentFileName(header.id)))"
        }
        return nil
    }
}
