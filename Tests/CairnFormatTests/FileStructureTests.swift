// FileStructureTests — STORE, MANIFEST, segment headers and file names beyond what holds for all
// structures.

import CairnFormat
import CairnSystem
import Testing

/// `bytes` after `patch`, its checksum made right: the last four of the first `end` bytes.
private func patched(
    _ bytes: [UInt8], end: Int? = nil, _ patch: (inout MutableRawSpan) -> Void
) -> [UInt8] {
    var bytes = bytes
    let end = end ?? bytes.count
    bytes.withMutableRawSpan { patch(&$0) }
    let crc = Fixture.crc(Array(bytes[..<(end - 4)]))
    bytes.withMutableRawSpan { $0.store(crc, at: end - 4) }
    return bytes
}

@Suite("STORE") struct StoreIdentityTests {
    private func kind(_ patch: (inout MutableRawSpan) -> Void) -> FormatError.Kind? {
        let bytes = patched(Sample.identity.encoded(), patch)
        return formatError { () throws(FormatError) in
            try StoreIdentity(decoding: bytes.rawSpan)
        }?.kind
    }

    @Test("a newer version and unknown incompatible features are refused by name")
    func versions() {
        #expect(kind { $0.store(UInt32(2), at: 8) } == .unsupportedVersion(2))
        #expect(kind { $0.store(UInt32(0), at: 8) } == .unsupportedVersion(0))
        #expect(kind { $0.store(UInt32(1 << 5), at: 16) } == .unsupportedFeatures(1 << 5))
    }

    @Test("a backup says so by a feature that older programs refuse, and others by name")
    func backups() throws {
        let backup = Sample.identity.ofBackup
        #expect(backup.isBackup && !Sample.identity.isBackup)
        let bytes = backup.encoded()
        #expect(try StoreIdentity(decoding: bytes.rawSpan) == backup)
        #expect(kind { $0.store(UInt32(0b11), at: 16) } == .unsupportedFeatures(0b10))
    }

    @Test("what is restored keeps the hash key, names its ancestors, and is no backup")
    func restored() {
        let uuid = StoreUUID(high: 1, low: 2)
        let restored = Sample.identity.ofBackup.restored(as: uuid, at: 7, nextSegmentID: 0x21)
        #expect(!restored.isBackup && restored.uuid == uuid && restored.createdAt == 7)
        #expect(restored.hashKeyFirst == Sample.identity.hashKeyFirst)
        #expect(restored.hashKeySecond == Sample.identity.hashKeySecond)
        #expect(
            restored.ancestors == Sample.identity.ancestors
                + [Ancestor(uuid: Fixture.uuid, highestSegmentID: 0x20)])
        #expect(restored.uuid(ofSegment: 0x10) == Fixture.otherUUID)
        #expect(restored.uuid(ofSegment: 0x11) == Fixture.uuid)
        #expect(restored.uuid(ofSegment: 0x20) == Fixture.uuid)
        #expect(restored.uuid(ofSegment: 0x21) == uuid)
        #expect(restored.owns(manifestOf: uuid) && restored.owns(manifestOf: Fixture.uuid))
        #expect(!restored.owns(manifestOf: Fixture.otherUUID))
    }

    @Test("compatible features and reserved bytes are no obstacle")
    func compatible() {
        #expect(kind { $0.store(UInt32.max, at: 12) } == nil)
        #expect(kind { $0.store(UInt32.max, at: 20) } == nil)
    }

    @Test("damage is told from a newer version")
    func damage() {
        var bytes = Sample.identity.encoded()
        bytes[8] = 2
        let error = formatError { () throws(FormatError) in
            try StoreIdentity(decoding: bytes.rawSpan)
        }
        #expect(error?.kind == .checksumMismatch)
    }

    @Test("counts beyond the bounds are refused")
    func ancestors() {
        #expect(kind { $0.store(UInt32.max, at: 64) } == .invalidField("ancestor count"))
        #expect(kind { $0.store(UInt32(2), at: 64) } == .truncated)
        #expect(kind { $0.store(UInt32(0), at: 64) } == .trailingBytes)
    }

    @Test("a store owns its segments, and its ancestors' up to their highest id")
    func ownership() {
        let identity = Sample.identity
        #expect(identity.owns(segmentID: .max, uuid: Fixture.uuid))
        #expect(identity.owns(segmentID: 0x10, uuid: Fixture.otherUUID))
        #expect(!identity.owns(segmentID: 0x11, uuid: Fixture.otherUUID))
        #expect(!identity.owns(segmentID: 1, uuid: StoreUUID(high: 0, low: 0)))
    }

    @Test("a uuid prints as its bytes stand on disk")
    func uuid() {
        #expect("\(Fixture.uuid)" == "01234567-89ab-4def-8123-456789abcdef")
        #expect(Array(Sample.identity.encoded()[24..<28]) == [0x01, 0x23, 0x45, 0x67])
        #expect("\(Fixture.otherUUID)" == "ffffffff-ffff-4fff-8000-000000000000")
    }
}

