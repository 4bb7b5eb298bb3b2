// ScrubPlace — the SCRUB file: how far the scrub has come, and when it last came to the end.
//
// Nothing depends on it: one that is missing, damaged or another store's means that the next pass begins
// at the first segment. Replaced whole, and not durable until somebody syncs the directory.
// Spec: Format.md, "SCRUB". Plain value; any thread.

internal import CairnSystem

/// The contents of SCRUB.
package struct ScrubPlace: Equatable, Sendable {
    static let magic: UInt64 = 0x7263_536E_7269_6143  // "CairnScr"
    /// Bytes of the file.
    package static let byteCount = 92

    /// The store whose segments are read.
    package let uuid: StoreUUID
    /// When the pass began, since 1970; 0: there never was one.
    package var beganAt: UInt64 = 0
    /// Segments below it have been read.
    package var nextSegmentID: UInt64 = 0
    /// Segments from here on are of the next pass; 0: none is under way.
    package var endSegmentID: UInt64 = 0
    /// Bytes read in the pass.
    package var readByteCount: UInt64 = 0
    /// Damage found in the pass.
    package var damageCount: UInt64 = 0
    /// When the last pass that came to its end did; 0: none did.
    package var endedAt: UInt64 = 0
    /// Damage that it had found.
    package var endedDamageCount: UInt64 = 0

    /// The place before the first pass.
    package init(uuid: StoreUUID) { self.uuid = uuid }

    /// Whether a pass was begun and not ended.
    package var isUnderWay: Bool { endSegmentID != 0 }
}

extension ScrubPlace {
    /// The bytes of SCRUB.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.withMutableRawSpan { encode(into: &$0) }
        return bytes
    }

    private func encode(into bytes: inout MutableRawSpan) {
        bytes.store(Self.magic, at: 0)
        bytes.store(FormatVersion.current, at: 8)
        bytes.store(UInt32(0), at: 12)
        uuid.store(into: &bytes, at: 16)
        let numbers = [
            beganAt, nextSegmentID, endSegmentID, readByteCount, damageCount, endedAt,
            endedDamageCount,
        ]
        for (index, number) in numbers.enumerated() { bytes.store(number, at: 32 + 8 * index) }
        bytes.storeTrailingChecksum()
    }

    /// Reads SCRUB; `bytes` is the whole file.
    package init(decoding bytes: RawSpan) throws(FormatError) {
        try bytes.checkMagic(Self.magic, fixedByteCount: Self.byteCount - 4, in: .scrub)
        try bytes.checkTrailingChecksum(in: .scrub)
        try FormatVersion.check(
            version: bytes.loadUInt32(at: 8), incompatibleFeatures: bytes.loadUInt32(at: 12),
            knownFeatures: 0, at: (8, 12), in: .scrub)
        try bytes.checkByteCount(Self.byteCount, in: .scrub)
        self.init(uuid: StoreUUID(loading: bytes, at: 16))
        beganAt = bytes.loadUInt64(at: 32)
        nextSegmentID = bytes.loadUInt64(at: 40)
        endSegmentID = bytes.loadUInt64(at: 48)
        readByteCount = bytes.loadUInt64(at: 56)
        damageCount = bytes.loadUInt64(at: 64)
        endedAt = bytes.loadUInt64(at: 72)
        endedDamageCount = bytes.loadUInt64(at: 80)
        guard nextSegmentID <= endSegmentID else {
            throw FormatError(.invalidField("next segment id"), in: .scrub, at: 40)
        }
    }
}
