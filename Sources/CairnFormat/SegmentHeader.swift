// SegmentHeader — the first 4096 bytes of a segment: whose it is, which, of what kind.
//
// The block is the header's own, so that no record shares its sectors; the first record stands at
// 4096. The first 64 bytes and the checksum behind them keep their places in every later version.
// The bytes behind the checksum are zero when written and ignored when read.
// Spec: Format.md, "Segment header". Plain value; any thread.

internal import CairnSystem

/// The header of a segment.
package struct SegmentHeader: Equatable, Sendable {
    /// The header's block; also the offset of the first record.
    @inlinable package static var byteCount: Int { 4_096 }
    static let magic: UInt64 = 0x6765_536E_7269_6143  // "CairnSeg"
    static let checksumOffset = 64

    /// Features that a program must know to read the segment.
    package var incompatibleFeatures: UInt32
    /// The store that made it.
    package let uuid: StoreUUID
    /// Never given to two segments.
    package let id: UInt64
    /// What put its records there.
    package let kind: SegmentKind
    /// Random; part of every record's checksum.
    package let salt: UInt64
    /// Nanoseconds since 1970.
    package let createdAt: UInt64

    /// A header with these fields.
    package init(
        uuid: StoreUUID, id: UInt64, kind: SegmentKind, salt: UInt64, createdAt: UInt64,
        incompatibleFeatures: UInt32 = 0
    ) {
        self.uuid = uuid
        self.id = id
        self.kind = kind
        self.salt = salt
        self.createdAt = createdAt
        self.incompatibleFeatures = incompatibleFeatures
    }

    /// The seed of the checksums of this segment's records.
    package var seed: SegmentSeed { SegmentSeed(salt: salt, segmentID: id) }
}

extension SegmentHeader {
    /// The header's block, `byteCount` long.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.withMutableRawSpan { encode(into: &$0) }
        return bytes
    }

    private func encode(into bytes: inout MutableRawSpan) {
        bytes.store(Self.magic, at: 0)
        bytes.store(FormatVersion.current, at: 8)
        bytes.store(incompatibleFeatures, at: 12)
        uuid.store(into: &bytes, at: 16)
        bytes.store(id, at: 32)
        bytes.store(UInt64(kind.rawValue), at: 40)
        bytes.store(salt, at: 48)
        bytes.store(createdAt, at: 56)
        let end = Self.checksumOffset
        bytes.store(Checksum.crc32c(bytes.bytes.extracting(0..<end)), at: end)
    }

    /// Reads a header; `bytes` begins with it and may go on behind its block.
    package init(decoding bytes: RawSpan) throws(FormatError) {
        guard bytes.byteCount >= Self.byteCount else {
            throw FormatError(.truncated, in: .segmentHeader, at: bytes.byteCount)
        }
        guard bytes.loadUInt64(at: 0) == Self.magic else {
            throw FormatError(.wrongMagic, in: .segmentHeader, at: 0)
        }
        let end = Self.checksumOffset
        guard Checksum.crc32c(bytes.extracting(0..<end)) == bytes.loadUInt32(at: end) else {
            throw FormatError(.checksumMismatch, in: .segmentHeader, at: end)
        }
        try FormatVersion.check(
            version: bytes.loadUInt32(at: 8), incompatibleFeatures: bytes.loadUInt32(at: 12),
            at: (8, 12), in: .segmentHeader)
        guard let kind = SegmentKind(rawValue: bytes.loadUInt8(at: 40)) else {
            throw FormatError(.invalidField("segment kind"), in: .segmentHeader, at: 40)
        }
        self.init(
            uuid: StoreUUID(loading: bytes, at: 16), id: bytes.loadUInt64(at: 32), kind: kind,
            salt: bytes.loadUInt64(at: 48), createdAt: bytes.loadUInt64(at: 56),
            incompatibleFeatures: bytes.loadUInt32(at: 12))
    }
}