@Suite("MANIFEST") struct ManifestTests {
    private func kind(_ patch: (inout MutableRawSpan) -> Void) -> FormatError.Kind? {
        let bytes = patched(Sample.manifest.encoded(), patch)
        return formatError { () throws(FormatError) in try Manifest(decoding: bytes.rawSpan) }?
            .kind
    }

    @Test("a newer version and unknown incompatible features are refused by name")
    func versions() {
        #expect(kind { $0.store(UInt32(9), at: 8) } == .unsupportedVersion(9))
        #expect(kind { $0.store(UInt32(1), at: 12) } == .unsupportedFeatures(1))
    }

    @Test("entries ascend by id, each below the next id")
    func order() {
        #expect(kind { $0.store(UInt64(0x10), at: 80) } == .invalidField("segment id"))
        #expect(kind { $0.store(UInt64(0x0F), at: 136) } == .invalidField("segment id"))
        #expect(kind { $0.store(UInt64(0x14), at: 48) } == .invalidField("segment id"))
        #expect(kind { $0.store(UInt64(0), at: 80) } == nil)
    }

    @Test("unknown states and kinds are refused, unknown flags kept")
    func entryFields() throws {
        for value in [0, 5, 255] as [UInt8] {
            #expect(kind { $0.store(value, at: 88) } == .invalidField("segment state"))
        }
        for value in [0, 3, 255] as [UInt8] {
            #expect(kind { $0.store(value, at: 89) } == .invalidField("segment kind"))
        }
        #expect(kind { $0.store(UInt64(1) << 32 + 1, at: 96) } == .invalidField("logical length"))
        #expect(kind { $0.store(UInt64.max, at: 120) } == .invalidField("sequence bounds"))
        let bytes = patched(Sample.manifest.encoded()) { $0.store(UInt16.max, at: 90) }
        #expect(try Manifest(decoding: bytes.rawSpan).entries[0].flags.rawValue == .max)
    }

    @Test("counts beyond the bounds are refused before anybody allocates")
    func counts() {
        #expect(kind { $0.store(UInt32.max, at: 72) } == .invalidField("segment count"))
        #expect(kind { $0.store(UInt32(1 << 22), at: 72) } == .truncated)
        #expect(kind { $0.store(UInt32(3), at: 72) } == .trailingBytes)
        #expect(kind { $0.store(UInt32.max, at: 76) } == .invalidField("entry length"))
        #expect(kind { $0.store(UInt32(55), at: 76) } == .invalidField("entry length"))
    }

