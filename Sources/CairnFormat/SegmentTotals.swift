// SegmentTotals — counts, byte totals, sequence bounds and digest of a segment's accepted records.
//
// The writer adds every record it appends and a scan every record it accepts, in order; so a seal
// that does not equal the scan's totals names a damaged segment. Marks count as records; the seal
// itself does not. Plain value; the caller synchronises.

/// What a segment's records add up to.
package struct SegmentTotals: Equatable, Sendable {
    /// All records.
    package var recordCount: UInt64 = 0
    /// Puts and composites.
    package var putCount: UInt64 = 0
    /// Tombstones.
    package var deleteCount: UInt64 = 0
    /// Chunks.
    package var chunkCount: UInt64 = 0
    /// Bytes of all keys, those of chunks included.
    package var keyByteTotal: UInt64 = 0
    /// Bytes of all payloads as stored.
    package var storedByteTotal: UInt64 = 0
    /// Bytes of all payloads once decoded.
    package var rawByteTotal: UInt64 = 0
    /// Bounds over all records; both zero when there are none.
    package var minSequence: UInt64 = 0
    /// See `minSequence`.
    package var maxSequence: UInt64 = 0
    /// Over the header checksums, in order.
    package var digest = SegmentDigest()

    /// The totals of no records.
    package init() {}

    /// Takes up the next record. About 7 ns.
    package mutating func add(_ header: RecordHeader, headerCRC: UInt32) {
        minSequence = recordCount == 0 ? header.sequence : min(minSequence, header.sequence)
        maxSequence = max(maxSequence, header.sequence)
        recordCount += 1
        switch header.type {
        case .put, .composite: putCount += 1
        case .delete: deleteCount += 1
        case .chunk: chunkCount += 1
        case .mark, .seal: break
        }
        keyByteTotal += UInt64(truncatingIfNeeded: header.keyByteCount)
        storedByteTotal += UInt64(truncatingIfNeeded: header.storedByteCount)
        rawByteTotal += UInt64(truncatingIfNeeded: header.rawByteCount)
        digest.add(headerCRC: headerCRC)
    }
}
