// SegmentWalk — a segment from front to back for people: records, what can be named of damaged ones,
// and gaps.
//
// Like `SegmentScanner`, which reads the records, it believes nothing that fails a checksum and goes
// on behind damage; unlike it, it keeps nothing and gives keys. Any bytes are legal input. One thread.
// Spec: Format.md, "Recovery".

internal import CairnFormat
internal import CairnSystem

struct SegmentWalk<S: Storage> {
    enum Step {
        /// An intact header; whether its payload is intact, too, the record says.
        case record(ScannedRecord)
        /// A record that lost one byte of its front.
        case mended(MendedRecord)
        /// No record, up to the next one or to the end.
        case gap(Range<UInt64>, isZero: Bool)
    }

    private var scanner: SegmentScanner<S>
    private let seed: SegmentSeed
    private let limit: UInt64
    /// Where the next step begins.
    private(set) var offset: UInt64

    init(
        storage: S, file: FileHandle, limit: UInt64, seed: SegmentSeed, step: Int,
        verifiesPayloads: Bool, isUncached: Bool = false,
        from start: UInt64 = UInt64(SegmentHeader.byteCount)
    ) {
        offset = start
        self.seed = seed
        self.limit = limit
        scanner = SegmentScanner(
            storage: storage, file: file, limit: limit, seed: seed, step: step,
            verifiesPayloads: verifiesPayloads, isUncached: isUncached, hash: { _, _ in 0 })
    }

    /// The next of them; nil at the end.
    mutating func next() throws(FileError) -> Step? {
        guard offset < limit else { return nil }
        if let record = try scanner.record(at: offset) {
            offset = record.endOffset
            return .record(record)
        }
        if let record = try mended() {
            offset = record.endOffset
            return .mended(record)
        }
        let start = offset
        let gap = try gap()
        // A writer may have filled it before what is behind it was read.
        if offset < limit, let record = try scanner.recordWritten(at: start) {
            offset = record.endOffset
            return .record(record)
        }
        return gap
    }

    private mutating func mended() throws(FileError) -> MendedRecord? {
        let marker = try bytes(4, at: offset)
        // Most gaps are zeros ahead of the tail.
        guard marker.contains(where: { $0 != 0 }) else { return nil }
        let longest =
            RecordHeader.byteCount + FormatLimits.keyByteCountMaximum
            + FormatLimits.metadataByteCountMaximum
        let front = try bytes(longest, at: offset)
        guard let record = Mending.record(front, seed: seed, offset: offset),
            offset + UInt64(record.header.unpaddedByteCount) <= limit
        else { return nil }
        return record
    }

    private mutating func gap() throws(FileError) -> Step {
        let start = offset
        var isZero = true
        while offset < limit {
            let count = try scanner.window.load(8, at: offset)
            if count == 0 { break }
            let zeroCount = try scanner.window.zeroByteCount(at: offset)
            isZero = isZero && zeroCount >= count
            offset = min(offset + UInt64(max(8, zeroCount / 8 * 8)), limit)
            if offset < limit, try scanner.record(at: offset) != nil { break }
        }
        if offset == start { offset = limit }
        return .gap(start..<offset, isZero: isZero)
    }

    /// Bytes of the segment; fewer at its end.
    mutating func bytes(_ count: Int, at offset: UInt64) throws(FileError) -> [UInt8] {
        let count = try scanner.window.load(count, at: offset)
        return scanner.window.bytes(at: offset, count: count).copyBytes()
    }

    /// The key of a record.
    mutating func key(of record: ScannedRecord) throws(FileError) -> [UInt8] {
        try bytes(record.header.keyByteCount, at: record.offset + UInt64(RecordHeader.byteCount))
    }

    /// The user's metadata, and when the record expires.
    mutating func metadata(
        of record: ScannedRecord
    ) throws(FileError) -> (expiry: UInt64?, user: [UInt8]) {
        let front = try bytes(record.header.prefixByteCount, at: record.offset)
        guard let metadata = try? RecordMetadata(of: front.rawSpan, header: record.header) else {
            return (nil, [])
        }
        let place = record.header.metadataRange.lowerBound
        let user = metadata.userRange.map { range in
            Array(front[place + range.lowerBound..<place + range.upperBound])
        }
        return (metadata.expiry, user ?? [])
    }

    /// The payload as it is stored.
    mutating func payload(of record: ScannedRecord) throws(FileError) -> [UInt8] {
        let place = record.offset + UInt64(record.header.prefixByteCount)
        return try bytes(record.header.storedByteCount, at: place)
    }

    /// Whether the payload of a mended record is what was written.
    mutating func isPayloadIntact(_ record: MendedRecord) throws(FileError) -> Bool {
        try scanner.verifyPayload(of: record.header, at: record.offset)
    }

    /// Where a byte of the padding is not zero.
    mutating func spoiltPadding(
        _ header: RecordHeader, at offset: UInt64
    ) throws(FileError) -> UInt64? {
        let start = offset + UInt64(header.unpaddedByteCount)
        let padding = try bytes(header.recordByteCount - header.unpaddedByteCount, at: start)
        return padding.firstIndex { $0 != 0 }.map { start + UInt64($0) }
    }

    /// Which part of a payload fails its checksum.
    mutating func damagedPart(
        of record: ScannedRecord
    ) throws(FileError) -> (range: Range<UInt64>, what: String) {
        let place = record.offset + UInt64(record.header.prefixByteCount)
        let whole = place..<place + UInt64(record.header.storedByteCount)
        guard record.header.flags.contains(.blocked) else {
            return (whole, "the checksum of the payload does not match")
        }
        guard let blocks = try scanner.blocks(of: record.header, at: place) else {
            return (whole, "the block table is damaged")
        }
        for (number, block) in blocks.enumerated() {
            let start = place + UInt64(block.storedRange.lowerBound)
            guard try scanner.crc(of: start, block.storedRange.count) != block.crc else { continue }
            let range = start..<start + UInt64(block.storedRange.count)
            return (range, "the checksum of block \(number) of the payload does not match")
        }
        return (whole, "the payload does not match")
    }
}