    @Test("wider entries of a later version are read by their first 56 bytes")
    func widerEntries() throws {
        let old = Sample.manifest.encoded()
        var bytes = Array(old[..<80])
        for index in 0..<4 {
            bytes += old[80 + index * 56..<80 + (index + 1) * 56] + [1, 2, 3, 4, 5, 6, 7, 8]
        }
        bytes = patched(bytes + [0, 0, 0, 0]) { $0.store(UInt32(64), at: 76) }
        #expect(try Manifest(decoding: bytes.rawSpan) == Sample.manifest)
    }

    @Test("a manifest that a reader would refuse is never written")
    func writingChecks() async {
        await #expect(processExitsWith: .failure) {
            var manifest = Sample.manifest
            manifest.entries.reverse()
            _ = manifest.encoded()
        }
    }
}

@Suite("Segment header") struct SegmentHeaderTests {
    private func kind(_ patch: (inout MutableRawSpan) -> Void) -> FormatError.Kind? {
        let bytes = patched(Sample.header.encoded(), end: 68, patch)
        return formatError { () throws(FormatError) in
            try SegmentHeader(decoding: bytes.rawSpan)
        }?.kind
    }

    @Test("unknown versions, features and kinds are refused")
    func versions() {
        #expect(kind { $0.store(UInt32(2), at: 8) } == .unsupportedVersion(2))
        #expect(kind { $0.store(UInt32(4), at: 12) } == .unsupportedFeatures(4))
        #expect(kind { $0.store(UInt8(3), at: 40) } == .invalidField("segment kind"))
        #expect(kind { $0.store(UInt8(0xFF), at: 41) } == nil)
    }

    @Test("the seed is that of salt and id")
    func seed() {
        #expect(Sample.header.seed == Fixture.seed)
        #expect(Sample.header.seed != SegmentSeed(salt: Fixture.segmentID, segmentID: Fixture.salt))
    }

    @Test("what follows the header's block is not looked at")
    func following() throws {
        let bytes = Sample.header.encoded() + [1, 2, 3]
        #expect(try SegmentHeader(decoding: bytes.rawSpan) == Sample.header)
    }
}

@Suite("Segment file name") struct SegmentFileNameTests {
    @Test("a name reads as the id and kind it was made of", arguments: [0, 0x11, UInt64.max])
    func roundTrip(id: UInt64) {
        for kind in SegmentFileName.Kind.allCases {
            let name = SegmentFileName(id, kind)
            #expect(SegmentFileName(parsing: "\(name)") == name)
        }
    }

    @Test("a name is 16 lower-case digits and an extension")
    func form() {
        #expect("\(SegmentFileName(0xAB12))" == "000000000000ab12.seg")
        #expect("\(SegmentFileName(1, .hint))" == "0000000000000001.hint")
    }

    @Test(
        "other names are not ours",
        arguments: [
            "", ".seg", "1.seg", "000000000000AB12.seg", "000000000000ab12", "000000000000ab12.tmp",
            "000000000000ab12.seg.", "0000000000000ab12.seg", "00000000000gab12.seg",
            "000000000000ab12.seg~", "+00000000000ab12.seg",
        ])
    func foreign(name: String) {
        #expect(SegmentFileName(parsing: name) == nil)
    }
}

@Suite("Format error") struct FormatErrorTests {
    @Test("a message names structure, fault and place")
    func messages() {
        let cases: [(FormatError.Kind, String)] = [
            (.truncated, "ends too early"), (.trailingBytes, "bytes left over"),
            (.wrongMagic, "wrong magic"),
            (.unsupportedVersion(7), "unsupported version 7 (this program knows 1)"),
            (.unsupportedFeatures(0x10), "unsupported feature bits 0x00000010"),
            (.unsupportedTag(0x42), "unsupported tag 0x0042"),
            (.checksumMismatch, "checksum mismatch"), (.invalidField("codec"), "invalid codec"),
            (.foreign("salt"), "salt of something else"),
        ]
        for (kind, text) in cases {
            let error = FormatError(kind, in: .segmentHeader, at: 17)
            #expect("\(error)" == "segment header: \(text) at byte 17")
        }
    }
}
