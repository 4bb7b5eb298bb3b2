// Sample+Hints — hints small enough for a golden file and large enough to have several blocks.

import CairnFormat
import CairnSystem

/// A record as a hint knows it, with its key.
struct HintedRecord: Sendable {
    var row: HintRow
    var key: [UInt8]
}

extension Fixture {
    static let binding = HintBinding(
        uuid: uuid, segmentID: segmentID, logicalByteCount: 1 << 20, salt: salt,
        digest: 0x1122_3344)

    static func hinted(
        _ type: RecordType, key: [UInt8], sequence: UInt64, offset: UInt64, expiry: UInt64 = 0,
        blobID: UInt64 = 0
    ) -> HintedRecord {
        let domain = type == .chunk ? HashDomain.chunkKey : HashDomain.userKey
        let hash = Fixture.key.hash(key.rawSpan, domain: domain)
        let row = HintRow(
            hashFirst: hash.first, hashSecond: hash.second, sequence: sequence, offset: offset,
            recordByteCount: alignedToRecord(RecordHeader.byteCount + key.count), type: type,
            flags: expiry == 0 ? [] : .expires, keyByteCount: key.count, expiry: expiry,
            blobID: blobID)
        return HintedRecord(row: row, key: key)
    }

    /// Two versions and a tombstone of one key, others around it, a blob of two chunks.
    static let hintedRecords: [HintedRecord] = {
        let keys = ["apple", "apple", "apple", "applesauce", "banana", "applet"]
        var records = keys.enumerated().map { index, key in
            hinted(
                index == 2 ? .delete : .put, key: utf8(key), sequence: UInt64(100 + index),
                offset: 4_096 + UInt64(index) * 64, expiry: index == 4 ? expiry : 0)
        }
        for number in 0..<2 as Range<UInt32> {
            var chunk = [UInt8](repeating: 0, count: ChunkKey.byteCount)
            chunk.withMutableRawSpan {
                ChunkKey(blobID: 0x2A, chunkNumber: number).encode(into: &$0)
            }
            records.append(
                hinted(
                    .chunk, key: chunk, sequence: 106 + UInt64(number),
                    offset: 8_192 + UInt64(number) * 64, blobID: 0x2A))
        }
        records.append(
            hinted(.composite, key: utf8("film"), sequence: 108, offset: 16_384, blobID: 0x2A))
        return records
    }()

    static func hint(of records: [HintedRecord], blockByteCount: Int) -> [UInt8] {
        var builder = HintBuilder(binding: binding, blockByteCount: blockByteCount)
        for record in records { builder.add(record.row, key: record.key.rawSpan) }
        return builder.encoded()
    }
}

/// What a reader gets out of a hint.
enum HintReader {
    /// Everything a hint says; throws the first thing wrong with it.
    static func read(_ bytes: RawSpan) throws(FormatError) -> String {
        let hint = try Hint(decoding: bytes)
        try hint.checkAll()
        var text = "\(hint.header)\n"
        for number in 0..<hint.header.rowCount { text += "\(try hint.row(number))\n" }
        try hint.forEachKey(from: [UInt8]().rawSpan) { key, row in
            text += "\(key.copyBytes()) \(row)\n"
            return true
        }
        return text
    }
}

extension Sample {
    static let hints: [Sample] = [
        Sample(
            "hint", Fixture.hint(of: Fixture.hintedRecords, blockByteCount: 64)
        ) { (bytes) throws(FormatError) in try HintReader.read(bytes.rawSpan) },
        Sample(
            "hint-empty",
            Fixture.hint(of: [], blockByteCount: HintHeader.blockByteCountDefault)
        ) { (bytes) throws(FormatError) in try HintReader.read(bytes.rawSpan) },
    ]
}
