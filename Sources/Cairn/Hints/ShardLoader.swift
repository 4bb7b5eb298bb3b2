// ShardLoader — builds a range of the index's shards from the rows of all segments.
//
// Rows are sorted by hash everywhere, so the rows of a shard are a run in every source. The loader
// goes over its shards in passes; for each it reads the blocks of every hint that hold the pass's
// rows, then takes shard by shard: the newest row of each hash wins, deletes that win leave no slot,
// and what wins is put into a table made for exactly so many keys. A hint about which there is any
// doubt ends the load; it is begun again without it. One thread; several loaders work on one index
// at the same time, each on shards of its own.

internal import CairnFormat
internal import CairnSystem

/// Why a load ended early.
enum LoadFailure: Error {
    /// This source's hint is unusable.
    case doubt(ordinal: Int)
    case error(StoreError)
}

/// A chunk or composite record in the index.
struct LargePart: BitwiseCopyable {
    let row: Int
    let hash: UInt64
    let location: Location
    let byteCount: Int
    var blobID: UInt64 = 0

    var ordinal: Int { location.segmentOrdinal }
    var isChunk: Bool { location.kind == .chunk }
}

/// What one loader found.
struct LoadOutcome {
    /// By ordinal.
    var liveByteCounts: [UInt64]
    /// Rows that were taken up, by ordinal.
    var rowCounts: [Int]
    var keyCount: UInt64 = 0
    var largeParts: [LargePart] = []
    var overflow: [OverflowMap.Entry] = []

    /// Counts a record that the index now holds.
    @inline(__always)
    mutating func add(_ row: LoadRow) {
        liveByteCounts[row.location.segmentOrdinal] += UInt64(row.byteCount)
        let kind = row.location.rawValue & 7
        if kind != UInt64(Location.Kind.chunk.rawValue) { keyCount += 1 }
        if kind == UInt64(Location.Kind.put.rawValue) { return }
        largeParts.append(
            LargePart(
                row: row.number, hash: row.hash, location: row.location,
                byteCount: row.byteCount))
    }
}

struct ShardLoader<S: Storage> {
    let context: LoadContext<S>
    let shards: Range<Int>
    var buffer: AlignedBuffer
    var cursors: [RowCursor]
    var table: ShardTable
    var outcome: LoadOutcome
    /// What the index is to hold of the present shard.
    private var live: [Index.Change] = []
    /// A shard is loaded in so many parts, small enough for the processor's cache.
    private let partsPerShard: Int

    init(_ context: LoadContext<S>, shards: Range<Int>) {
        self.context = context
        self.shards = shards
        buffer = AlignedBuffer(byteCount: 0)
        partsPerShard = Self.partsPerShard(context)
        table = ShardTable(
            IndexShape(shardCount: context.index.shape.shardCount * partsPerShard))
        outcome = LoadOutcome(
            liveByteCounts: [UInt64](repeating: 0, count: context.sources.count),
            rowCounts: [Int](repeating: 0, count: context.sources.count))
        cursors = context.sources.enumerated().map { ordinal, source in
            RowCursor(ordinal: ordinal, logicalUnits: source.logicalByteCount / 8)
        }
    }

    private static var rowsPerPart: Int { 8192 }

    private static func partsPerShard(_ context: LoadContext<S>) -> Int {
        let shardCount = context.index.shape.shardCount
        let rowCount = context.byteCount / RowCursor.rowByteCount
        var count = 1
        while rowCount / (shardCount * count) > rowsPerPart, shardCount * count < 4096 {
            count *= 2
        }
        return count
    }

    var shape: IndexShape { context.index.shape }

    /// Loads all shards.
    mutating func run() throws(LoadFailure) {
        readAhead(pass(from: shards.lowerBound))
        for number in cursors.indices { try begin(number) }
        var next = pass(from: shards.lowerBound)
        while !next.isEmpty {
            let pass = next
            try read(pass)
            next = self.pass(from: pass.upperBound)
            readAhead(next)
            for shard in pass { try load(shard) }
        }
        try findBlobIDs()
    }

