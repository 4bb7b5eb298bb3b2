// HintBuilder — collects what a segment holds, so that it can be written as a hint.
//
// Records may be added in any order; `HintEncoder` sorts and writes them. Memory: 40 bytes a record
// and its key. One thread at a time. Spec: Format.md, "Hint".

internal import CairnSystem

/// What a hint says of one record, without what few records have.
struct HintEntry {
    let hashFirst: UInt64
    let hashSecond: UInt64
    let sequence: UInt64
    /// In units of eight bytes, like the length.
    let offsetUnits: UInt32
    let lengthUnits: UInt32
    /// Where the key stands among the builder's keys; the key of a chunk does not.
    let keyStart: UInt32
    let keyByteCount: UInt16
    let type: RecordType
    let flags: HintRowFlags

    init(_ row: HintRow, keyStart: Int) {
        hashFirst = row.hashFirst
        hashSecond = row.hashSecond
        sequence = row.sequence
        offsetUnits = UInt32(row.offset / 8)
        lengthUnits = UInt32(row.recordByteCount / 8)
        self.keyStart = UInt32(keyStart)
        keyByteCount = UInt16(row.keyByteCount)
        type = row.type
        flags = row.flags
    }

    /// Whether this entry's row stands before that of `other` in the table; see `HintRow`.
    func precedes(_ other: HintEntry) -> Bool {
        if hashFirst != other.hashFirst { return hashFirst < other.hashFirst }
        if hashSecond != other.hashSecond { return hashSecond < other.hashSecond }
        if sequence != other.sequence { return sequence < other.sequence }
        return offsetUnits < other.offsetUnits
    }

    var keyRange: Range<Int> { Int(keyStart)..<Int(keyStart) + Int(keyByteCount) }
}

/// Collects rows and keys.
package struct HintBuilder {
    private(set) var header: HintHeader
    private(set) var entries: [HintEntry] = []
    /// The users' keys, one behind the other, in the order of `entries`.
    private(set) var keys: [UInt8] = []
    /// How many bytes all users' keys have in common at their start.
    private(set) var sharedKeyByteCount = Int.max
    private var firstKeyByteCount = 0
    /// One for each entry, or none at all when no record has one.
    private(set) var expiries: [UInt64] = []
    private(set) var blobIDs: [UInt64] = []

    /// A builder of the hint bound to `binding`, whose blocks are at most `blockByteCount` long.
    package init(
        binding: HintBinding, blockByteCount: Int = HintHeader.blockByteCountDefault
    ) {
        precondition(
            HintHeader.blockByteCountLimits.contains(blockByteCount),
            "the block size is within its bounds")
        header = HintHeader(binding: binding, blockByteCount: blockByteCount)
    }

    /// Makes room for so many rows.
    package mutating func reserveCapacity(_ rowCount: Int) { entries.reserveCapacity(rowCount) }

    /// Takes up a record with a key: a put, a composite, a delete or a chunk.
    package mutating func add(_ row: HintRow, key: RawSpan) {
        precondition(
            row.violation(logicalByteCount: header.binding.logicalByteCount) == nil
                && row.keyByteCount == key.byteCount, "a hint row describes its record")
        if row.expiry != 0 || !expiries.isEmpty { add(row.expiry, to: \.expiries) }
        if row.blobID != 0 || !blobIDs.isEmpty { add(row.blobID, to: \.blobIDs) }
        entries.append(HintEntry(row, keyStart: keys.count))
        header.add(row)
        guard row.type != .chunk else { return }
        if sharedKeyByteCount > 0 { noteShared(key) }
        keys.append(copying: key)
    }

    /// What earlier records did not have stands as zero for them.
    private mutating func add(_ value: UInt64, to column: WritableKeyPath<HintBuilder, [UInt64]>) {
        if self[keyPath: column].isEmpty {
            self[keyPath: column] = [UInt64](repeating: 0, count: entries.count)
        }
        self[keyPath: column].append(value)
    }

    private mutating func noteShared(_ key: RawSpan) {
        if keys.isEmpty {
            firstKeyByteCount = key.byteCount
            sharedKeyByteCount = key.byteCount
        } else {
            let common = byteCountShared(with: key)
            sharedKeyByteCount = min(sharedKeyByteCount, common)
        }
    }

    private func byteCountShared(with key: RawSpan) -> Int {
        key.commonPrefixByteCount(with: keys.rawSpan.extracting(0..<firstKeyByteCount))
    }

    /// Hands the file to `write` piece by piece, each with its offset. The pieces cover the file
    /// without gaps; the header comes last.
    package consuming func encode<Failure: Error>(
        _ write: (_ bytes: RawSpan, _ offset: UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        var encoder = HintEncoder(self)
        while try encoder.step(write) {}
    }

    /// The whole file in memory.
    package consuming func encoded() -> [UInt8] {
        var file: [UInt8] = []
        encode { (bytes, offset) throws(Never) in
            let end = Int(offset) + bytes.byteCount
            if file.count < end { file += [UInt8](repeating: 0, count: end - file.count) }
            file.withMutableRawSpan { $0.copy(from: bytes, to: Int(offset)) }
        }
        return file
    }
}
