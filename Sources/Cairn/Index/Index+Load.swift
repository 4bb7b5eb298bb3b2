// Index+Load — whole shards at once, while a store is opened.
//
// Whoever loads a shard fills a table of its own and publishes it when it is complete. Threads may load
// different shards at the same time; nobody reads yet.

extension Index {
    /// A table for so many keys and a third more slots. It is published or dropped.
    func makeTable(keyCount: Int) -> RawTable {
        memory.allocate(capacity: Self.loadedCapacity(keyCount: keyCount))
    }

    /// The capacity of a table that is made for so many keys.
    static func loadedCapacity(keyCount: Int) -> Int {
        RawTable.capacity(holding: max(IndexShape.capacityMinimum, keyCount * 4 / 3 + 1))
    }

    /// Frees a table that was not published.
    func drop(_ table: RawTable) { memory.free(table) }

    /// Replaces all that the shard holds by a table, in which exactly so many slots are filled, each
    /// with a key that is there.
    func publish(_ table: RawTable, keyCount: Int, of shard: Int) {
        let limit = shape.usedCountMaximum(capacity: table.capacity)
        precondition(keyCount <= limit, "a loaded table has empty slots")
        let old = self.table(shard)
        setCount(.live, of: shard, to: keyCount)
        setCount(.used, of: shard, to: keyCount)
        setCount(.limit, of: shard, to: limit)
        tables.publish(table.word, at: shard)
        retire(old)
    }

    /// Leaves the shard without a key.
    func publishNothing(of shard: Int) {
        let old = table(shard)
        for count in [Count.live, .used, .limit] { setCount(count, of: shard, to: 0) }
        tables.publish(0, at: shard)
        retire(old)
    }

    private func retire(_ table: RawTable?) {
        guard let table else { return }
        readers.retire { [memory] in memory.free(table) }
    }
}
