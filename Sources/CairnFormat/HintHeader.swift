// HintHeader — the first 256 bytes of a hint: its binding, its counts and where its sections are.
//
// Sections follow the header and each other without gaps in the order of `HintSection`. Their
// places follow from counts and lengths; the header states them, and decoding requires that they
// agree. Spec: Format.md, "Hint". Plain value; any thread.

internal import CairnSystem

/// The sections of a hint, in the order in which they stand in the file.
package enum HintSection: Int, Sendable, CaseIterable {
    /// 28 bytes a row: all that loading the index needs.
    case locations = 0
    /// 8 bytes a row; absent when no record expires.
    case expiries = 1
    /// 8 bytes a row: second halves of the hashes.
    case secondHashes = 2
    /// 8 bytes a row; absent when there are neither chunks nor composites.
    case blobIDs = 3
    /// The users' keys in blocks.
    case keys = 4
    /// The first key of every block of `keys`.
    case keyIndex = 5

    /// The groups of columns that make up the table.
    package static let columns: [HintSection] = [.locations, .expiries, .secondHashes, .blobIDs]
    /// Bytes of one row in the table's groups; 0 for the sections of keys.
    @inlinable package var rowByteCount: Int {
        switch self {
        case .locations: 28
        case .expiries, .secondHashes, .blobIDs: 8
        case .keys, .keyIndex: 0
        }
    }
}

/// The header of a hint.
package struct HintHeader: Equatable, Sendable {
    /// Bytes of the header.
    package static let byteCount = 256
    static let magic: UInt64 = 0x746E_486E_7269_6143  // "CairnHnt"
    static let checksumOffset = 252
    static let sectionsOffset = 128
    /// The size of blocks unless a test says otherwise.
    package static let blockByteCountDefault = 65_536
    static let blockByteCountLimits = 64...(1 << 20)

    /// Which segment the hint describes.
    package internal(set) var binding: HintBinding
    /// No block of the table is longer, and no block of several keys.
    package internal(set) var blockByteCount: Int
    /// Records with a key: puts, composites, deletes and chunks, dead ones too.
    package internal(set) var rowCount = 0
    /// Puts and composites.
    package internal(set) var putCount = 0
    /// Tombstones.
    package internal(set) var deleteCount = 0
    /// Chunks.
    package internal(set) var chunkCount = 0
    /// Entries of the keys section: all rows but chunks.
    package internal(set) var keyCount = 0
    /// Bounds over all rows; both zero when there are none.
    package internal(set) var minSequence: UInt64 = 0
    /// See `minSequence`.
    package internal(set) var maxSequence: UInt64 = 0
    /// Bytes of all the rows' records.
    package internal(set) var recordByteTotal: UInt64 = 0
    /// Bytes of each section, by `HintSection.rawValue`.
    var sectionByteCounts: [UInt64] = [0, 0, 0, 0, 0, 0]

    init(binding: HintBinding, blockByteCount: Int) {
        self.binding = binding
        self.blockByteCount = blockByteCount
    }

    /// Takes up a row in the counts.
    mutating func add(_ row: HintRow) {
        minSequence = rowCount == 0 ? row.sequence : min(minSequence, row.sequence)
        maxSequence = max(maxSequence, row.sequence)
        rowCount += 1
        switch row.type {
        case .put, .composite: putCount += 1
        case .delete: deleteCount += 1
        case .chunk, .mark, .seal: chunkCount += 1
        }
        keyCount = putCount + deleteCount
        recordByteTotal += UInt64(row.recordByteCount)
    }

    /// Where a section stands in the file.
    package func range(of section: HintSection) -> Range<UInt64> {
        let start = sectionByteCounts[..<section.rawValue].reduce(UInt64(Self.byteCount), +)
        return start..<start + sectionByteCounts[section.rawValue]
    }

    /// Bytes of the whole file.
    package var hintByteCount: UInt64 { range(of: .keyIndex).upperBound }
}

/// How the rows of a group of columns are cut into blocks.
extension HintHeader {
    /// Whether the group is in the file. An absent group means zero for every row.
    package func hasColumn(_ column: HintSection) -> Bool {
        sectionByteCounts[column.rawValue] > 0
    }

    /// Rows in every block of the group but the last.
    package func rowsPerBlock(_ column: HintSection) -> Int {
        (blockByteCount - 4) / column.rowByteCount
    }

    /// How many blocks the group has if it is in the file.
    package func blockCount(_ column: HintSection) -> Int {
        let rows = rowsPerBlock(column)
        return rowCount / rows + (rowCount % rows == 0 ? 0 : 1)
    }

    /// Which rows a block holds.
    package func rows(inBlock index: Int, of column: HintSection) -> Range<Int> {
        let rows = rowsPerBlock(column)
        return min(index * rows, rowCount)..<min((index + 1) * rows, rowCount)
    }

    /// Where a block stands in the file, its checksum included.
    package func range(ofBlock index: Int, of column: HintSection) -> Range<UInt64> {
        let rows = rows(inBlock: index, of: column)
        let full = rowsPerBlock(column) * column.rowByteCount + 4
        let start = range(of: column).lowerBound + UInt64(index * full)
        return start..<start + UInt64(rows.count * column.rowByteCount + 4)
    }

    func columnByteCount(_ column: HintSection) -> UInt64 {
        UInt64(rowCount * column.rowByteCount + blockCount(column) * 4)
    }
}

