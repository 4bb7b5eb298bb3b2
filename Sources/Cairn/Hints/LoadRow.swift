// LoadRow, RowCursor — the rows of a hint as loading reads them: where they lie, one after another.
//
// Whatever a row says is checked before it becomes a location, so that a hint that a faulty program
// wrote is refused and never trapped on. Plain values; one thread at a time.

internal import CairnFormat
internal import CairnSystem

/// What loading needs of a row.
struct LoadRow: BitwiseCopyable {
    /// As in the index.
    let hash: UInt64
    let location: Location
    let note: LoadNote

    var sequence: UInt64 { note.sequence }
    var sharesHash: Bool { note.sharesHash }
    var byteCount: Int { note.byteCount }
    var isTombstone: Bool { location.isTombstone }
}

/// A place among the rows of one segment that lie in memory.
struct RowCursor: BitwiseCopyable {
    /// Of the segment.
    let ordinal: Int
    /// Where the segment's accepted records end, in units of eight bytes.
    let logicalUnits: UInt64
    /// Number of the next row.
    var row = 0
    /// Where the next row stands in memory.
    var place = 0
    /// The first row that is not in memory.
    var endRow = 0
    /// Which of the hint's blocks is in memory; -1: none.
    var block = -1

    /// The usual type of a row, so that few rows need the table of types.
    private let putType = UInt32(RecordType.put.rawValue)

    static var rowByteCount: Int { HintSection.locations.rowByteCount }

    init(ordinal: Int, logicalUnits: UInt64) {
        self.ordinal = ordinal
        self.logicalUnits = logicalUnits
    }

    var isAtEnd: Bool { row == endRow }

    /// The hash of the next row.
    @inline(__always)
    func hash(_ bytes: RawSpan) -> UInt64 { bytes.loadUInt64(at: place) }

    /// The hash of a row further on; nil when that is not in memory.
    @inline(__always)
    func hash(ahead rowCount: Int, _ bytes: RawSpan) -> UInt64? {
        guard row &+ rowCount < endRow else { return nil }
        return bytes.loadUInt64(at: place &+ rowCount &* Self.rowByteCount)
    }

    @inline(__always)
    mutating func advance() {
        row &+= 1
        place &+= Self.rowByteCount
    }

    /// The next row; nil when it says what no record can be.
    @inline(__always)
    func next(_ bytes: RawSpan) -> LoadRow? {
        let extent = bytes.loadUInt64(at: place &+ 16)
        let (offsetUnits, lengthUnits) = (extent & 0xFFFF_FFFF, extent >> 32)
        let word = bytes.loadUInt32(at: place &+ 24)
        let keyByteCount = UInt64(word >> 16)
        let type = word & 0xFF
        guard type >= 1, type <= 4, keyByteCount >= 1,
            offsetUnits >= UInt64(SegmentHeader.byteCount / 8),
            lengthUnits * 8 >= UInt64(RecordHeader.byteCount) + keyByteCount,
            offsetUnits + lengthUnits <= logicalUnits
        else { return nil }
        let flag = word >> (8 + 2) & 1
        let kind: Location.Kind = type == putType ? .put : Self.kind(type)
        return LoadRow(
            hash: KeyHasher.indexHash(hash(bytes), isChunk: kind == .chunk),
            location: Location(
                segmentOrdinal: ordinal, offset: offsetUnits * 8,
                recordByteCount: Int(truncatingIfNeeded: lengthUnits * 8),
                kind: kind),
            note: LoadNote(
                sequence: bytes.loadUInt64(at: place &+ 8),
                lengthUnits: UInt32(truncatingIfNeeded: lengthUnits),
                numberAndFlag: UInt32(truncatingIfNeeded: row) << 1 | flag))
    }

    @inline(never)
    private static func kind(_ type: UInt32) -> Location.Kind {
        switch type {
        case UInt32(RecordType.put.rawValue): .put
        case UInt32(RecordType.delete.rawValue): .tombstone
        case UInt32(RecordType.chunk.rawValue): .chunk
        default: .composite
        }
    }
}
