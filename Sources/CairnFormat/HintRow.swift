// HintRow, HintTableBlock — the table of a hint: one row per record, sorted by hash.
//
// Rows ascend by (first half, second half, sequence, offset). Their columns are stored in groups,
// each group in blocks of its own, so that loading the index reads 28 bytes a record. A block is a
// view of bytes whose checksum was verified; its accessors trust nothing else: every value read is
// a plain number until `Hint.checkAll` has passed. Spec: Format.md, "Hint", "Table". Any thread.

/// Facts about a row.
package struct HintRowFlags: OptionSet, Hashable, Sendable {
    /// The bits as stored.
    package let rawValue: UInt8

    /// The flags of stored bits.
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The record expires; the time stands in the expiries.
    package static let expires = HintRowFlags(rawValue: 1 << 0)
    /// The record was written as a member of a batch.
    package static let batchMember = HintRowFlags(rawValue: 1 << 1)
    /// See `RecordFlags.sharesHash`.
    package static let sharesHash = HintRowFlags(rawValue: 1 << 2)
}

/// What a hint says of one record.
package struct HintRow: Equatable, Sendable {
    /// The first half of the key's hash.
    package var hashFirst: UInt64
    /// The second half of the key's hash.
    package var hashSecond: UInt64
    /// The record's sequence number.
    package var sequence: UInt64
    /// Where the record stands in the segment.
    package var offset: UInt64
    /// Bytes of the whole record, its padding included.
    package var recordByteCount: Int
    /// Put, delete, chunk or composite.
    package var type: RecordType
    /// Facts about the record.
    package var flags: HintRowFlags
    /// Bytes of the record's key.
    package var keyByteCount: Int
    /// Nanoseconds since 1970; 0 for none.
    package var expiry: UInt64
    /// Of a chunk or a composite; 0 for others.
    package var blobID: UInt64

    /// A row as the record says.
    package init(
        hashFirst: UInt64, hashSecond: UInt64, sequence: UInt64, offset: UInt64,
        recordByteCount: Int, type: RecordType, flags: HintRowFlags = [], keyByteCount: Int,
        expiry: UInt64 = 0, blobID: UInt64 = 0
    ) {
        self.hashFirst = hashFirst
        self.hashSecond = hashSecond
        self.sequence = sequence
        self.offset = offset
        self.recordByteCount = recordByteCount
        self.type = type
        self.flags = flags
        self.keyByteCount = keyByteCount
        self.expiry = expiry
        self.blobID = blobID
    }

    /// Whether this row stands before `other` in the table.
    package func precedes(_ other: HintRow) -> Bool {
        if hashFirst != other.hashFirst { return hashFirst < other.hashFirst }
        if hashSecond != other.hashSecond { return hashSecond < other.hashSecond }
        if sequence != other.sequence { return sequence < other.sequence }
        return offset < other.offset
    }

    /// The first field that is ruled out in a segment of `logicalByteCount` bytes; nil when all
    /// are in order.
    func violation(logicalByteCount: UInt64) -> String? {
        let isKeyInOrder =
            switch type {
            case .put, .delete, .composite: keyByteCount >= 1
            case .chunk: keyByteCount == ChunkKey.byteCount
            case .mark, .seal: false
            }
        guard isKeyInOrder else { return "key length" }
        guard recordByteCount >= RecordHeader.byteCount + keyByteCount,
            recordByteCount <= alignedToRecord(FormatLimits.recordByteCountMaximum)
        else { return "record length" }
        guard offset % 8 == 0, recordByteCount % 8 == 0 else { return "alignment" }
        guard offset >= UInt64(SegmentHeader.byteCount), offset <= logicalByteCount,
            UInt64(recordByteCount) <= logicalByteCount - offset
        else { return "offset" }
        guard flags.contains(.expires) == (expiry != 0) else { return "expiry" }
        return blobID == 0 || type == .chunk || type == .composite ? nil : "blob id"
    }
}

/// A verified block of one group of columns.
package struct HintTableBlock: ~Escapable {
    private let contents: RawSpan
    /// The group whose values the block holds.
    package let column: HintSection
    /// The rows the block holds, counted over the whole table.
    package let rows: Range<Int>

    /// Checks length and checksum of a block: `bytes` is exactly it. With `isVerified`, the
    /// checksum was checked before and is not again.
    @_lifetime(copy bytes)
    package init(
        decoding bytes: RawSpan, index: Int, of column: HintSection, header: HintHeader,
        seed: HintSeed, isVerified: Bool = false
    ) throws(FormatError) {
        let range = header.range(ofBlock: index, of: column)
        try bytes.checkByteCount(Int(range.upperBound - range.lowerBound), in: .hintTable)
        if !isVerified {
            _ = try seed.contents(of: bytes, at: range.lowerBound, in: .hintTable)
        }
        contents = bytes.extracting(0..<bytes.byteCount - 4)
        self.column = column
        rows = header.rows(inBlock: index, of: column)
    }

    private func place(_ row: Int) -> Int { (row - rows.lowerBound) * column.rowByteCount }

    /// The first half of a row's hash. Of a block of locations.
    package func hashFirst(_ row: Int) -> UInt64 { contents.loadUInt64(at: place(row)) }

    /// The sequence number of a row's record.
    package func sequence(_ row: Int) -> UInt64 { contents.loadUInt64(at: place(row) + 8) }
    /// Where the row's record stands in the segment.
    package func offset(_ row: Int) -> UInt64 {
        UInt64(contents.loadUInt32(at: place(row) + 16)) * 8
    }

    /// Bytes of a row's record, its padding included.
    package func recordByteCount(_ row: Int) -> Int {
        Int(contents.loadUInt32(at: place(row) + 20)) * 8
    }
    /// Nil when the byte is none of the known types.
    package func type(_ row: Int) -> RecordType? {
        RecordType(rawValue: contents.loadUInt8(at: place(row) + 24))
    }

    /// Facts about a row's record.
    package func flags(_ row: Int) -> HintRowFlags {
        HintRowFlags(rawValue: contents.loadUInt8(at: place(row) + 25))
    }

    /// Bytes of the key of a row's record.
    package func keyByteCount(_ row: Int) -> Int { Int(contents.loadUInt16(at: place(row) + 26)) }

    /// The value of a row in one of the other groups.
    package func value(_ row: Int) -> UInt64 { contents.loadUInt64(at: place(row)) }

    /// The first row of the block whose first half of the hash is not below `hash`; the end of the
    /// block when there is none.
    package func lowerBound(hashFirst hash: UInt64) -> Int {
        var (low, high) = (rows.lowerBound, rows.upperBound)
        while low < high {
            let middle = low + (high - low) / 2
            if hashFirst(middle) < hash { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
