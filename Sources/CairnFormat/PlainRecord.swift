// PlainRecord — the record that most reads find, recognised and verified in a few loads.
//
// A put whose value is stored raw, in one piece and without metadata. Nothing is accepted here that
// decoding the header and verifying both checksums would refuse; what is refused here may be fine
// or not, and is for RecordHeader to say. Plain values; any thread. Spec: Format.md, "Record".

internal import CairnSystem

/// Where the value stands in a record that was verified whole.
package struct PlainRecord: Sendable {
    /// The record's number.
    package let sequence: UInt64
    /// Where the value stands, counted from the start of the record.
    package let payloadRange: Range<Int>

    // Type put, codec raw and no flag that must be understood, as the bytes 16 to 19 say it; the
    // upper half of the flags does not matter.
    private static let kind = UInt32(RecordType.put.rawValue)
    private static let kindMask: UInt32 = 0xFFFF | UInt32(RecordFlags.mustUnderstand) << 16

    /// Verifies the record that `record` starts with and that was written at `offset` of the
    /// segment with this seed. Nil when it is none of this kind, of another key, or not intact.
    @inline(__always)
    package init?(verifying record: RawSpan, key: RawSpan, seed: SegmentSeed, offset: UInt64) {
        let prefixByteCount = RecordHeader.byteCount &+ key.byteCount
        guard record.byteCount >= prefixByteCount,
            record.loadUInt32(at: 0) == RecordHeader.marker,
            record.loadUInt32(at: 16) & Self.kindMask == Self.kind,
            Int(record.loadUInt32(at: 20)) == key.byteCount
        else { return nil }
        let byteCount = Int(record.loadUInt32(at: 24))
        guard byteCount == Int(record.loadUInt32(at: 28)),
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
}
