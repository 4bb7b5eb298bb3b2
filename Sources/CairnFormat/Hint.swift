// Hint — a whole hint in memory or mapped: rows by number and by hash, keys in order.
//
// Opening one checks the header and the index of keys; each block is checked whenever it is used,
// and `checkAll` reads everything there is. Who streams a hint from disk uses the parts: header,
// table blocks, key blocks. Spec: Format.md, "Hint". Read-only view; any thread.

internal import CairnSystem

/// A view of a hint's bytes.
package struct Hint: ~Escapable {
    private let bytes: RawSpan
    /// Counts, binding and places.
    package let header: HintHeader
    private let seed: HintSeed

    /// Checks the header; `bytes` is the whole file.
    @_lifetime(copy bytes)
    package init(decoding bytes: RawSpan) throws(FormatError) {
        header = try HintHeader(decoding: bytes, fileByteCount: UInt64(bytes.byteCount))
        seed = header.binding.seed
        self.bytes = bytes
    }

    @_lifetime(copy self)
    private func piece(_ range: Range<UInt64>) -> RawSpan {
        bytes.extracting(Int(range.lowerBound)..<Int(range.upperBound))
    }

    /// A block of the table; its checksum is checked unless it was before.
    @_lifetime(copy self)
    package func block(
        _ index: Int, of column: HintSection, isVerified: Bool = false
    ) throws(FormatError) -> HintTableBlock {
        try HintTableBlock(
            decoding: piece(header.range(ofBlock: index, of: column)), index: index, of: column,
            header: header, seed: seed, isVerified: isVerified)
    }

    /// The index of the blocks of keys, verified.
    @_lifetime(copy self)
    package func keyIndex() throws(FormatError) -> HintKeyIndex {
        try HintKeyIndex(decoding: piece(header.range(of: .keyIndex)), header: header, seed: seed)
    }

    /// A block of keys, verified.
    @_lifetime(copy self)
    package func keyBlock(at range: Range<UInt64>) throws(FormatError) -> HintKeyBlock {
        try HintKeyBlock(decoding: piece(range), at: range.lowerBound, seed: seed)
    }
}

extension Hint {
    private func value(
        _ number: Int, of column: HintSection, isVerified: Bool
    ) throws(FormatError) -> UInt64 {
        guard header.hasColumn(column) else { return 0 }
        let index = number / header.rowsPerBlock(column)
        return try block(index, of: column, isVerified: isVerified).value(number)
    }

    /// A row, whole. Checks up to four blocks unless they were before.
    package func row(
        _ number: Int, isVerified: Bool = false
    ) throws(FormatError) -> HintRow {
        precondition(number >= 0 && number < header.rowCount, "a row's number is below the count")
        let index = number / header.rowsPerBlock(.locations)
        let block = try block(index, of: .locations, isVerified: isVerified)
        guard let type = block.type(number) else {
            throw FormatError(.invalidField("type"), in: .hintTable, at: number)
        }
        let row = HintRow(
            hashFirst: block.hashFirst(number),
            hashSecond: try value(number, of: .secondHashes, isVerified: isVerified),
            sequence: block.sequence(number), offset: block.offset(number),
            recordByteCount: block.recordByteCount(number), type: type,
            flags: block.flags(number), keyByteCount: block.keyByteCount(number),
            expiry: try value(number, of: .expiries, isVerified: isVerified),
            blobID: try value(number, of: .blobIDs, isVerified: isVerified))
        if let field = row.violation(logicalByteCount: header.binding.logicalByteCount) {
            throw FormatError(.invalidField(field), in: .hintTable, at: number)
        }
        return row
    }

    /// The rows of one hash; several versions of a key and, rarely, other keys.
    package func rows(hashFirst: UInt64, hashSecond: UInt64) throws(FormatError) -> [HintRow] {
        var rows: [HintRow] = []
        var number = try lowerBound(hashFirst: hashFirst)
        while number < header.rowCount {
            let row = try row(number)
            if row.hashFirst != hashFirst || row.hashSecond > hashSecond { break }
            if row.hashSecond == hashSecond { rows.append(row) }
            number += 1
        }
        return rows
    }

    /// The number of the first row whose first half of the hash is not below `hash`; the row count
    /// when there is none.
    package func lowerBound(hashFirst hash: UInt64) throws(FormatError) -> Int {
        var (low, high) = (0, header.blockCount(.locations))
        while low < high {
            let middle = low + (high - low) / 2
            let block = try block(middle, of: .locations)
            let number = block.lowerBound(hashFirst: hash)
            if number < block.rows.upperBound {
                if number > block.rows.lowerBound { return number }
                high = middle
            } else {
                low = middle + 1
            }
        }
        return min(low * header.rowsPerBlock(.locations), header.rowCount)
    }
}

