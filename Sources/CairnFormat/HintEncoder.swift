// HintEncoder — writes what a builder collected as a hint, a bounded piece at a time.
//
// The result is handed out in pieces with their places in the file, the header last, so that a hint
// is never whole in memory; a file that lost its end or its header does not decode. A step takes a
// few milliseconds at most, so that a background thread can do something else between two; about
// 0.25 µs a record in all. Memory beside the builder's: 40 bytes a record. One thread at a time.
// Spec: Format.md, "Hint".

internal import CairnSystem

/// Sorts and writes a hint in steps.
package struct HintEncoder {
    private enum Stage {
        case rows
        case column(place: Int, block: Int)
        case keys
        case keyBlocks(place: Int)
        case done
    }

    private static let blocksPerStep = 8
    private static let keysPerStep = 16 << 10

    private let builder: HintBuilder
    private let seed: HintSeed
    private var header: HintHeader
    private var stage = Stage.rows
    private var rowOrder: HintRowOrder
    private var keyOrder = HintKeyOrder()
    private var keyEncoder: HintKeyEncoder

    /// Takes over what `builder` collected.
    package init(_ builder: consuming HintBuilder) {
        header = builder.header
        seed = builder.header.binding.seed
        rowOrder = HintRowOrder(builder.entries)
        keyEncoder = HintKeyEncoder(
            start: 0, blockByteCount: builder.header.blockByteCount, seed: seed)
        self.builder = builder
    }

    /// Does one piece of work and hands what is ready to `write`; false when the file is complete.
    /// After an error the file is void.
    package mutating func step<Failure: Error>(
        _ write: (_ bytes: RawSpan, _ offset: UInt64) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        switch stage {
        case .rows:
            if !rowOrder.step(builder.entries) { stage = .column(place: 0, block: 0) }
        case .column(let place, let block): try writeBlocks(place, block, write)
        case .keys:
            if !keyOrder.step(builder) { stage = .keyBlocks(place: 0) }
        case .keyBlocks(let place): try writeKeys(from: place, write)
        case .done: return false
        }
        return true
    }

    private mutating func writeBlocks<Failure: Error>(
        _ place: Int, _ block: Int, _ write: (RawSpan, UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        guard place < HintSection.columns.count else { return beginKeys() }
        let column = HintSection.columns[place]
        guard isPresent(column) else { return stage = .column(place: place + 1, block: 0) }
        if block == 0 {
            header.sectionByteCounts[column.rawValue] = header.columnByteCount(column)
        }
        let end = min(block + Self.blocksPerStep, header.blockCount(column))
        for index in block..<end { try writeBlock(index, of: column, write) }
        let isLast = end == header.blockCount(column)
        stage = isLast ? .column(place: place + 1, block: 0) : .column(place: place, block: end)
    }

    private func isPresent(_ column: HintSection) -> Bool {
        switch column {
        case .expiries: !builder.expiries.isEmpty
        case .blobIDs: !builder.blobIDs.isEmpty
        case .locations, .secondHashes, .keys, .keyIndex: !builder.entries.isEmpty
        }
    }

    private func writeBlock<Failure: Error>(
        _ index: Int, of column: HintSection, _ write: (RawSpan, UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        let range = header.range(ofBlock: index, of: column)
        let byteCount = Int(range.upperBound - range.lowerBound)
        var block = [UInt8](repeating: 0, count: byteCount)
        block.withMutableRawSpan { bytes in
            fill(&bytes, with: header.rows(inBlock: index, of: column), of: column)
            seed.seal(&bytes, byteCount: byteCount, at: range.lowerBound)
        }
        try write(block.rawSpan, range.lowerBound)
    }

    private func fill(
        _ bytes: inout MutableRawSpan, with rows: Range<Int>, of column: HintSection
    ) {
        var place = 0
        for row in rows {
            let number = rowOrder[row]
            switch column {
            case .locations: builder.entries[number].encodeLocation(into: &bytes, at: place)
            case .expiries: bytes.store(builder.expiries[number], at: place)
            case .secondHashes: bytes.store(builder.entries[number].hashSecond, at: place)
            case .blobIDs: bytes.store(builder.blobIDs[number], at: place)
            case .keys, .keyIndex: break
            }
            place += column.rowByteCount
        }
    }

    // MARK: Keys

    private mutating func beginKeys() {
        keyOrder = HintKeyOrder(builder, rows: rowOrder)
        rowOrder = HintRowOrder([])
        keyEncoder = HintKeyEncoder(
            start: header.range(of: .keys).lowerBound, blockByteCount: header.blockByteCount,
            seed: seed)
        stage = .keys
    }

    private mutating func writeKeys<Failure: Error>(
        from place: Int, _ write: (RawSpan, UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        let end = min(place + Self.keysPerStep, keyOrder.count)
        let (keys, entries) = (builder.keys, builder.entries)
        for place in place..<end {
            let number = keyOrder.number(at: place)
            let key = keys.rawSpan.extracting(entries[number].keyRange)
            let target = HintKeyTarget(
                entries[number], row: keyOrder.row(of: number), expiry: expiry(number))
            if keyEncoder.append(key, target) { continue }
            try keyEncoder.endBlock(write)
            guard keyEncoder.append(key, target) else {
                preconditionFailure("an empty block takes any key")
            }
        }
        stage = .keyBlocks(place: end)
        if end == keyOrder.count { try finish(write) }
    }

    private func expiry(_ number: Int) -> UInt64 {
        builder.expiries.isEmpty ? 0 : builder.expiries[number]
    }

    private mutating func finish<Failure: Error>(
        _ write: (RawSpan, UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        try keyEncoder.endBlock(write)
        let start = header.range(of: .keys).lowerBound
        header.sectionByteCounts[HintSection.keys.rawValue] = keyEncoder.end - start
        let index = keyEncoder.encodedIndex()
        header.sectionByteCounts[HintSection.keyIndex.rawValue] = UInt64(index.count)
        try write(index.rawSpan, keyEncoder.end)
        try write(header.encoded().rawSpan, 0)
        stage = .done
    }
}

extension HintRow {
    /// Writes the row's part in the section of locations at `place`.
    package func encodeLocation(into bytes: inout MutableRawSpan, at place: Int) {
        HintEntry(self, keyStart: 0).encodeLocation(into: &bytes, at: place)
    }
}

extension HintEntry {
    /// Writes the row's part in the section of locations at `place`.
    func encodeLocation(into bytes: inout MutableRawSpan, at place: Int) {
        bytes.store(hashFirst, at: place)
        bytes.store(sequence, at: place + 8)
        bytes.store(UInt64(offsetUnits) | UInt64(lengthUnits) << 32, at: place + 16)
        let kind = UInt32(type.rawValue) | UInt32(flags.rawValue) << 8
        bytes.store(kind | UInt32(keyByteCount) << 16, at: place + 24)
    }
}
