// A blob of 5 TiB whose chunks are mostly absent: ranges inside those that are there are right,
// ranges that touch another say that the blob is damaged, and nothing takes memory or time by it.
//
// The segment is written by hand through the format's codecs: three chunk records that compress to
// a few KiB, and the composite record that names five million of them.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

/// A segment under construction.
private struct SegmentBuilder {
    let header: SegmentHeader
    private(set) var bytes: [UInt8]
    private var sequence: UInt64 = 1

    init(_ header: SegmentHeader) {
        self.header = header
        bytes = header.encoded()
    }

    mutating func append(
        _ type: RecordType, key: [UInt8], payload: [UInt8], codec: Codec = .raw, rawByteCount: Int
    ) {
        let record = RecordHeader(
            sequence: sequence, type: type, codec: codec, keyByteCount: key.count,
            storedByteCount: payload.count, rawByteCount: rawByteCount,
            payloadCRC: Checksum.crc32c(payload.rawSpan))
        var image = [UInt8](repeating: 0, count: record.recordByteCount)
        let offset = UInt64(bytes.count)
        let seed = header.seed
        image.withMutableRawSpan { span in
            record.encodeRecord(
                key: key.rawSpan, metadata: RawSpan(), payload: payload.rawSpan, into: &span,
                seed: seed, offset: offset)
        }
        bytes += image
        sequence += 1
    }
}

@Suite("Sparse blob")
struct SparseBlobTests {
    private static let totalByteCount: UInt64 = 5 << 40
    private static let chunkByteCount = 1 << 20
    private static let blobID: UInt64 = 77
    private let key = Key("sparse")

    /// The chunks that are there, and the byte each is full of.
    private static let chunks: [(number: UInt32, fill: UInt8)] = [
        (0, 0xA1), (1, 0xA2), (2_621_440, 0xB1), (5_242_879, 0xC1),
    ]

