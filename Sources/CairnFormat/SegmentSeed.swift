// SegmentSeed, SegmentDigest — what ties records to their segment, and the segment to its records.
//
// The seed starts every header checksum of a segment, so that a record copied from elsewhere never
// passes. The digest chains the header checksums in order, so that a missing, foreign or reordered
// record shows. Spec: Format.md, "Record" and "Seal". Plain values; any thread.

internal import CairnSystem

/// The start value of the header checksums of one segment's records.
package struct SegmentSeed: Equatable, Sendable {
    /// The start value.
    package let crc: UInt32

    /// A seed that was computed before.
    package init(crc: UInt32) { self.crc = crc }

    /// Computed once per segment.
    package init(salt: UInt64, segmentID: UInt64) {
        crc = Checksum.crc32c(segmentID, seed: Checksum.crc32c(salt, seed: 0))
    }
}

/// A checksum over the header checksums of a segment's records, in order.
package struct SegmentDigest: Equatable, Sendable {
    /// The digest of all records taken up so far.
    package private(set) var crc: UInt32 = 0

    /// The digest of no records.
    package init() {}

    /// The accumulator as it stood when it was written down.
    package init(crc: UInt32) { self.crc = crc }

    /// Takes up the next accepted record. About 5 ns.
    package mutating func add(headerCRC: UInt32) {
        crc = Checksum.crc32c(headerCRC, seed: crc)
    }
}
