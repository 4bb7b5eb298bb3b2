// Sample — one encoded structure of known contents, and how to read it back.
//
// The suites that hold for every structure (golden bytes, flipped bits, truncation, random input)
// run over `Sample.all`. A sample's `decode` returns a description of everything the bytes say, so
// that equal descriptions mean equal contents, and throws only FormatError.

import CairnFormat
import CairnSystem
import Testing

struct Sample: Sendable, CustomTestStringConvertible {
    /// The golden file is called so.
    let name: String
    let bytes: [UInt8]
    /// Bytes that Format.md declares as ignored when read and that no checksum covers.
    var ignored: Range<Int> = 0..<0
    /// The bytes needed to read it.
    var neededByteCount: Int
    /// Whether a checksum covers it; payloads are covered by their record's.
    var isChecked = true
    let decode: @Sendable ([UInt8]) throws(FormatError) -> String

    var testDescription: String { name }

    init(
        _ name: String, _ bytes: [UInt8], ignored: Range<Int> = 0..<0, neededByteCount: Int? = nil,
        isChecked: Bool = true,
        decode: @escaping @Sendable ([UInt8]) throws(FormatError) -> String
    ) {
        self.name = name
        self.bytes = bytes
        self.ignored = ignored
        self.neededByteCount = neededByteCount ?? bytes.count
        self.isChecked = isChecked
        self.decode = decode
    }

    static func named(_ name: String) -> Sample { all.first { $0.name == name }! }

    static let all: [Sample] = files + records + payloads + hints
    static let checked = all.filter(\.isChecked)
}

/// Contents that several samples share.
enum Fixture {
    static let uuid = StoreUUID(high: 0x0123_4567_89AB_4DEF, low: 0x8123_4567_89AB_CDEF)
    static let otherUUID = StoreUUID(random: 0xFFFF_FFFF_FFFF_FFFF, 0)
    static let key = SipHashKey(first: 0x0706_0504_0302_0100, second: 0x0F0E_0D0C_0B0A_0908)
    static let salt: UInt64 = 0x5A5A_0000_1234_5678
    static let segmentID: UInt64 = 0x11
    static let seed = SegmentSeed(salt: salt, segmentID: segmentID)
    /// 2026-01-01 00:00 UTC.
    static let createdAt: UInt64 = 1_767_225_600_000_000_000

    static func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

    static func crc(_ bytes: [UInt8]) -> UInt32 { Checksum.crc32c(bytes.rawSpan) }

    /// 60 letters a, as an LZ4 block written by hand: no compressor's choice is in the golden file.
    static let lettersRaw = [UInt8](repeating: UInt8(ascii: "a"), count: 60)
    static let lettersStored: [UInt8] =
        [0x1F, 0x61, 0x01, 0x00, 0x23, 0x50, 0x61, 0x61, 0x61, 0x61, 0x61]
}

extension Sample {
    static let identity = StoreIdentity(
        uuid: Fixture.uuid, hashKeyFirst: Fixture.key.first, hashKeySecond: Fixture.key.second,
        createdAt: Fixture.createdAt,
        ancestors: [Ancestor(uuid: Fixture.otherUUID, highestSegmentID: 0x10)])

    static let manifest = Manifest(
        uuid: Fixture.uuid, generation: 7, sequenceCeiling: 0x1_0000_0000, nextSegmentID: 0x15,
        lastRunWall: Fixture.createdAt, lastRunMonotonic: 12_345_678_901, entries: entries)

    private static let entries = [
        SegmentEntry(
            id: 0x0F, state: .retired, kind: .data, digest: 0xAABB_CCDD, logicalByteCount: 4_264,
            recordCount: 1, salt: 1, minSequence: 3, maxSequence: 3),
        SegmentEntry(
            id: 0x10, state: .recovered, kind: .data, flags: .lossAccepted, digest: 0x0102_0304,
            logicalByteCount: 8_192, recordCount: 20, salt: 2, minSequence: 4, maxSequence: 23),
        SegmentEntry(
            id: 0x11, state: .sealed, kind: .compacted, digest: 0x1122_3344,
            logicalByteCount: 1 << 20, recordCount: 4_000, salt: Fixture.salt, minSequence: 1,
            maxSequence: 5_000),
        SegmentEntry(id: 0x14, state: .open, kind: .data, salt: 0xFFFF_FFFF_FFFF_FFFF),
    ]

    static let header = SegmentHeader(
        uuid: Fixture.uuid, id: Fixture.segmentID, kind: .data, salt: Fixture.salt,
        createdAt: Fixture.createdAt)

    static let files: [Sample] = [
        Sample("store", identity.encoded()) { (bytes) throws(FormatError) in
            "\(try StoreIdentity(decoding: bytes.rawSpan))"
        },
        Sample("store-backup", identity.ofBackup.encoded()) { (bytes) throws(FormatError) in
            "\(try StoreIdentity(decoding: bytes.rawSpan))"
        },
        Sample("manifest", manifest.encoded()) { (bytes) throws(FormatError) in
            "\(try Manifest(decoding: bytes.rawSpan))"
        },
        Sample("manifest-empty", emptyManifest.encoded()) { (bytes) throws(FormatError) in
            "\(try Manifest(decoding: bytes.rawSpan))"
        },
        Sample("scrub", scrub.encoded()) { (bytes) throws(FormatError) in
            "\(try ScrubPlace(decoding: bytes.rawSpan))"
        },
        Sample(
            "segment-header", header.encoded(), ignored: 68..<SegmentHeader.byteCount
        ) { (bytes) throws(FormatError) in "\(try SegmentHeader(decoding: bytes.rawSpan))" },
    ]

    private static let scrub: ScrubPlace = {
        var place = ScrubPlace(uuid: Fixture.uuid)
        place.beganAt = Fixture.createdAt
        (place.nextSegmentID, place.endSegmentID) = (0x11, 0x15)
        (place.readByteCount, place.damageCount) = (1 << 30, 2)
        (place.endedAt, place.endedDamageCount) = (Fixture.createdAt - 1_000_000_000, 1)
        return place
    }()

    private static let emptyManifest = Manifest(
        uuid: Fixture.uuid, generation: 1, sequenceCeiling: 1 << 32, nextSegmentID: 1,
        lastRunWall: Fixture.createdAt, lastRunMonotonic: 0, entries: [])
}
