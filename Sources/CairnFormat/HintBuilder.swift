// HintBuilder — collects what a segment holds and writes it as a hint.
//
// Records may be added in any order. The result is handed out in pieces with their places in the
// file, the header last, so that a hint is never whole in memory; a file that lost its end or its
// header does not decode. Memory: the rows (80 bytes each) and the keys. One thread at a time.
// Spec: Format.md, "Hint".

internal import CairnSystem

/// Collects rows and keys, then encodes them.
package struct HintBuilder {
    private let binding: HintBinding
    private let blockByteCount: Int
    private(set) var rows: [HintRow] = []
    /// The users' keys, one behind the other, in the order of `rows`.
    private(set) var keys: [UInt8] = []
    /// By row: where its key ends in `keys`; the key of a chunk takes no bytes there.
    private var keyEnds: [Int] = []

    /// A builder of the hint bound to `binding`, whose blocks are at most `blockByteCount` long.
    package init(
        binding: HintBinding, blockByteCount: Int = HintHeader.blockByteCountDefault
    ) {
        precondition(
            HintHeader.blockByteCountLimits.contains(blockByteCount),
            "the block size is within its bounds")
        self.binding = binding
        self.blockByteCount = blockByteCount
    }

    /// Makes room for so many rows.
    package mutating func reserveCapacity(_ rowCount: Int) {
        rows.reserveCapacity(rowCount)
        keyEnds.reserveCapacity(rowCount)
    }

    /// Takes up a record with a key: a put, a composite, a delete or a chunk.
    package mutating func add(_ row: HintRow, key: RawSpan) {
        precondition(
            row.violation(logicalByteCount: binding.logicalByteCount) == nil
                && row.keyByteCount == key.byteCount, "a hint row describes its record")
        rows.append(row)
        if row.type != .chunk {
            for index in 0..<key.byteCount { keys.append(key.loadUInt8(at: index)) }
        }
        keyEnds.append(keys.count)
    }
}

extension HintBuilder {
    /// Hands the file to `write` piece by piece, each with its offset. The pieces cover the file
    /// without gaps; the header comes last.
    package func encode<Failure: Error>(
        _ write: (_ bytes: RawSpan, _ offset: UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        let order = rowsByHash()
        let seed = binding.seed
        var header = countedHeader()
        for column in HintSection.columns {
            try encode(column, in: order, header: &header, seed: seed, write)
        }
        try encodeKeys(in: order, header: &header, seed: seed, write)
        try write(header.encoded().rawSpan, 0)
    }

    /// The whole file in memory.
    package func encoded() -> [UInt8] {
        var file: [UInt8] = []
        encode { (bytes, offset) throws(Never) in
            let end = Int(offset) + bytes.byteCount
            if file.count < end { file += [UInt8](repeating: 0, count: end - file.count) }
            file.withMutableRawSpan { $0.copy(from: bytes, to: Int(offset)) }
        }
        return file
    }

    private func countedHeader() -> HintHeader {
        var header = HintHeader(binding: binding, blockByteCount: blockByteCount)
        for row in rows { header.add(row) }
        return header
    }

    private func isPresent(_ column: HintSection) -> Bool {
        switch column {
        case .expiries: rows.contains { $0.expiry != 0 }
        case .blobIDs: rows.contains { $0.blobID != 0 }
        case .locations, .secondHashes, .keys, .keyIndex: !rows.isEmpty
        }
    }

    private func encode<Failure: Error>(
        _ column: HintSection, in order: [Int], header: inout HintHeader, seed: HintSeed,
        _ write: (RawSpan, UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        guard isPresent(column) else { return }
        header.sectionByteCounts[column.rawValue] = header.columnByteCount(column)
        for index in 0..<header.blockCount(column) {
            let numbers = header.rows(inBlock: index, of: column)
            let range = header.range(ofBlock: index, of: column)
            let byteCount = Int(range.upperBound - range.lowerBound)
            var block = [UInt8](repeating: 0, count: byteCount - 4)
            block.withMutableRawSpan { bytes in
                for (place, number) in numbers.enumerated() {
                    rows[order[number]].encode(
                        column, into: &bytes, at: place * column.rowByteCount)
                }
            }
            seed.seal(&block, at: range.lowerBound)
            try write(block.rawSpan, range.lowerBound)
        }
    }
}

extension HintBuilder {
    func keyRange(_ row: Int) -> Range<Int> {
        (row == 0 ? 0 : keyEnds[row - 1])..<keyEnds[row]
    }

    private func encodeKeys<Failure: Error>(
        in order: [Int], header: inout HintHeader, seed: HintSeed,
        _ write: (RawSpan, UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        let start = header.range(of: .keys).lowerBound
        var encoder = HintKeyEncoder(start: start, blockByteCount: blockByteCount, seed: seed)
        for number in placesByKey(in: order) {
            let key = keys.rawSpan.extracting(keyRange(order[number]))
            if !encoder.fits(key, row: number) { try encoder.endBlock(write) }
            encoder.append(key, row: number)
        }
        try encoder.endBlock(write)
        header.sectionByteCounts[HintSection.keys.rawValue] = encoder.end - start
        let index = encoder.encodedIndex()
        header.sectionByteCounts[HintSection.keyIndex.rawValue] = UInt64(index.count)
        try write(index.rawSpan, encoder.end)
    }
}
