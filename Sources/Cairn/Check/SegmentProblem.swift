// SegmentProblem — what is wrong at one place of a segment: a record, a part of one, or a gap.
//
// Made by `SegmentCheck` while it reads, of what a record says of itself, of a record that was put back,
// or of a hint's row; told as a finding when the segment is known to its end. Plain value.

internal import CairnFormat
internal import CairnSystem

/// Damage in a segment, before it is known what follows from it.
struct SegmentProblem {
    let kind: CheckFinding.Kind
    /// Where the record begins, or the gap.
    let offset: UInt64
    /// The bytes that are wrong.
    let place: Range<UInt64>
    let type: RecordType?
    let key: [UInt8]?
    let sequence: UInt64
    /// Of a chunk.
    let blobID: UInt64?
    let what: String

    var isGap: Bool { kind == .span }

    init(
        _ kind: CheckFinding.Kind, _ header: RecordHeader, key: [UInt8], offset: UInt64,
        place: Range<UInt64>, what: String
    ) {
        self.kind = kind
        self.offset = offset
        self.place = place
        type = header.type
        let chunk = header.type == .chunk ? try? ChunkKey(decoding: key.rawSpan) : nil
        blobID = chunk?.blobID
        self.key = header.keyByteCount == 0 || chunk != nil ? nil : key
        sequence = header.sequence
        self.what =
            header.type.noun
            + (chunk.map { " \($0.chunkNumber) of blob \($0.blobID)" } ?? "") + ": " + what
    }

    /// Bytes that belong to no record.
    init(gap span: Range<UInt64>) {
        kind = .span
        offset = span.lowerBound
        place = span
        type = nil
        key = nil
        sequence = 0
        blobID = nil
        what = "\(counted(span.count, "byte")) without an intact record"
    }

    /// A record that only the hint knows any more.
    init(_ record: HintWitness.Record) {
        let row = record.row
        kind = .record
        offset = row.offset
        place = row.offset..<row.offset + UInt64(row.recordByteCount)
        type = row.type
        key = record.key
        sequence = row.sequence
        blobID = row.type == .chunk ? row.blobID : nil
        what =
            row.type.noun + (row.type == .chunk ? " of blob \(row.blobID)" : "")
            + ": its front is damaged; the hint says what it was"
    }

    func finding(in file: String, _ segmentID: UInt64) -> CheckFinding {
        CheckFinding(
            kind, .damage, file: file, segmentID: segmentID, offset: place.lowerBound,
            byteCount: UInt64(place.count), key: key, sequence: type == nil ? nil : sequence,
            type: type, what: what,
            matters: "now: it may hide newer versions and deletes of any key")
    }
}
