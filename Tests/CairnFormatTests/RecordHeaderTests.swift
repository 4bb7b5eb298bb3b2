// RecordHeaderTests — lengths, flags and places of records. Damage in general: DamageTests.

import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

/// The error that `body` throws; nil when it throws none.
func formatError<Value: ~Copyable>(_ body: () throws(FormatError) -> Value) -> FormatError? {
    do throws(FormatError) {
        _ = try body()
        return nil
    } catch { return error }
}

@Suite("Record header") struct RecordHeaderTests {
    /// The header of `parts` with one field overwritten, checksum aside.
    private func decode(
        _ parts: RecordParts = .put, patch: (inout MutableRawSpan) -> Void
    ) -> FormatError? {
        var bytes = parts.encoded()
        bytes.withMutableRawSpan { patch(&$0) }
        return formatError { () throws(FormatError) in try RecordHeader(decoding: bytes.rawSpan) }
    }

    @Test("a header reads as it was written", arguments: RecordParts.ordinary.indices)
    func roundTrip(index: Int) throws {
        let parts = RecordParts.ordinary[index]
        #expect(try RecordHeader(decoding: parts.encoded().rawSpan) == parts.header)
    }

    @Test("random headers in order read as they were written")
    func randomRoundTrip() throws {
        var random = TestRandom.reported("random headers read as they were written")
        var bytes = [UInt8](repeating: 0, count: 64)
        for _ in 0..<10_000 {
            let raw = random.below(FormatLimits.payloadByteCountMaximum + 1)
            let isCompressed = raw > 1 && random.coin()
            let header = RecordHeader(
                sequence: random.next(), type: .put, codec: isCompressed ? .lz4 : .raw,
                flags: RecordFlags(rawValue: UInt16(random.below(256)) << 8),
                keyByteCount: 1 + random.below(65_535), metadataByteCount: random.below(65_536),
                storedByteCount: isCompressed ? 1 + random.below(raw - 1) : raw,
                rawByteCount: raw, payloadCRC: UInt32(truncatingIfNeeded: random.next()),
                durableLag: UInt32(truncatingIfNeeded: random.next()))
            bytes.withMutableRawSpan { header.encode(into: &$0, at: 8) }
            #expect(try RecordHeader(decoding: bytes.rawSpan, at: 8) == header)
        }
    }

    @Test("the largest record has the length that readers reserve for it")
    func largest() {
        let header = RecordHeader(
            sequence: 1, type: .put, keyByteCount: FormatLimits.keyByteCountMaximum,
            metadataByteCount: FormatLimits.metadataByteCountMaximum,
            storedByteCount: FormatLimits.payloadByteCountMaximum,
            rawByteCount: FormatLimits.payloadByteCountMaximum)
        #expect(header.recordByteCount == FormatLimits.recordByteCountMaximum)
        #expect(header.recordByteCount % 8 == 0)
        #expect(header.payloadRange.upperBound == header.unpaddedByteCount)
    }

    @Test("a record is padded to eight bytes with zeros", arguments: 1...9)
    func padding(keyByteCount: Int) {
        let parts = RecordParts(.put, sequence: 1, key: String(repeating: "k", count: keyByteCount))
        let bytes = parts.encoded()
        #expect(bytes.count % 8 == 0)
        #expect(bytes[parts.header.unpaddedByteCount...].allSatisfy { $0 == 0 })
    }

    @Test("a key has the length that its type wants", arguments: RecordType.allCases)
    func keyLengths(type: RecordType) {
        let lengths: [UInt16: Bool] =
            switch type {
            case .put, .delete, .composite: [0: false, 1: true, 12: true, 65_535: true]
            case .chunk: [0: false, 11: false, 12: true, 13: false]
            case .mark, .seal: [0: true, 1: false]
            }
        let parts = (RecordParts.ordinary + [.seal]).first { $0.header.type == type }!
        for (length, isAllowed) in lengths {
            let error = decode(parts) { $0.store(length, at: 20) }
            #expect((error == nil) == isAllowed, "\(type) with a key of \(length) bytes")
            #expect(isAllowed || error?.kind == .invalidField("key length"))
        }
    }