    private func compressed(_ fill: UInt8) throws -> [UInt8] {
        let source = [UInt8](repeating: fill, count: Self.chunkByteCount)
        var target = [UInt8](repeating: 0, count: 64 << 10)
        var span = target.mutableRawSpan
        let count = LZ4Compressor().compress(source.rawSpan, into: &span, acceleration: 1)
        return Array(target.prefix(try #require(count)))
    }

    private func makeDisk() throws -> SimulatedDisk {
        let disk = SimulatedDisk()
        let made = try Engine.open(disk)
        try made.close()
        let stored = try #require(disk.bytes(of: "STORE", in: .root))
        let identity = try StoreIdentity(decoding: stored.rawSpan)
        var builder = SegmentBuilder(
            SegmentHeader(uuid: identity.uuid, id: 1, kind: .data, salt: 99, createdAt: 1))
        for chunk in Self.chunks {
            var chunkKey = [UInt8](repeating: 0, count: ChunkKey.byteCount)
            chunkKey.withMutableRawSpan {
                ChunkKey(blobID: Self.blobID, chunkNumber: chunk.number).encode(into: &$0)
            }
            builder.append(
                .chunk, key: chunkKey, payload: try compressed(chunk.fill), codec: .lz4,
                rawByteCount: Self.chunkByteCount)
        }
        var payload = [UInt8](repeating: 0, count: Composite.byteCount)
        payload.withMutableRawSpan {
            Composite(
                blobID: Self.blobID, totalByteCount: Self.totalByteCount,
                chunkByteCount: Self.chunkByteCount
            ).encode(into: &$0)
        }
        builder.append(
            .composite, key: key.bytes, payload: payload, rawByteCount: payload.count)
        disk.replaceBytes(
            of: SegmentFileName(1).description, in: .segments, with: builder.bytes)
        let manifest = Manifest(
            uuid: identity.uuid, generation: 9, sequenceCeiling: 1000, nextSegmentID: 2,
            lastRunWall: 0, lastRunMonotonic: 0,
            entries: [SegmentEntry(id: 1, state: .open, kind: .data, salt: 99)])
        disk.replaceBytes(of: "MANIFEST", in: .root, with: manifest.encoded())
        return disk
    }

    private func expect(
        _ engine: Engine<SimulatedDisk>, _ range: Range<UInt64>, _ runs: (UInt8, Int)...
    ) throws {
        let blob = try #require(try engine.get(key.bytes.rawSpan, range: range))
        let expected = runs.flatMap { [UInt8](repeating: $0.0, count: $0.1) }
        #expect(blob.bytes == expected)
        #expect(blob.totalByteCount == Self.totalByteCount)
    }

    @Test("ranges of a 5 TiB blob: right where its chunks are, damaged where they are not")
    func ranges() throws {
        let disk = try makeDisk()
        let engine = try Engine.open(disk)
        #expect(engine.findings == [])
        let information = try #require(try engine.information(key.bytes.rawSpan))
        #expect(information.byteCount == Self.totalByteCount)
        #expect(engine.statistics().keyCount == 1)

        let mebibyte = UInt64(Self.chunkByteCount)
        let middle = 2_621_440 * mebibyte
        let end = Self.totalByteCount
        try expect(engine, 0..<10, (0xA1, 10))
        try expect(engine, mebibyte - 5..<mebibyte + 7, (0xA1, 5), (0xA2, 7))
        try expect(engine, middle..<middle + 100, (0xB1, 100))
        try expect(engine, middle + mebibyte - 1..<middle + mebibyte, (0xB1, 1))
        try expect(engine, end - 3..<end, (0xC1, 3))
        try expect(engine, end - 3..<end + 1000, (0xC1, 3))
        try expect(engine, end..<end + 1000)
        try expect(engine, end - mebibyte..<end, (0xC1, Self.chunkByteCount))

        for range in [
            2 * mebibyte..<2 * mebibyte + 1, 2 * mebibyte - 1..<2 * mebibyte + 1,
            middle - 1..<middle + 1, middle + mebibyte - 1..<middle + mebibyte + 1,
            end - mebibyte - 1..<end,
        ] {
            let error = try storeError { _ = try engine.get(key.bytes.rawSpan, range: range) }
            #expect(error?.kind == .damaged)
            #expect(error?.message.contains("chunk") == true, "\(String(describing: error))")
            #expect(error?.message.contains("sparse") == true)
        }
        let whole = try storeError { _ = try engine.get(key.bytes.rawSpan) }
        #expect(whole?.kind == .blobTooLarge)
        try engine.close()
    }

    @Test("a stream of it starts anywhere, and says where the blob is damaged")
    func stream() throws {
        let engine = try Engine.open(try makeDisk())
        let stream = try #require(try engine.stream(key.bytes.rawSpan))
        stream.seek(to: Self.totalByteCount - 10)
        #expect(
            try stream.read(byteCountMaximum: 100) == [UInt8](repeating: 0xC1, count: 10))
        #expect(try stream.read(byteCountMaximum: 100).isEmpty)
        stream.seek(to: 10 << 20)
        let error = try storeError { _ = try stream.read(byteCountMaximum: 100) }
        #expect(error?.kind == .damaged)
        stream.close()
        try engine.close()
    }

    @Test("it can be replaced and deleted, and its five million chunks are forgotten in steps")
    func delete() throws {
        let disk = try makeDisk()
        let engine = try Engine.open(disk)
        #expect(try engine.delete(key.bytes.rawSpan) != nil)
        #expect(try engine.get(key.bytes.rawSpan) == nil)
        for _ in 0..<10 { #expect(try engine.backgroundStep()) }
        try engine.close()
        let again = try Engine.open(disk)
        #expect(try again.get(key.bytes.rawSpan) == nil)
        #expect(again.statistics().keyCount == 0)
        #expect(again.statistics().liveByteCount == 0)
        try again.close()
    }
}