extension HintHeader {
    /// The bytes of the header.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.withMutableRawSpan { encode(into: &$0) }
        return bytes
    }

    private func encode(into bytes: inout MutableRawSpan) {
        bytes.store(Self.magic, at: 0)
        bytes.store(FormatVersion.hint, at: 8)
        bytes.store(UInt32(0), at: 12)
        binding.uuid.store(into: &bytes, at: 16)
        bytes.store(binding.segmentID, at: 32)
        bytes.store(binding.logicalByteCount, at: 40)
        bytes.store(binding.salt, at: 48)
        bytes.store(binding.digest, at: 56)
        bytes.store(UInt32(blockByteCount), at: 60)
        bytes.store(UInt64(rowCount), at: 64)
        bytes.store(UInt64(putCount), at: 72)
        bytes.store(UInt64(deleteCount), at: 80)
        bytes.store(UInt64(chunkCount), at: 88)
        bytes.store(UInt64(keyCount), at: 96)
        bytes.store(minSequence, at: 104)
        bytes.store(maxSequence, at: 112)
        bytes.store(recordByteTotal, at: 120)
        for section in HintSection.allCases {
            let range = range(of: section)
            let offset = Self.sectionsOffset + section.rawValue * 16
            bytes.store(range.lowerBound, at: offset)
            bytes.store(range.upperBound - range.lowerBound, at: offset + 8)
        }
        bytes.storeTrailingChecksum()
    }
}

extension HintHeader {
    /// Reads a header; `bytes` begins with it. `fileByteCount` is the length of the whole file.
    package init(decoding bytes: RawSpan, fileByteCount: UInt64) throws(FormatError) {
        guard bytes.byteCount >= Self.byteCount else {
            throw FormatError(.truncated, in: .hint, at: bytes.byteCount)
        }
        let bytes = bytes.extracting(0..<Self.byteCount)
        try bytes.checkMagic(Self.magic, fixedByteCount: Self.checksumOffset, in: .hint)
        try bytes.checkTrailingChecksum(in: .hint)
        try FormatVersion.check(
            version: bytes.loadUInt32(at: 8), of: FormatVersion.hint...FormatVersion.hint,
            incompatibleFeatures: bytes.loadUInt32(at: 12), at: (8, 12), in: .hint)
        self.init(
            binding: HintBinding(
                uuid: StoreUUID(loading: bytes, at: 16), segmentID: bytes.loadUInt64(at: 32),
                logicalByteCount: bytes.loadUInt64(at: 40), salt: bytes.loadUInt64(at: 48),
                digest: bytes.loadUInt32(at: 56)),
            blockByteCount: Int(bytes.loadUInt32(at: 60)))
        try decodeCounts(bytes)
        try decodeSections(bytes)
        guard hintByteCount == fileByteCount else {
            throw FormatError(
                hintByteCount > fileByteCount ? .truncated : .trailingBytes, in: .hint,
                at: Int(min(hintByteCount, fileByteCount, UInt64(Int.max))))
        }
    }

    /// Requires the hint to be the one of a segment as MANIFEST describes it.
    package func check(binding expected: HintBinding) throws(FormatError) {
        if let field = binding.difference(from: expected) {
            throw FormatError(.foreign(field), in: .hint, at: 16)
        }
    }

    private mutating func decodeCounts(_ bytes: RawSpan) throws(FormatError) {
        guard binding.logicalByteCount <= FormatLimits.segmentByteCountMaximum else {
            throw FormatError(.invalidField("logical length"), in: .hint, at: 40)
        }
        guard Self.blockByteCountLimits.contains(blockByteCount) else {
            throw FormatError(.invalidField("block length"), in: .hint, at: 60)
        }
        let maximum = binding.logicalByteCount / UInt64(RecordHeader.byteCount)
        let offsets = [64, 72, 80, 88, 96]
        for offset in offsets where bytes.loadUInt64(at: offset) > maximum {
            throw FormatError(.invalidField("counts"), in: .hint, at: offset)
        }
        let counts = offsets.map { Int(bytes.loadUInt64(at: $0)) }
        guard counts[0] == counts[1] + counts[2] + counts[3], counts[4] == counts[1] + counts[2]
        else { throw FormatError(.invalidField("counts"), in: .hint, at: 64) }
        (rowCount, putCount, deleteCount) = (counts[0], counts[1], counts[2])
        (chunkCount, keyCount) = (counts[3], counts[4])
        minSequence = bytes.loadUInt64(at: 104)
        maxSequence = bytes.loadUInt64(at: 112)
        guard minSequence <= maxSequence else {
            throw FormatError(.invalidField("sequence bounds"), in: .hint, at: 104)
        }
        recordByteTotal = bytes.loadUInt64(at: 120)
        guard recordByteTotal <= binding.logicalByteCount else {
            throw FormatError(.invalidField("record bytes"), in: .hint, at: 120)
        }
    }

    private mutating func decodeSections(_ bytes: RawSpan) throws(FormatError) {
        for section in HintSection.allCases {
            let offset = Self.sectionsOffset + section.rawValue * 16
            let start = bytes.loadUInt64(at: offset)
            let byteCount = bytes.loadUInt64(at: offset + 8)
            guard byteCount <= 1 << 48, isLength(byteCount, possibleFor: section) else {
                throw FormatError(.invalidField("section length"), in: .hint, at: offset + 8)
            }
            sectionByteCounts[section.rawValue] = byteCount
            guard start == range(of: section).lowerBound else {
                throw FormatError(.invalidField("section offset"), in: .hint, at: offset)
            }
        }
    }

    private func isLength(_ byteCount: UInt64, possibleFor section: HintSection) -> Bool {
        switch section {
        case .locations, .secondHashes: byteCount == columnByteCount(section)
        case .expiries, .blobIDs: byteCount == 0 || byteCount == columnByteCount(section)
        case .keys: (byteCount == 0) == (keyCount == 0)
        case .keyIndex: byteCount >= UInt64(HintKeyIndex.minimumByteCount)
        }
    }
}
