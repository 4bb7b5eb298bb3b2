// SegmentScanner — every intact record of a segment file, and the spans between them.
//
// Goes on behind damage at the next intact record. Decides nothing: what of it belongs to the log
// is `SegmentRecovery`'s to say. Any bytes are legal input. Spec: Format.md, "Recovery".

internal import CairnFormat
internal import CairnSystem

/// An intact record header and what is needed of the record to rebuild the index.
struct ScannedRecord {
    let offset: UInt64
    let header: RecordHeader
    let headerCRC: UInt32
    /// Of the key, in its domain; 0 for marks and seals.
    let hash: UInt64
    let batch: BatchMembership?
    /// 0: none.
    let expiry: UInt64
    let isPayloadIntact: Bool
    /// For a composite record whose payload is intact.
    let composite: Composite?
    /// For a chunk record.
    let chunkKey: ChunkKey?

    var endOffset: UInt64 { offset + UInt64(header.recordByteCount) }
}

/// What a segment file holds.
struct SegmentScan {
    var records: [ScannedRecord] = []
    /// Spans without an intact record, in order; a tail of zeros is not one.
    var damage: [Range<UInt64>] = []
    /// Behind the last byte that is not zero, rounded up to a record's boundary.
    var endOffset: UInt64
}

struct SegmentScanner<S: Storage> {
    var window: LogWindow<S>
    private let seed: SegmentSeed
    private let verifiesPayloads: Bool
    private let hash: (RecordType, RawSpan) -> UInt64

    /// Scans a file up to `limit`. `hash` gives a record's key its hash; see `LogWindow` for the rest.
    init(
        storage: S, file: FileHandle, limit: UInt64, seed: SegmentSeed, step: Int,
        verifiesPayloads: Bool, isUncached: Bool = false,
        hash: @escaping (RecordType, RawSpan) -> UInt64
    ) {
        window = LogWindow(
            storage: storage, file: file, limit: limit, step: step, isUncached: isUncached)
        self.seed = seed
        self.verifiesPayloads = verifiesPayloads
        self.hash = hash
    }

    /// Reads everything.
    mutating func scan() throws(FileError) -> SegmentScan {
        var result = SegmentScan(endOffset: UInt64(SegmentHeader.byteCount))
        var offset = result.endOffset
        // Where the last record that was found ends.
        var expected = offset
        while offset < window.limit {
            if let found = try record(at: offset) {
                let record = offset == expected ? found : try recordWritten(at: expected) ?? found
                offset = record.endOffset
                expected = offset
                result.records.append(record)
                result.endOffset = offset
            } else {
                if PlantedBug.lengthTrustedBeforeChecksum.isPlanted,
                    let length = try plantedLength(at: offset)
                {
                    offset += length
                    result.endOffset = offset
                    continue
                }
                let count = try window.load(8, at: offset)
                let zeroCount = try window.zeroByteCount(at: offset)
                // No record begins with a zero.
                offset += UInt64(max(8, zeroCount / 8 * 8))
                if zeroCount < count { result.endOffset = offset }
            }
        }
        result.damage = Self.gaps(in: result)
        return result
    }

    /// How long the header at `offset` says that its record is, checked by nothing.
    private mutating func plantedLength(at offset: UInt64) throws(FileError) -> UInt64? {
        let count = try window.load(RecordHeader.byteCount, at: offset)
        guard let header = try? RecordHeader(decoding: window.bytes(at: offset, count: count))
        else { return nil }
        let byteCount = UInt64(header.recordByteCount)
        return offset + byteCount <= window.limit ? byteCount : nil
    }

    /// What stands between intact records, zeros too: something else was there once.
    private static func gaps(in scan: SegmentScan) -> [Range<UInt64>] {
        var gaps: [Range<UInt64>] = []
        var offset = UInt64(SegmentHeader.byteCount)
        for record in scan.records {
            if record.offset > offset { gaps.append(offset..<record.offset) }
            offset = record.endOffset
        }
        if scan.endOffset > offset { gaps.append(offset..<scan.endOffset) }
        return gaps
    }

    /// The record at the beginning of a gap, if a writer has written it since that was read: what is behind
    /// it was read later.
    mutating func recordWritten(at offset: UInt64) throws(FileError) -> ScannedRecord? {
        window.forget()
        return try record(at: offset)
    }

    // MARK: One record

