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
    let sequence: UInt64
    let location: Location
    /// Of the record, in units of eight bytes.
    let lengthUnits: UInt32
    /// Number of the row, and whether its hash may be shared.
    let numberAndFlag: UInt32

    var number: Int { Int(numberAndFlag >> 1) }
    var sharesHash: Bool { numberAndFlag & 1 != 0 }
    var byteCount: Int { Int(lengthUnits) * 8 }
    var isTombstone: Bool { location.rawValue & 7 == UInt64(Location.Kind.tombstone.rawValue) }

    static let none = LoadRow(
        hash: 0, sequence: 0, location: .empty, lengthUnits: 0, numberAndFlag: 0)
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
    /// Between two blocks of so many rows stands a checksum.
    var rowsPerBlock = Int.max
    var leftInBlock = Int.max

    static let rowByteCount = HintSection.locations.rowByteCount
    private static let checksumByteCount = 4

    var isAtEnd: Bool { row == endRow }

    /// Where a row stands in memory: this one or a later one.
    func place(of other: Int) -> Int {
        let blocks = other - row < leftInBlock ? 0 : (other - row - leftInBlock) / rowsPerBlock + 1
        return place + (other - row) * Self.rowByteCount + blocks * Self.checksumByteCount
    }

    /// The hash of the next row.
    @inline(__always)
    func hash(_ bytes: RawSpan) -> UInt64 { bytes.loadUInt64(at: place) }

    @inline(__always)
    mutating func advance() {
        row &+= 1
        place &+= Self.rowByteCount
        leftInBlock &-= 1
        if leftInBlock == 0 {
            leftInBlock = rowsPerBlock
            place &+= Self.checksumByteCount
        }
    }

    /// The next row; nil when it says what no record can be.
    @inline(__always)
    func next(_ bytes: RawSpan) -> LoadRow? {
        let extent = bytes.loadUInt64(at: place &+ 16)
        let (offsetUnits, lengthUnits) = (extent & 0xFFFF_FFFF, extent >> 32)
        let kind = bytes.loadUInt32(at: place &+ 24)
        let keyByteCount = UInt64(kind >> 16)
        let type = kind & 0xFF
        guard type >= 1, type <= 4, keyByteCount >= 1,
            offsetUnits >= UInt64(SegmentHeader.byteCount / 8),
            lengthUnits * 8 >= UInt64(RecordHeader.byteCount) + keyByteCount,
            offsetUnits + lengthUnits <= logicalUnits
        else { return nil }
        let flag = kind >> (8 + 2) & 1
        let isChunk = type == UInt32(RecordType.chunk.rawValue)
        return LoadRow(
            hash: KeyHasher.indexHash(hash(bytes), isChunk: isChunk),
            sequence: bytes.loadUInt64(at: place &+ 8),
            location: Location(
                segmentOrdinal: ordinal, offset: offsetUnits * 8,
                recordByteCount: Int(truncatingIfNeeded: lengthUnits * 8),
                kind: Self.kind(type)),
            lengthUnits: UInt32(truncatingIfNeeded: lengthUnits),
            numberAndFlag: UInt32(truncatingIfNeeded: row) << 1 | flag)
    }

    @inline(__always)
    private static func kind(_ type: UInt32) -> Location.Kind {
        switch type {
        case UInt32(RecordType.put.rawValue): .put
        case UInt32(RecordType.delete.rawValue): .tombstone
        case UInt32(RecordType.chunk.rawValue): .chunk
        default: .composite
        }
    }
}
