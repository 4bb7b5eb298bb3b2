// PlainRecord — the record that most reads find, recognised and verified in a few loads.
//
// A put whose value is stored in one piece, raw or compressed, and without metadata. Nothing is accepted
// here that decoding the header and verifying both checksums would refuse; what is refused here may be
// fine or not, and is for RecordHeader to say. Plain values; any thread. Spec: Format.md, "Record".

internal import CairnSystem

/// Where the value stands in a record that was verified whole.
package struct PlainRecord: Sendable {
    /// The record's number.
    package let sequence: UInt64
    /// Where the value stands as it is stored, counted from the start of the record.
    package let payloadRange: Range<Int>
    /// Bytes of the value once it is decoded.
    package let rawByteCount: Int

    /// Whether the value is to be decompressed.
    package var isCompressed: Bool { rawByteCount != payloadRange.count }

    // Type put, the codec and no flag that must be understood, as the bytes 16 to 19 say it; the
    // upper half of the flags does not matter.
    private static let kind = UInt32(RecordType.put.rawValue)
    private static let compressedKind = kind | UInt32(Codec.lz4.rawValue) << 8
    private static let kindMask: UInt32 = 0xFFFF | UInt32(RecordFlags.mustUnderstand) << 16

    /// Verifies the record that `record` starts with and that was written at `offset` of the
    /// segment with this seed. Nil when it is none of this kind, of another key, or not intact.
    @inline(__always)
    package init?(verifying record: RawSpan, key: RawSpan, seed: SegmentSeed, offset: UInt64) {
        let prefixByteCount = RecordHeader.byteCount &+ key.byteCount
        guard record.byteCount >= prefixByteCount,
            record.loadUInt32(at: 0) == RecordHeader.marker,
            Int(record.loadUInt32(at: 20)) == key.byteCount
        else { return nil }
        let byteCount = Int(record.loadUInt32(at: 24))
        rawByteCount = Int(record.loadUInt32(at: 28))
        let kind = record.loadUInt32(at: 16) & Self.kindMask
        guard
            byteCount == rawByteCount
                ? kind == Self.kind : Self.isCompressed(kind, byteCount, rawByteCount),
            byteCount <= record.byteCount &- prefixByteCount,
            record.extracting(RecordHeader.byteCount..<prefixByteCount).isEqual(to: key),
            RecordHeader.verifyHeaderCRC(
                record: record, prefixByteCount: prefixByteCount, seed: seed, offset: offset)
        else { return nil }
        payloadRange = prefixByteCount..<prefixByteCount &+ byteCount
        let payload = record.extracting(payloadRange)
        guard Checksum.crc32c(payload) == record.loadUInt32(at: 32) else { return nil }
        sequence = record.loadUInt64(at: 8)
    }

    private static func isCompressed(
        _ kind: UInt32, _ storedByteCount: Int, _ rawByteCount: Int
    ) -> Bool {
        kind == compressedKind && 0 < storedByteCount && storedByteCount < rawByteCount
            && rawByteCount <= FormatLimits.payloadByteCountMaximum
    }
}
