// Sample+Records — a record of every type and of every way to store a payload, and what stands in
// payloads.

import CairnFormat
import CairnSystem

/// The parts of a record before it is encoded.
struct RecordParts: Sendable {
    var header: RecordHeader
    var key: [UInt8] = []
    var metadata: [UInt8] = []
    var payload: [UInt8] = []
    var offset: UInt64 = 4_096

    /// A record of these parts; lengths and checksum follow from them. `raw` is the length of the
    /// decoded payload unless it is stored as it is.
    init(
        _ type: RecordType, sequence: UInt64, key: String = "", metadata: [UInt8] = [],
        payload: [UInt8] = [], raw: Int? = nil, codec: Codec = .raw, flags: RecordFlags = [],
        tableByteCount: Int? = nil, lag: UInt32 = 0
    ) {
        self.key = Fixture.utf8(key)
        self.metadata = metadata
        self.payload = payload
        header = RecordHeader(
            sequence: sequence, type: type, codec: codec, flags: flags,
            keyByteCount: self.key.count, metadataByteCount: metadata.count,
            storedByteCount: payload.count, rawByteCount: raw ?? payload.count,
            payloadCRC: Fixture.crc(Array(payload[..<(tableByteCount ?? payload.count)])),
            durableLag: lag)
    }

    func with(key: [UInt8]) -> RecordParts {
        var parts = self
        parts.key = key
        parts.header.keyByteCount = key.count
        return parts
    }

    func at(_ offset: UInt64) -> RecordParts {
        var parts = self
        parts.offset = offset
        return parts
    }

    func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: header.recordByteCount)
        bytes.withMutableRawSpan { span in
            header.encodeRecord(
                key: key.rawSpan, metadata: metadata.rawSpan, payload: payload.rawSpan,
                into: &span, seed: Fixture.seed, offset: offset)
        }
        return bytes
    }
}

extension Fixture {
    static let expiry: UInt64 = createdAt + 3_600_000_000_000

    static func metadata(
        expiry: UInt64? = nil, batch: BatchMembership? = nil, user: [UInt8] = []
    ) -> [UInt8] {
        let byteCount = RecordMetadata.byteCount(
            hasExpiry: expiry != nil, isBatchMember: batch != nil, userByteCount: user.count)
        var bytes = [UInt8](repeating: 0xEE, count: byteCount)
        let written = bytes.withMutableRawSpan { span in
            RecordMetadata.encode(expiry: expiry, batch: batch, user: user.rawSpan, into: &span)
        }
        precondition(written == byteCount)
        return bytes
    }

    /// 150 bytes in blocks of 64: 60 letters and 4 dashes compressed, 64 raw, 22 raw.
    static let blockedRaw: [UInt8] =
        lettersRaw + utf8("----") + (0..<86).map { UInt8(ascii: "0") + UInt8($0 % 10) }
    private static let firstBlock: [UInt8] =
        [0x1F, 0x61, 0x01, 0x00, 0x23, 0x90] + utf8("aaaaa----")
    static let blockTableByteCount = 8 + 3 * 8

    static let blockedPayload: [UInt8] = {
        let blocks = [firstBlock, Array(blockedRaw[64..<128]), Array(blockedRaw[128...])]
        var table = [UInt8](repeating: 0, count: blockTableByteCount)
        table.withMutableRawSpan { span in
            BlockTable.encodeFront(rawByteCount: 150, blockByteCount: 64, into: &span)
            for (index, block) in blocks.enumerated() {
                BlockTable.encodeEntry(
                    index, storedByteCount: block.count, codec: index == 0 ? .lz4 : .raw,
                    crc: crc(block), into: &span)
            }
        }
        return table + blocks.flatMap { $0 }
    }()

    static let composite = Composite(
        blobID: 0x2A, totalByteCount: 2_500_000, chunkByteCount: 1 << 20)

    static let compositePayload: [UInt8] = {
        var bytes = [UInt8](repeating: 0xEE, count: Composite.byteCount)
        bytes.withMutableRawSpan { composite.encode(into: &$0) }
        return bytes
    }()

    static let chunkKey: [UInt8] = {
        var bytes = [UInt8](repeating: 0xEE, count: ChunkKey.byteCount)
        bytes.withMutableRawSpan { ChunkKey(blobID: 0x2A, chunkNumber: 2).encode(into: &$0) }
        return bytes
    }()

    static let totals: SegmentTotals = {
        var totals = SegmentTotals()
        for (index, parts) in RecordParts.ordinary.enumerated() {
            totals.add(parts.header, headerCRC: UInt32(index) + 1)
        }
        return totals
    }()

    static let seal = Seal(
        totals: totals,
        expiryBuckets: [
            ExpiryBucket(upperBoundSeconds: 1_767_229_200, recordByteTotal: 128),
            ExpiryBucket(upperBoundSeconds: 1_767_232_800, recordByteTotal: 4_096),
        ], replacedIDs: [0x0F, 0x10], minKey: utf8("blocks"), maxKey: utf8("letters"))
}

