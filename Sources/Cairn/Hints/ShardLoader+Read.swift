// ShardLoader+Read — which blocks of which hint hold the rows of a pass, and getting them.
//
// Hashes are spread evenly, so where a shard's rows stand in a table is known but for a few hundred
// rows: the first probe is right as a rule, and a pass is read from each hint with one call. Whatever
// the rows really are, they are found; only slower. One thread.

internal import CairnFormat
internal import CairnSystem

extension ShardLoader {
    /// Lets the disk fetch, while a pass is loaded, where the next one's rows must be if hashes are
    /// spread evenly.
    func readAhead(_ pass: Range<Int>) {
        guard !pass.isEmpty else { return }
        for source in context.sources {
            guard case .hint(let hint) = source.rows, hint.header.rowCount > 0 else { continue }
            let header = hint.header
            let rows = (
                header.rowCount * pass.lowerBound / shape.shardCount,
                header.rowCount * pass.upperBound / shape.shardCount
            )
            let rowsPerBlock = header.rowsPerBlock(.locations)
            let end = min(rows.1 / rowsPerBlock + 1, header.blockCount(.locations))
            hint.readAhead(min(rows.0 / rowsPerBlock, end)..<end, of: .locations)
        }
    }

    /// Finds the first row of the first shard.
    mutating func begin(_ number: Int) throws(LoadFailure) {
        let source = context.sources[number]
        switch source.rows {
        case .scanned(let rows):
            let bytes = rows.bytes.rawSpan
            var row = (low: 0, high: rows.count)
            while row.low < row.high {
                let middle = row.low + (row.high - row.low) / 2
                let hash = bytes.loadUInt64(at: middle * RowCursor.rowByteCount)
                if shape.shard(of: hash) < shards.lowerBound {
                    row.low = middle + 1
                } else {
                    row.high = middle
                }
            }
            cursors[number].row = row.low
            cursors[number].place = row.low * RowCursor.rowByteCount
            cursors[number].endRow = rows.count
        case .hint(let hint):
            cursors[number].rowsPerBlock = hint.header.rowsPerBlock(.locations)
            cursors[number].row = try firstRow(of: hint, number)
        }
    }

    /// Looks first where the row must be if hashes are spread evenly, which they are.
    private mutating func firstRow(
        of hint: HintOnDisk<S>, _ number: Int
    ) throws(LoadFailure) -> Int {
        let header = hint.header
        guard shards.lowerBound > 0 else { return 0 }
        var (low, high) = (0, header.blockCount(.locations))
        var probe = header.rowCount * shards.lowerBound / shape.shardCount
        probe /= header.rowsPerBlock(.locations)
        while low < high {
            probe = min(max(probe, low), high - 1)
            reserve(hint.byteCount(of: probe..<probe + 1, .locations))
            guard hint.read(probe..<probe + 1, of: .locations, into: buffer, at: 0) else {
                throw .doubt(ordinal: number)
            }
            let rows = header.rows(inBlock: probe, of: .locations)
            let before = countBefore(shards.lowerBound, rows.count)
            if before > 0, before < rows.count { return rows.lowerBound + before }
            if before == 0 { high = probe } else { low = probe + 1 }
            probe = before == 0 ? high - 1 : low
        }
        return min(low * header.rowsPerBlock(.locations), header.rowCount)
    }

    /// How many of the block's rows belong to shards before `shard`.
    private func countBefore(_ shard: Int, _ rowCount: Int) -> Int {
        let buffer = buffer
        let bytes = buffer.bytes
        var (low, high) = (0, rowCount)
        while low < high {
            let middle = low + (high - low) / 2
            let hash = bytes.loadUInt64(at: middle * RowCursor.rowByteCount)
            if shape.shard(of: hash) < shard { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Grows the buffer; keeps what is in it.
    mutating func reserve(_ byteCount: Int) {
        guard byteCount > buffer.byteCount else { return }
        let grown = AlignedBuffer(
            byteCount: max(
                byteCount + byteCount / 4, min(context.loadByteCount, context.byteCount)))
        let old = buffer
        grown.copy(from: old.bytes, to: 0)
        buffer = grown
    }

    /// Reads the blocks that hold rows of these shards.
    mutating func read(_ pass: Range<Int>) throws(LoadFailure) {
        var fill = 0
        for number in cursors.indices {
            guard case .hint(let hint) = context.sources[number].rows else { continue }
            try read(pass, hint, number, &fill)
        }
        context.progress.add(byteCount: fill)
    }

    private mutating func read(
        _ pass: Range<Int>, _ hint: HintOnDisk<S>, _ number: Int, _ fill: inout Int
    ) throws(LoadFailure) {
        let (header, row) = (hint.header, cursors[number].row)
        cursors[number].endRow = row
        guard row < header.rowCount else { return }
        let rowsPerBlock = header.rowsPerBlock(.locations)
        let firstBlock = row / rowsPerBlock
        var nextBlock = firstBlock
        var end = min(row + estimate(of: pass, left: header.rowCount - row), header.rowCount)
        let start = fill
        while true {
            let blocks = nextBlock..<(end - 1) / rowsPerBlock + 1
            reserve(fill + hint.byteCount(of: blocks, .locations))
            guard hint.read(blocks, of: .locations, into: buffer, at: fill) else {
                throw .doubt(ordinal: number)
            }
            fill += hint.byteCount(of: blocks, .locations)
            nextBlock = blocks.upperBound
            end = min(nextBlock * rowsPerBlock, header.rowCount)
            let isWhole = pass.upperBound == shape.shardCount
            if end == header.rowCount || !isWhole && isBehind(pass, lastRowAt: fill) { break }
            end = min(end + rowsPerBlock, header.rowCount)
        }
        let inBlock = row - firstBlock * rowsPerBlock
        cursors[number].place = start + inBlock * RowCursor.rowByteCount
        cursors[number].leftInBlock = rowsPerBlock - inBlock
        cursors[number].endRow = end
    }

    /// How many of the rows that are left belong to the pass, and some more.
    private func estimate(of pass: Range<Int>, left: Int) -> Int {
        let shardsLeft = shape.shardCount - pass.lowerBound
        let expected = Double(left) * Double(pass.count) / Double(shardsLeft)
        return max(1, Int(expected + 3 * expected.squareRoot()) + 8)
    }

    /// Whether the last row that was read, in front of `place`, lies behind the pass.
    private func isBehind(_ pass: Range<Int>, lastRowAt place: Int) -> Bool {
        let buffer = buffer
        let hash = buffer.bytes.loadUInt64(at: place - 4 - RowCursor.rowByteCount)
        return shape.shard(of: hash) >= pass.upperBound
    }
}
