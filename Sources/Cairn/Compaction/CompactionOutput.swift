// CompactionOutput — the segment that compaction writes: copies of records, with their own numbers.
//
// A copy leaves its batch, which bound its members only where they were first written, and its checksum
// starts from this segment's salt; everything else stays byte for byte. Nothing is durable and nobody
// knows the file before `seal` and `synchronize` are done and MANIFEST lists it. One thread.
// Spec: Engine.md, "Compaction"; Format.md, "Seal".

internal import CairnFormat
internal import CairnSystem

struct CompactionOutput<S: Storage> {
    let id: UInt64
    let salt: UInt64
    let file: FileHandle
    private let seed: SegmentSeed
    private let storage: S
    private var buffer: AlignedBuffer
    /// File offset of the buffer's first byte.
    private var base: UInt64 = 0
    private var fill: Int
    private(set) var totals = SegmentTotals()
    private var bounds = KeyBounds()
    private(set) var expiries = ExpiryTally()

    /// Room for seal and padding that a segment must leave.
    private static var sealByteCountMaximum: UInt64 { 1 << 20 }
    private static var pieceByteCount: UInt64 { 256 << 10 }

    /// Makes the file; nothing is written to it yet.
    init(
        id: UInt64, uuid: StoreUUID, storage: S, files: SegmentFiles<S>, bufferByteCount: Int
    ) throws(FileError) {
        self.id = id
        self.storage = storage
        salt = storage.random()
        seed = SegmentSeed(salt: salt, segmentID: id)
        let header = SegmentHeader(
            uuid: uuid, id: id, kind: .compacted, salt: salt, createdAt: storage.wallClock())
        buffer = AlignedBuffer(byteCount: max(bufferByteCount, SegmentHeader.byteCount))
        let bytes = header.encoded()
        buffer.copy(from: bytes.rawSpan, to: 0)
        fill = SegmentHeader.byteCount
        file = try files.withDescriptors { () throws(FileError) in
            try storage.create(SegmentFileName(id).description, in: .segments)
        }
    }

    /// Writes the header, ahead of everything. It is written once more with the first records: their
    /// write begins where the page cache keeps it in large pieces.
    func writeHeader() throws(FileError) {
        let buffer = buffer
        try storage.write(file, buffer.bytes(0..<SegmentHeader.byteCount), at: 0)
    }

    /// Where the next record goes.
    var byteCount: UInt64 { base + UInt64(fill) }

    /// Whether another record of so many bytes may stand in a segment.
    private func hasRoom(for recordByteCount: Int) -> Bool {
        byteCount + UInt64(recordByteCount) + Self.sealByteCountMaximum
            <= FormatLimits.segmentByteCountMaximum
    }

    /// Appends a copy of a record; `record` is its bytes without the padding, `chunkByteCount` those of
    /// the chunks that it names. Returns where it stands and its length; nil when there is no room.
    mutating func append(
        _ record: RawSpan, header: RecordHeader, metadata: RecordMetadata, chunkByteCount: UInt64
    ) throws(FileError) -> (offset: UInt64, byteCount: Int)? {
        guard hasRoom(for: header.recordByteCount) else { return nil }
        let offset = byteCount
        var copy = header
        let dropped = PlantedBug.batchFieldsKept.isPlanted ? nil : metadata.batchFieldRange
        if let dropped {
            copy.metadataByteCount -= dropped.count
            copy.leaveBatch()
        }
        // It proves nothing of this segment.
        copy.durableLag = RecordHeader.durableLag(
            at: byteCount, durableOffset: UInt64(SegmentHeader.byteCount))
        try makeRoom(copy.recordByteCount)
        let buffer = buffer
        var target = buffer.mutableBytes(fill..<fill + copy.recordByteCount)
        copy.encode(into: &target)
        let key = record.extracting(header.keyRange)
        target.copy(from: key, to: RecordHeader.byteCount)
        let start = header.metadataRange.lowerBound
        let cut = dropped ?? 0..<0
        let head = record.extracting(start..<start + cut.lowerBound)
        let tail = record.extracting(start + cut.upperBound..<header.unpaddedByteCount)
        target.copy(from: head, to: start)
        target.copy(from: tail, to: start + cut.lowerBound)
        finish(copy, key, &target)
        if let expiry = metadata.expiry {
            expiries.add(
                expiry, byteCount: copy.recordByteCount, chunkByteCount: chunkByteCount)
        }
        return (offset, copy.recordByteCount)
    }

