// Rot in a segment that compaction wrote, when its hint is gone too. Numbers stand in no order there.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Rot in compacted segments")
struct CompactedRotTests {
    private let disk = SimulatedDisk()

    private func bytes(
        _ records: [(key: String, value: UInt8, sequence: UInt64)], _ header: SegmentHeader,
        _ totals: inout SegmentTotals
    ) -> [UInt8] {
        var segment = header.encoded()
        for record in records {
            let key = Array(record.key.utf8)
            var header = RecordHeader(
                sequence: record.sequence, type: .put, keyByteCount: key.count,
                storedByteCount: 1, rawByteCount: 1)
            header.payloadCRC = Checksum.crc32c([record.value].rawSpan)
            var bytes = [UInt8](repeating: 0, count: header.recordByteCount)
            bytes.withMutableRawSpan { target in
                header.encode(into: &target)
                target.copy(from: key.rawSpan, to: RecordHeader.byteCount)
                target.store(record.value, at: header.prefixByteCount)
                let crc = RecordHeader.writeHeaderCRC(
                    into: &target, prefixByteCount: header.prefixByteCount,
                    seed: SegmentSeed(salt: 77, segmentID: 9), offset: UInt64(segment.count))
                totals.add(header, headerCRC: crc)
            }
            segment += bytes
        }
        return segment
    }

    /// Lists a compacted segment that holds these records in this order.
    private func plant(_ records: [(key: String, value: UInt8, sequence: UInt64)]) throws {
        let list = try #require(disk.bytes(of: "MANIFEST", in: .root))
        var manifest = try Manifest(decoding: list.rawSpan)
        let header = SegmentHeader(
            uuid: manifest.uuid, id: 9, kind: .compacted, salt: 77, createdAt: 1)
        var totals = SegmentTotals()
        let segment = bytes(records, header, &totals)
        disk.replaceBytes(of: SegmentFileName(9).description, in: .segments, with: segment)
        manifest.entries.append(
            SegmentEntry(
                id: 9, state: .sealed, kind: .compacted, digest: totals.digest.crc,
                logicalByteCount: UInt64(segment.count), recordCount: totals.recordCount, salt: 77,
                minSequence: totals.minSequence, maxSequence: totals.maxSequence))
        manifest.nextSegmentID = 10
        disk.replaceBytes(of: "MANIFEST", in: .root, with: manifest.encoded())
    }

    @Test("a lost record may be newer than the one behind it: older versions are uncertain")
    func numbersInNoOrder() throws {
        let engine = try Engine.open(disk, tuning: .small)
        for _ in 0..<4 { _ = try engine.put(Key("key").bytes.rawSpan, [1].rawSpan) }
        let version = try #require(try engine.information(Key("key").bytes.rawSpan)?.version)
        try engine.close()
        let old = version.sequence
        #expect(old > 2)
        try plant([("key", 2, old + 20), ("other", 3, 1), ("last", 4, old + 10)])
        let sound = try Engine.open(disk, tuning: .small)
        #expect(sound.findings == [])
        #expect(try sound.get(Key("key").bytes.rawSpan)?.bytes == [2])
        try sound.close()
        disk.deleteFile(SegmentFileName(9, .hint).description, in: .segments)
        let place = UInt64(SegmentHeader.byteCount + 8)
        disk.flipBit(0, at: place, of: SegmentFileName(9).description, in: .segments)
        let damaged = try Engine.open(disk, tuning: .small)
        #expect(damaged.statistics().isReadOnly)
        expectError(.uncertain, naming: "0000000000000009") {
            _ = try damaged.get(Key("key").bytes.rawSpan)
        }
        expectError(.uncertain) { _ = try damaged.get(Key("nobody").bytes.rawSpan) }
        expectError(.uncertain) { _ = try damaged.get(Key("other").bytes.rawSpan) }
        try damaged.close()
    }
}