extension Hint {
    /// Calls `body` with every user's key from `start` on, in order, and its row's number, until
    /// it answers false. A key stands there once for every record of it.
    package func forEachKey(
        from start: RawSpan, _ body: (_ key: RawSpan, _ row: Int) -> Bool
    ) throws(FormatError) {
        let index = try keyIndex()
        let first = index.block(notBelow: start)
        guard first < index.blockCount else { return }
        for number in first..<index.blockCount {
            let block = try keyBlock(at: index.range(ofBlock: number))
            var cursor = try block.cursor(notBelow: start)
            while cursor.hasKey {
                guard cursor.row < header.rowCount else {
                    throw FormatError(.invalidField("row"), in: .hintKeys, at: number)
                }
                guard body(cursor.key.rawSpan, cursor.row) else { return }
                _ = try cursor.advance()
            }
        }
    }

    /// Checks every block, row and key: that they are in order, agree with each other, and add up
    /// to the header's counts. Reads the whole hint.
    package func checkAll() throws(FormatError) {
        try checkColumns()
        try checkRows()
        try checkKeys()
    }

    /// Checks the checksum of every block. Reads the whole hint, but looks at no row and no key.
    package func checkBlocks() throws(FormatError) {
        try checkColumns()
        let index = try keyIndex()
        for number in 0..<index.blockCount {
            _ = try keyBlock(at: index.range(ofBlock: number))
        }
    }

    private func checkColumns() throws(FormatError) {
        for column in HintSection.columns where header.hasColumn(column) {
            for index in 0..<header.blockCount(column) { _ = try block(index, of: column) }
        }
    }

    private func checkRows() throws(FormatError) {
        var totals = HintHeader(binding: header.binding, blockByteCount: header.blockByteCount)
        var previous: HintRow?
        for number in 0..<header.rowCount {
            let row = try row(number, isVerified: true)
            guard previous.map({ $0.precedes(row) }) ?? true else {
                throw FormatError(.invalidField("order of rows"), in: .hintTable, at: number)
            }
            totals.add(row)
            previous = row
        }
        totals.sectionByteCounts = header.sectionByteCounts
        guard totals == header else {
            throw FormatError(.invalidField("counts"), in: .hint, at: 64)
        }
    }

    private func checkKeys() throws(FormatError) {
        var isRowSeen = [Bool](repeating: false, count: header.rowCount)
        var previous: [UInt8] = []
        let index = try keyIndex()
        for number in 0..<index.blockCount {
            let block = try keyBlock(at: index.range(ofBlock: number))
            var cursor = block.cursor()
            var count = 0
            while try cursor.advance() {
                guard !cursor.key.rawSpan.precedes(previous.rawSpan) else {
                    throw FormatError(.invalidField("order of keys"), in: .hintKeys, at: number)
                }
                guard cursor.row < header.rowCount, !isRowSeen[cursor.row] else {
                    throw FormatError(.invalidField("row"), in: .hintKeys, at: number)
                }
                try check(cursor, cursor.key.count)
                isRowSeen[cursor.row] = true
                previous = cursor.key
                count += 1
            }
            try check(index, block: number, keyCount: count, first: block, last: previous)
        }
    }

    /// A key's entry says what its row says.
    private func check(
        _ cursor: borrowing HintKeyCursor, _ keyByteCount: Int
    ) throws(FormatError) {
        let row = try row(cursor.row, isVerified: true)
        guard row.type != .chunk, row.keyByteCount == keyByteCount else {
            throw FormatError(.invalidField("row"), in: .hintKeys, at: cursor.row)
        }
        guard row.offset == cursor.recordOffset, row.expiry == cursor.expiry else {
            throw FormatError(.invalidField("place"), in: .hintKeys, at: cursor.row)
        }
    }

    /// A block's keys are as many as the index says and stand between the separators around it.
    private func check(
        _ index: HintKeyIndex, block number: Int, keyCount: Int, first block: HintKeyBlock,
        last: [UInt8]
    ) throws(FormatError) {
        var cursor = block.cursor()
        let hasFirst = try cursor.advance()
        guard hasFirst, keyCount == index.keyCount(ofBlock: number) else {
            throw FormatError(.invalidField("key count"), in: .hintKeys, at: number)
        }
        let isLast = number == index.blockCount - 1
        guard !cursor.key.rawSpan.precedes(index.separator(number)),
            isLast || !index.separator(number + 1).precedes(last.rawSpan)
        else { throw FormatError(.invalidField("separator"), in: .hintKeys, at: number) }
    }
}