    private func pass(from shard: Int) -> Range<Int> {
        shard..<min(shard + shardsPerPass, shards.upperBound)
    }

    private var shardsPerPass: Int {
        let perShard = context.byteCount / shape.shardCount + 1
        return max(1, context.loadByteCount / perShard)
    }

    // MARK: A shard

    private mutating func load(_ shard: Int) throws(LoadFailure) {
        live.removeAll(keepingCapacity: true)
        for part in shard * partsPerShard..<(shard + 1) * partsPerShard { try load(part: part) }
        let (live, index) = (live, context.index)
        index.load(shard, keyCount: live.count) { filler in
            for change in live { filler.insert(change.hash, change.location) }
        }
        context.progress.add(keyCount: live.count)
    }

    /// Appends what the index is to hold of a part to `live`.
    private mutating func load(part: Int) throws(LoadFailure) {
        let starts = cursors
        table.reset(rowCount: rowCountBound(of: part))
        for number in cursors.indices { try take(number, of: part) }
        if !table.contested.isEmpty { try settle(starts) }
        let table = table
        table.forEachLive { row in
            live.append(Index.Change(hash: row.hash, location: row.location))
            if row.location.isRecord { outcome.add(row) }
        }
    }

    /// How many rows of the part are in memory.
    private func rowCountBound(of part: Int) -> Int {
        let buffer = buffer
        var count = 0
        for number in cursors.indices {
            switch context.sources[number].rows {
            case .hint: count += runLength(cursors[number], buffer.bytes, of: part)
            case .scanned(let rows):
                count += runLength(cursors[number], rows.bytes.rawSpan, of: part)
            }
        }
        return count
    }

    private func runLength(_ cursor: RowCursor, _ bytes: RawSpan, of part: Int) -> Int {
        var (low, high) = (cursor.row, cursor.endRow)
        while low < high {
            let middle = low + (high - low) / 2
            let hash = bytes.loadUInt64(at: cursor.place(of: middle))
            if table.shape.shard(of: hash) <= part { low = middle + 1 } else { high = middle }
        }
        return low - cursor.row
    }

    private mutating func take(_ number: Int, of part: Int) throws(LoadFailure) {
        let start = cursors[number].row
        let isInOrder: Bool
        switch context.sources[number].rows {
        case .hint:
            let buffer = buffer
            isInOrder = table.take(&cursors[number], buffer.bytes, of: part)
        case .scanned(let rows):
            isInOrder = table.take(&cursors[number], rows.bytes.rawSpan, of: part)
        }
        guard isInOrder else { throw .doubt(ordinal: number) }
        outcome.rowCounts[number] += cursors[number].row - start
    }

    // MARK: Large blobs

    /// Reads which blobs the chunks and composites belong to.
    private mutating func findBlobIDs() throws(LoadFailure) {
        var parts = outcome.largeParts
        parts.sort { ($0.ordinal, $0.row) < ($1.ordinal, $1.row) }
        var loaded: (ordinal: Int, block: Int)?
        for place in parts.indices {
            let part = parts[place]
            switch context.sources[part.ordinal].rows {
            case .scanned(let rows): parts[place].blobID = rows.blobIDs[part.row]
            case .hint(let hint):
                guard hint.header.hasColumn(.blobIDs) else { continue }
                let rowsPerBlock = hint.header.rowsPerBlock(.blobIDs)
                let block = part.row / rowsPerBlock
                if loaded?.ordinal != part.ordinal || loaded?.block != block {
                    reserve(hint.byteCount(of: block..<block + 1, .blobIDs))
                    guard hint.read(block..<block + 1, of: .blobIDs, into: buffer, at: 0) else {
                        throw .doubt(ordinal: part.ordinal)
                    }
                    loaded = (part.ordinal, block)
                }
                let buffer = buffer
                parts[place].blobID = buffer.bytes.loadUInt64(
                    at: (part.row - block * rowsPerBlock) * 8)
            }
        }
        outcome.largeParts = parts
    }
}
