// ShardLoader+Read — one block of each hint in memory, and the disk asked ahead.
//
// A loader goes over its part of each hint once, from its first row on. Hashes are spread evenly, so
// where a shard's rows stand is known but for a few hundred rows: what the disk is asked for ahead
// is right as a rule, and so is the first probe for the first row. Whatever the rows really are, they
// are found; only slower. One thread.

internal import CairnFormat
internal import CairnSystem

extension ShardLoader {
    /// Lets the disk fetch the rows in front of `shard`, if hashes are spread evenly, and that have
    /// not been asked for yet.
    mutating func readAhead(_ number: Int, upTo shard: Int) {
        guard case .hint(let hint) = context.sources[number].rows, hint.header.rowCount > 0
        else { return }
        let first = block(of: shards.lowerBound, hint)
        let start = max(askedBlocks[number], first)
        let end = block(of: shard, hint) + 1
        guard start < end else { return }
        hint.readAhead(start..<end, of: .locations)
        askedBlocks[number] = end
    }

    /// The block where the shard begins if hashes are spread evenly.
    private func block(of shard: Int, _ hint: HintOnDisk<S>) -> Int {
        let row = hint.header.rowCount * shard / shape.shardCount
        let last = hint.header.blockCount(.locations) - 1
        return min(row / hint.header.rowsPerBlock(.locations), last)
    }

    /// Finds the first row of the first shard.
    mutating func begin(_ number: Int) throws(LoadFailure) {
        let source = context.sources[number]
        switch source.rows {
        case .scanned(let rows):
            let row = countBefore(shards.lowerBound, rows.bytes.rawSpan, 0, rows.count)
            cursors[number].row = row
            cursors[number].place = row * RowCursor.rowByteCount
            cursors[number].endRow = rows.count
        case .hint(let hint):
            let row = try firstRow(of: hint, number)
            cursors[number].row = row
            cursors[number].endRow = row
            _ = try readNext(number)
        }
    }

    /// Looks first where the row must be if hashes are spread evenly, which they are.
    private mutating func firstRow(
        of hint: HintOnDisk<S>, _ number: Int
    ) throws(LoadFailure) -> Int {
        let header = hint.header
        guard shards.lowerBound > 0 else { return 0 }
        var (low, high) = (0, header.blockCount(.locations))
        var probe = low < high ? block(of: shards.lowerBound, hint) : 0
        while low < high {
            probe = min(max(probe, low), high - 1)
            try read(probe, of: hint, number)
            let rows = header.rows(inBlock: probe, of: .locations)
            let before = countBefore(
                shards.lowerBound, buffer.bytes, blockPlaces[number], rows.count)
            if before > 0, before < rows.count { return rows.lowerBound + before }
            if before == 0 { high = probe } else { low = probe + 1 }
            probe = before == 0 ? high - 1 : low
        }
        return min(low * header.rowsPerBlock(.locations), header.rowCount)
    }

    /// How many of the rows at `place` belong to shards before `shard`.
    private func countBefore(
        _ shard: Int, _ bytes: RawSpan, _ place: Int, _ rowCount: Int
    ) -> Int {
        var (low, high) = (0, rowCount)
        while low < high {
            let middle = low + (high - low) / 2
            let hash = bytes.loadUInt64(at: place + middle * RowCursor.rowByteCount)
            if shape.shard(of: hash) < shard { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Brings the block with a source's next row to memory; false when there is no other row.
    mutating func readNext(_ number: Int) throws(LoadFailure) -> Bool {
        guard case .hint(let hint) = context.sources[number].rows else { return false }
        let (header, row) = (hint.header, cursors[number].row)
        guard row < header.rowCount else { return false }
        let block = row / header.rowsPerBlock(.locations)
        if cursors[number].block != block { try read(block, of: hint, number) }
        let rows = header.rows(inBlock: block, of: .locations)
        let before = (row - rows.lowerBound) * RowCursor.rowByteCount
        cursors[number].place = blockPlaces[number] + before
        cursors[number].endRow = rows.upperBound
        return true
    }

    private mutating func read(
        _ block: Int, of hint: HintOnDisk<S>, _ number: Int
    ) throws(LoadFailure) {
        let isRead = hint.read(
            block..<block + 1, of: .locations, into: buffer, at: blockPlaces[number])
        guard isRead else { throw .doubt(ordinal: number) }
        cursors[number].block = block
        context.progress.add(byteCount: hint.byteCount(of: block..<block + 1, .locations))
    }
}