    @Test("lengths beyond the bounds are refused before anybody allocates")
    func payloadBounds() {
        let beyond = UInt32(FormatLimits.payloadByteCountMaximum + 1)
        for offset in [24, 28] {
            for length in [beyond, .max, 1 << 31] {
                let error = decode { $0.store(length, at: offset) }
                #expect(error?.structure == .record && error?.offset == offset)
            }
        }
    }

    @Test("stored and raw length agree as the codec demands")
    func codecLengths() {
        #expect(decode { $0.store(UInt32(4), at: 24) }?.offset == 24)
        for stored in [0, 60, 61] as [UInt32] {
            #expect(decode(.putCompressed) { $0.store(stored, at: 24) }?.offset == 24)
        }
        #expect(decode(.putCompressed) { $0.store(UInt32(59), at: 24) } == nil)
        #expect(decode(.putBlocked) { $0.store(UInt8(1), at: 17) }?.offset == 17)
        #expect(decode(.putBlocked) { $0.store(UInt32(16), at: 24) }?.offset == 24)
        #expect(decode(.putBlocked) { $0.store(UInt32(0), at: 28) }?.offset == 28)
        #expect(decode(.composite) { $0.store(UInt64(33 | 33 << 32), at: 24) }?.offset == 24)
        #expect(decode(.deleteInBatch) { $0.store(UInt64(1 | 1 << 32), at: 24) }?.offset == 24)
        #expect(decode(.mark) { $0.store(UInt64(1 | 1 << 32), at: 24) }?.offset == 24)
        #expect(decode(.seal) { $0.store(UInt64(87 | 87 << 32), at: 24) }?.offset == 24)
        #expect(decode(.chunk) { $0.store(UInt8(1), at: 18) }?.offset == 24)
        #expect(decode(.composite) { $0.store(UInt8(1), at: 18) }?.offset == 18)
        #expect(decode(.mark) { $0.store(UInt16(1), at: 22) }?.offset == 22)
    }

    @Test("unknown types, codecs and low flags are refused; high flags are kept and ignored")
    func unknownValues() throws {
        for type in [0, 7, 255] as [UInt8] {
            #expect(decode { $0.store(type, at: 16) }?.kind == .invalidField("type"))
        }
        for codec in [2, 255] as [UInt8] {
            #expect(decode { $0.store(codec, at: 17) }?.kind == .invalidField("codec"))
        }
        for bit in 2..<8 {
            #expect(decode { $0.store(UInt8(1) << bit, at: 18) }?.kind == .invalidField("flags"))
        }
        var bytes = RecordParts.put.encoded()
        bytes[19] = 0xFF
        #expect(try RecordHeader(decoding: bytes.rawSpan).flags.rawValue == 0xFF00)
    }

    @Test("a place outside the bytes is a truncated record")
    func places() {
        let bytes = RecordParts.put.encoded()
        for position in [-1, Int.min, bytes.count - 39, bytes.count, bytes.count + 1, Int.max] {
            let error = formatError { () throws(FormatError) in
                try RecordHeader(decoding: bytes.rawSpan, at: position)
            }
            #expect(error?.kind == .truncated)
        }
    }

    @Test("a record does not pass at another offset, in another segment, under another salt")
    func binding() {
        let bytes = RecordParts.put.encoded()
        func passes(_ seed: SegmentSeed, _ offset: UInt64) -> Bool {
            RecordHeader.verifyHeaderCRC(
                record: bytes.rawSpan, prefixByteCount: RecordParts.put.header.prefixByteCount,
                seed: seed, offset: offset)
        }
        let (salt, id) = (Fixture.salt, Fixture.segmentID)
        #expect(passes(SegmentSeed(salt: salt, segmentID: id), 4_096))
        for bit in 0..<64 as Range<UInt64> {
            let flip: UInt64 = 1 << bit
            #expect(!passes(Fixture.seed, 4_096 ^ flip))
            #expect(!passes(SegmentSeed(salt: salt ^ flip, segmentID: id), 4_096))
            #expect(!passes(SegmentSeed(salt: salt, segmentID: id ^ flip), 4_096))
        }
    }

