// Index+Load — whole shards at once, while a store is opened.
//
// A shard gets a table for exactly its keys, a third larger than their number, so that a loaded index
// takes the least memory. Threads may load different shards at the same time; nobody reads yet.

extension Index {
    /// A shard's new table, while it is filled.
    struct ShardFiller {
        private let shape: IndexShape
        private let table: RawTable
        fileprivate private(set) var count = 0

        fileprivate init(_ table: RawTable, _ shape: IndexShape) {
            self.table = table
            self.shape = shape
        }

        /// Adds a hash that was not added before.
        @inline(__always)
        mutating func insert(_ hash: UInt64, _ location: Location) {
            let start = table.position(ofBits: shape.bits(of: hash))
            table.insert(hash, location, at: table.find(hash, from: start).position)
            count += 1
        }
    }

    /// Replaces all that the shard holds by what `fill` inserts, at most `keyCount` keys.
    @inline(__always)
    func load(_ shard: Int, keyCount: Int, fill: (inout ShardFiller) -> Void) {
        let old = table(shard)
        if keyCount > 0 {
            let table = memory.allocate(
                capacity: max(IndexShape.capacityMinimum, keyCount * 4 / 3 + 1))
            var filler = ShardFiller(table, shape)
            fill(&filler)
            precondition(filler.count <= keyCount, "a shard is loaded with the keys announced")
            note(filler.count, limit: shape.usedCountMaximum(capacity: table.capacity), of: shard)
            tables.publish(table.word, at: shard)
        } else {
            note(0, limit: 0, of: shard)
            tables.publish(0, at: shard)
        }
        guard let old else { return }
        readers.retire { [memory] in memory.free(old) }
    }

    private func note(_ keyCount: Int, limit: Int, of shard: Int) {
        setCount(.live, of: shard, to: keyCount)
        setCount(.used, of: shard, to: keyCount)
        setCount(.limit, of: shard, to: limit)
    }
}
