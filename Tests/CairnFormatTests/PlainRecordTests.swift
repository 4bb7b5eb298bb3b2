// PlainRecordTests — what the short way of reading accepts, against what the long way says of it.

import CairnFormat
import CairnSystem
import Testing

extension RecordParts {
    /// Compressed, in one piece, without metadata.
    fileprivate static let plainCompressed = RecordParts(
        .put, sequence: 1_009, key: "letters", payload: Fixture.lettersStored, raw: 60, codec: .lz4)

    fileprivate static let plain: [RecordParts] = [put, putEmpty, plainCompressed]
}

@Suite("Plain record") struct PlainRecordTests {
    private func read(
        _ bytes: [UInt8], key: [UInt8], seed: SegmentSeed = Fixture.seed, offset: UInt64 = 4_096
    ) -> PlainRecord? {
        PlainRecord(verifying: bytes.rawSpan, key: key.rawSpan, seed: seed, offset: offset)
    }

    @Test("it says what the header says", arguments: RecordParts.plain.indices)
    func agreement(index: Int) throws {
        let parts = RecordParts.plain[index]
        let plain = try #require(read(parts.encoded(), key: parts.key))
        #expect(plain.sequence == parts.header.sequence)
        #expect(plain.payloadRange == parts.header.payloadRange)
        #expect(plain.rawByteCount == parts.header.rawByteCount)
        #expect(plain.isCompressed == (parts.header.codec == .lz4))
    }

    @Test(
        "a changed bit, a missing byte, another place, key or segment makes it none",
        arguments: RecordParts.plain.indices)
    func damage(index: Int) {
        let parts = RecordParts.plain[index]
        let whole = parts.encoded()
        for bit in 0..<parts.header.unpaddedByteCount * 8 {
            var bytes = whole
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(read(bytes, key: parts.key) == nil)
        }
        for count in 0..<parts.header.unpaddedByteCount {
            #expect(read(Array(whole[..<count]), key: parts.key) == nil)
        }
        #expect(read(whole, key: parts.key, offset: 4_104) == nil)
        #expect(read(whole, key: parts.key + [0]) == nil)
        #expect(read(whole, key: Array(parts.key.dropLast())) == nil)
        let other = SegmentSeed(salt: Fixture.salt, segmentID: Fixture.segmentID + 1)
        #expect(read(whole, key: parts.key, seed: other) == nil)
    }

    @Test("records of other kinds are left to others")
    func otherKinds() {
        for parts in RecordParts.ordinary where ![1_000, 1_001].contains(parts.header.sequence) {
            #expect(read(parts.encoded(), key: parts.key) == nil)
        }
    }

    @Test(
        "lengths that a header may not have are refused, however right the checksums",
        arguments: [
            (RecordParts.put, 5, 6), (.put, 5, 4), (.plainCompressed, 11, 11),
            (.plainCompressed, 11, 10), (.plainCompressed, 0, 60),
            (.plainCompressed, 11, FormatLimits.payloadByteCountMaximum + 1),
        ])
    func lengths(parts: RecordParts, stored: Int, raw: Int) {
        var bytes = parts.encoded()
        bytes.withMutableRawSpan { span in
            span.store(UInt64(stored) | UInt64(raw) << 32, at: 24)
            if stored == 0 { span.store(UInt64(0), at: 32) }
            _ = RecordHeader.writeHeaderCRC(
                into: &span, prefixByteCount: parts.header.prefixByteCount, seed: Fixture.seed,
                offset: parts.offset)
        }
        #expect(read(bytes, key: parts.key) == nil)
        let error = formatError { () throws(FormatError) in
            try RecordHeader(decoding: bytes.rawSpan)
        }
        #expect(error != nil)
    }
}
