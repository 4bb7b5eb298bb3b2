// DamageTests — whatever happens to the bytes of a structure, reading them is an error or changes
// nothing; it is never a trap and never other contents.

import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Damage") struct DamageTests {
    private static let seed = TestRandom.reported("Damage").seed

    /// Dice of a sample's own, so that samples can run side by side.
    private func dice(for sample: Sample) -> TestRandom {
        TestRandom(seed: Self.seed &+ UInt64(Fixture.crc(Fixture.utf8(sample.name))))
    }

    @Test(
        "every flipped bit is noticed, or stands where Format.md says that it is ignored",
        arguments: Sample.checked)
    func flippedBits(sample: Sample) throws {
        let contents = try sample.decode(sample.bytes)
        var bytes = sample.bytes
        for bit in 0..<bytes.count * 8 {
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let result = Result { () throws(FormatError) in try sample.decode(bytes) }
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            switch result {
            case .success(let found):
                #expect(sample.ignored.contains(bit / 8), "bit \(bit) went unnoticed")
                #expect(found == contents, "bit \(bit) changed what was read")
            case .failure:
                #expect(!sample.ignored.contains(bit / 8), "bit \(bit) should be ignored")
            }
        }
    }

    @Test("every truncation is an error", arguments: Sample.all)
    func truncation(sample: Sample) {
        for byteCount in 0..<sample.neededByteCount {
            // Metadata that ends between two fields is shorter metadata; its header notices.
            if sample.name == "metadata", [0, 12, 32].contains(byteCount) { continue }
            #expect(throws: FormatError.self, "\(byteCount) bytes") {
                try sample.decode(Array(sample.bytes[..<byteCount]))
            }
        }
    }

    @Test(
        "bytes behind the end are an error where a file ends",
        arguments: ["store", "manifest", "manifest-empty", "hint", "hint-empty"])
    func trailingBytes(name: String) {
        let sample = Sample.named(name)
        for count in [1, 8, 4_096] {
            #expect(throws: FormatError.self) {
                try sample.decode(sample.bytes + [UInt8](repeating: 0, count: count))
            }
        }
    }

    @Test("random bytes never stop the program", arguments: Sample.all)
    func randomBytes(sample: Sample) {
        var random = dice(for: sample)
        for _ in 0..<1_000 {
            let bytes = random.bytes(random.below(2 * sample.bytes.count + 64))
            _ = try? sample.decode(bytes)
        }
    }

    @Test("hostile fields under a right checksum never stop the program", arguments: Sample.all)
    func hostileFields(sample: Sample) {
        var random = dice(for: sample)
        var errors = 0
        for _ in 0..<5_000 {
            var bytes = sample.bytes
            for _ in 0...random.below(3) { Damage.change(&bytes, in: sample, with: &random) }
            Damage.repairChecksums(of: &bytes, in: sample)
            if (try? sample.decode(bytes)) == nil { errors += 1 }
        }
        // Every chunk key of the right length is one.
        #expect(errors > 0 || sample.name == "chunk-key")
    }
}

/// Ways to damage a sample on purpose.
enum Damage {
    private static let nasty: [UInt8] = [0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF]

    /// Overwrites one to eight bytes somewhere, every other time in the first 256, where most
    /// fields are.
    static func change(_ bytes: inout [UInt8], in sample: Sample, with random: inout TestRandom) {
        let place = random.below(random.coin() ? bytes.count : min(256, bytes.count))
        let value = random.coin() ? nasty[random.below(nasty.count)] : nil
        for index in place..<min(place + 1 << random.below(4), bytes.count) {
            bytes[index] = value ?? UInt8(truncatingIfNeeded: random.next())
        }
    }

    /// Makes the checksums of a changed sample right again, so that only meaning can be wrong.
    static func repairChecksums(of bytes: inout [UInt8], in sample: Sample) {
        let end = bytes.count
        switch sample.name {
        case "store", "manifest", "manifest-empty": repairTrailing(&bytes, end: end)
        case "segment-header": repairTrailing(&bytes, end: 68)
        case "hint", "hint-empty": repairHint(&bytes, original: sample.bytes)
        case let name where name.hasPrefix("record-"): repairRecord(&bytes)
        default: break
        }
    }

    static func store(_ crc: UInt32, into bytes: inout [UInt8], at offset: Int) {
        bytes.withMutableRawSpan { $0.store(crc, at: offset) }
    }

    private static func repairTrailing(_ bytes: inout [UInt8], end: Int) {
        store(Fixture.crc(Array(bytes[..<(end - 4)])), into: &bytes, at: end - 4)
    }

    private static func repairRecord(_ bytes: inout [UInt8]) {
        let keyByteCount = Int(bytes.rawSpan.loadUInt16(at: 20))
        let metadataByteCount = Int(bytes.rawSpan.loadUInt16(at: 22))
        let prefix = RecordHeader.byteCount + keyByteCount + metadataByteCount
        let stored = Int(bytes.rawSpan.loadUInt32(at: 24))
        let isBlocked = bytes[18] & 1 == 1
        guard prefix <= bytes.count else { return }
        if stored <= bytes.count - prefix {
            let end = isBlocked ? min(prefix + 32, prefix + stored) : prefix + stored
            store(Fixture.crc(Array(bytes[prefix..<end])), into: &bytes, at: 32)
        }
        bytes.withMutableRawSpan { span in
            _ = RecordHeader.writeHeaderCRC(
                into: &span, prefixByteCount: prefix, seed: Fixture.seed, offset: 4_096)
        }
    }

    /// Repairs the header and the blocks where they stood before the damage.
    private static func repairHint(_ bytes: inout [UInt8], original: [UInt8]) {
        repairTrailing(&bytes, end: HintHeader.byteCount)
        for range in blockRanges(of: original) {
            let contents = Array(bytes[range.lowerBound..<range.upperBound - 4])
            let crc = Fixture.binding.seed.checksum(
                of: contents.rawSpan, at: UInt64(range.lowerBound))
            store(crc, into: &bytes, at: range.upperBound - 4)
        }
    }

    /// Where the blocks of a valid hint are.
    static func blockRanges(of bytes: [UInt8]) -> [Range<Int>] {
        guard let hint = try? Hint(decoding: bytes.rawSpan) else { return [] }
        let header = hint.header
        var ranges: [Range<UInt64>] = [header.range(of: .keyIndex)]
        for column in HintSection.columns where header.hasColumn(column) {
            for index in 0..<header.blockCount(column) {
                ranges.append(header.range(ofBlock: index, of: column))
            }
        }
        if let index = try? hint.keyIndex() {
            for number in 0..<index.blockCount { ranges.append(index.range(ofBlock: number)) }
        }
        return ranges.map { Int($0.lowerBound)..<Int($0.upperBound) }
    }
}
