// ShardLoader — builds a range of the index's shards from the rows of all segments.
//
// Rows are sorted by hash everywhere, so the rows of a shard are a run in every source. The loader goes
// over all sources at once, with one block of each hint in memory, shard by shard and part by part: the
// newest row of each hash wins, deletes that win leave no slot. What wins stands in the index's own table
// (see ShardTable). A hint about which there is any doubt ends the load; it is begun again without it.
// One thread; several loaders work on one index at the same time, each on shards of its own.

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

    init(hash: UInt64, _ location: Location, _ note: LoadNote) {
        (row, byteCount) = (note.number, note.byteCount)
        (self.hash, self.location) = (hash, location)
    }
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

    /// Counts a record that the index now holds; nothing else is one.
    mutating func add(_ location: Location, _ note: LoadNote) {
        guard location.isRecord, !location.isTombstone else { return }
        liveByteCounts[location.segmentOrdinal] &+= UInt64(note.byteCount)
        if location.kind != .chunk { keyCount &+= 1 }
    }

    /// Counts it no more. Sums wrap, for what was added may not be in them yet.
    mutating func subtract(_ location: Location, _ note: LoadNote) {
        guard location.isRecord, !location.isTombstone else { return }
        liveByteCounts[location.segmentOrdinal] &-= UInt64(note.byteCount)
        if location.kind != .chunk { keyCount &-= 1 }
    }
}

struct ShardLoader<S: Storage> {
    let context: LoadContext<S>
    let shards: Range<Int>
    /// One block of each hint.
    let buffer: AlignedBuffer
    /// Where it stands in the buffer, by ordinal.
    let blockPlaces: [Int]
    var cursors: [RowCursor]
    /// Up to which block the disk was asked, by ordinal.
    var askedBlocks: [Int]
    var table: ShardTable
    var outcome: LoadOutcome
    /// A shard is loaded in so many parts, small enough for the processor's cache.
    private let partsPerShard: Int

    init(_ context: LoadContext<S>, shards: Range<Int>) {
        self.context = context
        self.shards = shards
        partsPerShard = Self.partsPerShard(context)
        table = ShardTable(
            context.index,
            partShape: IndexShape(shardCount: context.index.shape.shardCount * partsPerShard))
        outcome = LoadOutcome(
            liveByteCounts: [UInt64](repeating: 0, count: context.sources.count),
            rowCounts: [Int](repeating: 0, count: context.sources.count))
        cursors = context.sources.enumerated().map { ordinal, source in
            RowCursor(ordinal: ordinal, logicalUnits: source.logicalByteCount / 8)
        }
        askedBlocks = [Int](repeating: 0, count: context.sources.count)
        var (places, byteCount) = ([Int](), 0)
        for source in context.sources {
            places.append(byteCount)
            byteCount += source.blockByteCount
        }
        blockPlaces = places
        buffer = AlignedBuffer(byteCount: byteCount)
    }

    /// Their slots in the table and what stands beside them have some 400 KiB.
    private static var rowsPerPart: Int { 8192 }

    private static func partsPerShard(_ context: LoadContext<S>) -> Int {
        let shardCount = context.index.shape.shardCount
        var count = 1
        while context.rowCount / (shardCount * count) > rowsPerPart, shardCount * count < 4096 {
            count *= 2
        }
        return count
    }

    var shape: IndexShape { context.index.shape }

    /// Loads all shards.
    mutating func run() throws(LoadFailure) {
        do throws(LoadFailure) {
            try loadShards()
            try findBlobIDs()
        } catch {
            table.drop()
            throw error
        }
    }

    private mutating func loadShards() throws(LoadFailure) {
        // First what the first shard needs, then the rest of the first step.
        for number in cursors.indices { readAhead(number, upTo: shards.lowerBound + 1) }
        for number in cursors.indices { try begin(number) }
        var asked = shards.lowerBound
        for shard in shards {
            if asked < min(shard + shardsPerStep, shards.upperBound) {
                asked = min(asked + shardsPerStep, shards.upperBound)
                for number in cursors.indices { readAhead(number, upTo: asked) }
            }
            try load(shard)
        }
    }

    /// The disk is asked for so many shards at a time, one step ahead.
    private var shardsPerStep: Int {
        let perShard = context.byteCount / shape.shardCount + 1
        return max(1, context.loadByteCount / perShard)
    }

    // MARK: A shard

    private mutating func load(_ shard: Int) throws(LoadFailure) {
        table.begin(rowCount: expectedRowCount)
        for part in shard * partsPerShard..<(shard + 1) * partsPerShard { try load(part: part) }
        context.progress.add(keyCount: table.publish(as: shard, &outcome))
    }

    /// A shard's share if hashes are spread evenly. A table has room for a fifteenth more before it
    /// grows, which is four standard deviations from 3,600 rows on.
    private var expectedRowCount: Int {
        let share = context.rowCount / shape.shardCount + 1
        return share + max(0, 4 * Int(Double(share).squareRoot()) - share / 15)
    }

    private mutating func load(part: Int) throws(LoadFailure) {
        let starts = cursors
        table.beginPart()
        for number in cursors.indices { try take(number, of: part) }
        if !table.contested.isEmpty { try settle(starts) }
    }

    private mutating func take(_ number: Int, of part: Int) throws(LoadFailure) {
        let start = cursors[number].row
        var isMore = true
        while isMore {
            let isInOrder: Bool
            switch context.sources[number].rows {
            case .hint:
                let buffer = buffer
                isInOrder = table.take(&cursors[number], buffer.bytes, of: part, &outcome)
            case .scanned(let rows):
                let bytes = rows.bytes.rawSpan
                isInOrder = table.take(&cursors[number], bytes, of: part, &outcome)
            }
            guard isInOrder else { throw .doubt(ordinal: number) }
            isMore = cursors[number].isAtEnd ? try readNext(number) : false
        }
        outcome.rowCounts[number] += cursors[number].row - start
    }

    // MARK: Large blobs

    /// Reads which blobs the chunks and composites belong to.
    private mutating func findBlobIDs() throws(LoadFailure) {
        var parts = outcome.largeParts
        parts.sort { ($0.ordinal, $0.row) < ($1.ordinal, $1.row) }
        var buffer = AlignedBuffer(byteCount: 0)
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
                    let byteCount = hint.byteCount(of: block..<block + 1, .blobIDs)
                    if buffer.byteCount < byteCount { buffer = AlignedBuffer(byteCount: byteCount) }
                    guard hint.read(block..<block + 1, of: .blobIDs, into: buffer, at: 0) else {
                        throw .doubt(ordinal: part.ordinal)
                    }
                    loaded = (part.ordinal, block)
                }
                parts[place].blobID = buffer.bytes.loadUInt64(
                    at: (part.row - block * rowsPerBlock) * 8)
            }
        }
        outcome.largeParts = parts
    }
}