extension RecordParts {
    /// `hello` -> `world`, as plain as a record can be.
    static let put = RecordParts(
        .put, sequence: 1_000, key: "hello", payload: Fixture.utf8("world"), lag: 3)
    static let putEmpty = RecordParts(.put, sequence: 1_001, key: "e")
    static let putCompressed = RecordParts(
        .put, sequence: 1_002, key: "letters",
        metadata: Fixture.metadata(expiry: Fixture.expiry, user: Fixture.utf8("text/plain")),
        payload: Fixture.lettersStored, raw: 60, codec: .lz4)
    static let putBlocked = RecordParts(
        .put, sequence: 1_003, key: "blocks", payload: Fixture.blockedPayload, raw: 150,
        flags: .blocked, tableByteCount: Fixture.blockTableByteCount)
    static let deleteInBatch = RecordParts(
        .delete, sequence: 1_004, key: "hello",
        metadata: Fixture.metadata(
            batch: BatchMembership(batchID: 1_004, index: 1, count: 2)), flags: .batchMember)
    static let chunk = RecordParts(
        .chunk, sequence: 1_005, key: "", payload: Fixture.utf8("the third chunk")
    ).with(key: Fixture.chunkKey)
    static let composite = RecordParts(
        .composite, sequence: 1_006, key: "film.mkv", payload: Fixture.compositePayload)
    static let mark = RecordParts(.mark, sequence: 1_007, lag: 0)
    static let seal = RecordParts(.seal, sequence: 1_008, payload: Fixture.seal.encoded())

    static let ordinary: [RecordParts] = [
        put, putEmpty, putCompressed, putBlocked, deleteInBatch, chunk, composite, mark,
    ]
}

/// What a reader checks of one record.
enum RecordReader {
    /// Everything a record says; throws the first thing wrong with it.
    static func read(
        _ bytes: RawSpan, seed: SegmentSeed = Fixture.seed, offset: UInt64 = 4_096
    ) throws(FormatError) -> String {
        let header = try RecordHeader(verifying: bytes, seed: seed, offset: offset)
        let metadata = try RecordMetadata(of: bytes, header: header)
        guard bytes.byteCount >= header.unpaddedByteCount else {
            throw FormatError(.truncated, in: .record, at: bytes.byteCount)
        }
        let payload = bytes.extracting(header.payloadRange)
        guard header.verifyPayload(payload) else {
            throw FormatError(.checksumMismatch, in: .record, at: header.payloadRange.lowerBound)
        }
        let contents = try contents(of: payload, header: header)
        return "\(header) \(metadata) \(contents) \(bytes.extracting(header.keyRange).copyBytes())"
    }

    private static func contents(
        of payload: RawSpan, header: RecordHeader
    ) throws(FormatError) -> String {
        switch header.type {
        case .composite: "\(try Composite(decoding: payload))"
        case .seal: "\(try Seal(decoding: payload))"
        case .put, .chunk, .delete, .mark:
            header.flags.contains(.blocked)
                ? try blocks(of: payload, header: header) : "\(payload.copyBytes())"
        }
    }

    private static func blocks(
        of payload: RawSpan, header: RecordHeader
    ) throws(FormatError) -> String {
        let table = try BlockTable(decoding: payload, header: header)
        var text = ""
        for index in 0..<table.blockCount {
            let block = table.block(index)
            let stored = payload.extracting(block.storedRange)
            guard block.verify(stored) else {
                throw FormatError(.checksumMismatch, in: .block, at: block.storedRange.lowerBound)
            }
            text += "\(block) \(stored.copyBytes())"
        }
        return text
    }
}

extension Sample {
    private static func record(_ name: String, _ parts: RecordParts) -> Sample {
        let bytes = parts.encoded()
        return Sample(
            name, bytes, ignored: parts.header.unpaddedByteCount..<bytes.count,
            neededByteCount: parts.header.unpaddedByteCount
        ) { (bytes) throws(FormatError) in try RecordReader.read(bytes.rawSpan) }
    }

    static let records: [Sample] = [
        record("record-put", .put),
        record("record-put-empty", .putEmpty),
        record("record-put-lz4", .putCompressed),
        record("record-put-blocked", .putBlocked),
        record("record-delete-batch", .deleteInBatch),
        record("record-chunk", .chunk),
        record("record-composite", .composite),
        record("record-mark", .mark),
        record("record-seal", .seal),
    ]

    static let payloads: [Sample] = [
        Sample(
            "metadata",
            Fixture.metadata(
                expiry: Fixture.expiry, batch: BatchMembership(batchID: 9, index: 0, count: 3),
                user: Fixture.utf8("text/plain")), isChecked: false
        ) { (bytes) throws(FormatError) in "\(try RecordMetadata(decoding: bytes.rawSpan))" },
        Sample(
            "block-table", Array(Fixture.blockedPayload[..<Fixture.blockTableByteCount])
        ) { (bytes) throws(FormatError) in
            let table = try BlockTable(
                decoding: bytes.rawSpan, header: RecordParts.putBlocked.header)
            return (0..<table.blockCount).map { "\(table.block($0))" }.joined(separator: "\n")
        },
        Sample(
            "chunk-key", Fixture.chunkKey, isChecked: false
        ) { (bytes) throws(FormatError) in "\(try ChunkKey(decoding: bytes.rawSpan))" },
        Sample(
            "composite", Fixture.compositePayload, isChecked: false
        ) { (bytes) throws(FormatError) in "\(try Composite(decoding: bytes.rawSpan))" },
        Sample(
            "seal", Fixture.seal.encoded(), isChecked: false
        ) { (bytes) throws(FormatError) in "\(try Seal(decoding: bytes.rawSpan))" },
    ]
}