    /// The record at `offset`, if an intact header stands there.
    mutating func record(at offset: UInt64) throws(FileError) -> ScannedRecord? {
        let available = try window.load(RecordHeader.byteCount, at: offset)
        guard
            available == RecordHeader.byteCount,
            let header = try? RecordHeader(
                decoding: window.bytes(at: offset, count: available)),
            offset + UInt64(header.unpaddedByteCount) <= window.limit,
            try window.load(header.prefixByteCount, at: offset) == header.prefixByteCount
        else { return nil }
        guard let front = front(of: header, at: offset) else { return nil }
        let isSmall = header.type == .composite || header.type == .seal
        let isIntact =
            try verifiesPayloads || isSmall ? verifyPayload(of: header, at: offset) : true
        return ScannedRecord(
            offset: offset, header: header, headerCRC: front.crc, hash: front.hash,
            batch: front.batch, expiry: front.expiry, isPayloadIntact: isIntact,
            composite: isIntact ? try composite(of: header, at: offset) : nil,
            chunkKey: front.chunkKey)
    }

    /// What header, key and metadata say, which are loaded; nil when their checksum does not hold.
    private func front(of header: RecordHeader, at offset: UInt64) -> Front? {
        let prefix = window.bytes(at: offset, count: header.prefixByteCount)
        guard
            RecordHeader.verifyHeaderCRC(
                record: prefix, prefixByteCount: header.prefixByteCount, seed: seed,
                offset: offset),
            let metadata = try? RecordMetadata(of: prefix, header: header)
        else { return nil }
        let key = prefix.extracting(header.keyRange)
        return Front(
            crc: RecordHeader.storedHeaderCRC(of: prefix),
            hash: header.keyByteCount > 0 ? hash(header.type, key) : 0, batch: metadata.batch,
            expiry: metadata.expiry ?? 0,
            chunkKey: header.type == .chunk ? try? ChunkKey(decoding: key) : nil)
    }

    private struct Front {
        let crc: UInt32
        let hash: UInt64
        let batch: BatchMembership?
        let expiry: UInt64
        let chunkKey: ChunkKey?
    }

    private mutating func composite(
        of header: RecordHeader, at offset: UInt64
    ) throws(FileError) -> Composite? {
        guard header.type == .composite else { return nil }
        let place = offset + UInt64(header.prefixByteCount)
        let count = try window.load(Composite.byteCount, at: place)
        return try? Composite(decoding: window.bytes(at: place, count: count))
    }

    mutating func verifyPayload(
        of header: RecordHeader, at offset: UInt64
    ) throws(FileError) -> Bool {
        let place = offset + UInt64(header.prefixByteCount)
        guard header.flags.contains(.blocked) else {
            return try crc(of: place, header.storedByteCount) == header.payloadCRC
        }
        guard let blocks = try blocks(of: header, at: place) else { return false }
        for block in blocks {
            let blockPlace = place + UInt64(block.storedRange.lowerBound)
            if try crc(of: blockPlace, block.storedRange.count) != block.crc { return false }
        }
        return true
    }

    mutating func blocks(
        of header: RecordHeader, at place: UInt64
    ) throws(FileError) -> [Block]? {
        let front = try window.load(BlockTable.fixedByteCount, at: place)
        guard
            let byteCount = try? BlockTable.byteCount(
                decoding: window.bytes(at: place, count: front), header: header)
        else { return nil }
        let count = try window.load(byteCount, at: place)
        guard
            let table = try? BlockTable(
                decoding: window.bytes(at: place, count: count), header: header)
        else { return nil }
        var blocks: [Block] = []
        var offset = table.byteCount
        for number in 0..<table.blockCount {
            let block = table.block(number, at: offset)
            blocks.append(block)
            offset = block.storedRange.upperBound
        }
        return blocks
    }

    /// The checksum of bytes that may be longer than the window; nil when they end early.
    mutating func crc(of place: UInt64, _ byteCount: Int) throws(FileError) -> UInt32? {
        var crc: UInt32 = 0
        var offset = 0
        while offset < byteCount {
            let piece = min(byteCount - offset, 256 << 10)
            let count = try window.load(piece, at: place + UInt64(offset))
            guard count == piece else { return nil }
            crc = Checksum.crc32c(
                window.bytes(at: place + UInt64(offset), count: count), seed: crc)
            offset += piece
        }
        return crc
    }
}