    /// Pads the record and adds its checksum.
    private mutating func finish(
        _ header: RecordHeader, _ key: RawSpan, _ target: inout MutableRawSpan
    ) {
        for place in header.unpaddedByteCount..<header.recordByteCount {
            target.store(UInt8(0), at: place)
        }
        let crc = RecordHeader.writeHeaderCRC(
            into: &target, prefixByteCount: header.prefixByteCount, seed: seed,
            offset: byteCount)
        fill += header.recordByteCount
        guard header.type != .seal else { return }
        totals.add(header, headerCRC: crc)
        bounds.include(key, of: header.type)
    }

    /// How long the segment will be with its seal.
    func sealedByteCount(replacing ids: [UInt64]) -> UInt64 {
        let header = RecordHeader.seal(storedByteCount: sealPayload(replacing: ids).byteCount)
        return byteCount + UInt64(header.recordByteCount)
    }

    private func sealPayload(replacing ids: [UInt64]) -> Seal {
        Seal(
            totals: totals, expiryBuckets: expiries.buckets, replacedIDs: ids,
            minKey: bounds.minimum, maxKey: bounds.maximum)
    }

    /// Appends the seal and writes what is left.
    mutating func seal(replacing ids: [UInt64], sequence: UInt64) throws(FileError) {
        let payload = sealPayload(replacing: ids).encoded()
        var header = RecordHeader.seal(storedByteCount: payload.count)
        header.sequence = sequence
        header.payloadCRC = Checksum.crc32c(payload.rawSpan)
        try makeRoom(header.recordByteCount)
        let buffer = buffer
        var target = buffer.mutableBytes(fill..<fill + header.recordByteCount)
        header.encode(into: &target)
        target.copy(from: payload.rawSpan, to: RecordHeader.byteCount)
        finish(header, RawSpan(), &target)
        try flush(whole: true)
    }

    private mutating func makeRoom(_ recordByteCount: Int) throws(FileError) {
        if fill + recordByteCount <= buffer.byteCount { return }
        try flush(whole: false)
        if fill + recordByteCount <= buffer.byteCount { return }
        try flush(whole: true)
        if recordByteCount > buffer.byteCount {
            buffer = AlignedBuffer(byteCount: recordByteCount)
        }
    }

    /// Writes the buffer, and lets the disk begin with it, so that the sync at the end is short. Not
    /// `whole`: up to a place in the file where the next write may begin, as the log does, see
    /// `LogState.takeFlush`; the rest stays.
    private mutating func flush(whole: Bool) throws(FileError) {
        let end = base + UInt64(fill)
        let even = end / Self.pieceByteCount * Self.pieceByteCount
        let upTo = !whole && even > base ? even : end
        let byteCount = Int(upTo - base)
        guard byteCount > 0 else { return }
        let buffer = buffer
        try storage.write(file, buffer.bytes(0..<byteCount), at: base)
        storage.startWriting(file, base..<upTo)
        buffer.copy(from: buffer.bytes(byteCount..<fill), to: 0)
        base = upTo
        fill -= byteCount
    }

    /// The sealed segment as MANIFEST lists it.
    var entry: SegmentEntry {
        var entry = SegmentEntry(id: id, state: .sealed, kind: .compacted, salt: salt)
        entry.logicalByteCount = byteCount
        entry.describe(totals)
        return entry
    }

    var recordSeed: UInt32 { seed.crc }
}

extension RecordHeader {
    fileprivate mutating func leaveBatch() {
        flags = RecordFlags(rawValue: flags.rawValue & ~RecordFlags.batchMember.rawValue)
    }
}
