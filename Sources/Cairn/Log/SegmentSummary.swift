// SegmentSummary — what a segment's seal says of its records, kept while they are appended or
// scanned. Plain value; the caller synchronises. Spec: Format.md, "Seal".

internal import CairnFormat
internal import CairnSystem

/// Totals, digest and key bounds of a run of records.
struct SegmentSummary: Equatable {
    private(set) var totals = SegmentTotals()
    /// Bounds of the users' keys; empty while there are none.
    private(set) var minKey: [UInt8] = []
    private(set) var maxKey: [UInt8] = []

    init(totals: SegmentTotals = SegmentTotals()) { self.totals = totals }

    var recordCount: UInt64 { totals.recordCount }

    /// The seal of exactly these records.
    var seal: Seal { Seal(totals: totals, minKey: minKey, maxKey: maxKey) }

    mutating func add(_ header: RecordHeader, key: RawSpan, headerCRC: UInt32) {
        totals.add(header, headerCRC: headerCRC)
        switch header.type {
        case .put, .composite, .delete: include(key)
        case .chunk, .mark, .seal: break
        }
    }

    private mutating func include(_ key: RawSpan) {
        if minKey.isEmpty {
            minKey = key.copyBytes()
            maxKey = minKey
        } else if key.precedes(minKey.rawSpan) {
            minKey = key.copyBytes()
        } else if maxKey.rawSpan.precedes(key) {
            maxKey = key.copyBytes()
        }
    }
}