    @Test("the checksum is what Format.md says: place, fields from byte 8, key, metadata")
    func checksumDefinition() {
        let parts = RecordParts.putCompressed.at(0x1234_5678)
        let bytes = parts.encoded()
        var summed: [UInt8] = []
        for value in [Fixture.salt, Fixture.segmentID, 0x1234_5678] {
            for shift in 0..<8 { summed.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
        }
        summed += bytes[8..<parts.header.prefixByteCount]
        #expect(RecordHeader.storedHeaderCRC(of: bytes.rawSpan) == Fixture.crc(summed))
    }

    @Test("a record that ends within key or metadata does not verify")
    func shortRecord() {
        let bytes = RecordParts.putCompressed.encoded()
        let prefix = RecordParts.putCompressed.header.prefixByteCount
        for count in 0..<prefix {
            let isRight = RecordHeader.verifyHeaderCRC(
                record: bytes.rawSpan.extracting(0..<count), prefixByteCount: prefix,
                seed: Fixture.seed, offset: 4_096)
            #expect(!isRight)
        }
        let isRight = RecordHeader.verifyHeaderCRC(
            record: bytes.rawSpan, prefixByteCount: 39, seed: Fixture.seed, offset: 4_096)
        #expect(!isRight)
    }

    @Test("a lag gives back the durable offset, rounded down; a hostile lag proves nothing")
    func durableLag() {
        for (offset, durable) in [(4_096, 4_096), (8_192, 4_096), (4_104, 4_100), (4_096, 9_999)] {
            let lag = RecordHeader.durableLag(
                at: UInt64(offset), durableOffset: UInt64(durable))
            let header = RecordHeader(sequence: 1, type: .mark, keyByteCount: 0, durableLag: lag)
            #expect(header.provenOffset(at: UInt64(offset)) == UInt64(min(durable / 8 * 8, offset)))
        }
        let hostile = RecordHeader(sequence: 1, type: .mark, keyByteCount: 0, durableLag: .max)
        #expect(hostile.provenOffset(at: 4_096) == 0)
        #expect(RecordHeader.durableLag(at: .max, durableOffset: 0) == .max)
    }

    @Test("a header that a reader would refuse is never written")
    func writingChecks() async {
        await #expect(processExitsWith: .failure) {
            var bytes = [UInt8](repeating: 0, count: 40)
            let header = RecordHeader(sequence: 1, type: .put, keyByteCount: 65_536)
            bytes.withMutableRawSpan { header.encode(into: &$0) }
        }
    }

    @Test("payload checksums notice other bytes and other lengths")
    func payloads() {
        let header = RecordParts.put.header
        let accepted = ["world", "worle", "world!", ""].filter {
            header.verifyPayload(Fixture.utf8($0).rawSpan)
        }
        #expect(accepted == ["world"])
    }

    @Test("the digest chains header checksums in order")
    func digest() {
        var (forward, backward) = (SegmentDigest(), SegmentDigest())
        for crc in [1, 2, 3] as [UInt32] { forward.add(headerCRC: crc) }
        for crc in [3, 2, 1] as [UInt32] { backward.add(headerCRC: crc) }
        #expect(forward.crc == Fixture.crc([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]))
        #expect(forward != backward)
    }

    @Test("the LZ4 block in the golden record decodes to its letters")
    func compressedFixture() {
        let stored = Fixture.lettersStored
        var raw = [UInt8](repeating: 0, count: 60)
        let count = raw.withMutableRawSpan { LZ4.decompress(stored.rawSpan, into: &$0) }
        #expect(count == 60 && raw == Fixture.lettersRaw)
    }
}
