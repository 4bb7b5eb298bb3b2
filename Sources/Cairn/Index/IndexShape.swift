// IndexShape — the numbers of the index: which bits choose what, and how large tables become.
//
// Pure arithmetic. Small tables double; a table that reaches 1024 slots takes a capacity between
// 1024 and 1536 that depends on its shard, and grows by half from there on. So the tables of one
// index stand at all stages between 0.53 and 0.8 at any time: memory and pauses are spread evenly
// over time, at 1.54 x 16 bytes for each key on average. Growing all by two at once was rejected:
// 20 to 40 bytes for each key, in turns.

/// How an index of so many shards divides hashes among them and sizes their tables.
package struct IndexShape: BitwiseCopyable, Sendable {
    /// A power of two, at most 4096.
    package let shardCount: Int
    private let shardBitCount: UInt64

    static let capacityMinimum = 16
    private static let staggeredCapacity = 1024

    /// Traps unless `shardCount` is a power of two up to 4096.
    package init(shardCount: Int) {
        precondition(
            shardCount > 0 && shardCount <= 4096 && shardCount & (shardCount - 1) == 0,
            "the number of shards is a power of two up to 4096")
        self.shardCount = shardCount
        shardBitCount = UInt64(shardCount.trailingZeroBitCount)
    }

    /// The shard of a hash, by its first bits.
    package func shard(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash &>> 1) &>> (63 &- shardBitCount))
    }

    /// The other bits of a hash, from the top of the word down.
    package func bits(of hash: UInt64) -> UInt64 { hash &<< shardBitCount }

    /// The most used slots of a table: 0.8 of it, and always one slot less than all.
    package func usedCountMaximum(capacity: Int) -> Int { capacity &* 4 / 5 }

    /// A shard's share of so many keys with room for the spread between shards, at load 0.75.
    package func capacity(expecting keyCount: Int) -> Int {
        guard keyCount > 0 else { return 0 }
        let share = keyCount / shardCount + 1
        let spread = 4 * Int(Double(share).squareRoot())
        return (share + spread) * 4 / 3
    }

    /// The capacity that follows a full table's, zero for no table yet.
    package func grownCapacity(from capacity: Int, shard: Int) -> Int {
        if capacity == 0 { return Self.capacityMinimum }
        if capacity >= Self.staggeredCapacity { return capacity + capacity / 2 }
        if capacity * 2 < Self.staggeredCapacity { return capacity * 2 }
        return Self.staggeredCapacity + Self.staggeredCapacity / 2 * shard / shardCount
    }

    /// What a full table becomes: the same size if removed keys made it full, otherwise larger.
    package func rebuiltCapacity(of capacity: Int, liveCount: Int, shard: Int) -> Int {
        liveCount * 5 <= capacity * 3 && capacity > 0
            ? capacity : grownCapacity(from: capacity, shard: shard)
    }

    /// Whether removals have emptied a table so far that a smaller one is due: less than 0.15 live
    /// and more than 0.25 removed. Each such rebuild is paid by as many removals as it copies.
    package func isWasteful(liveCount: Int, usedCount: Int, capacity: Int) -> Bool {
        liveCount * 20 < capacity * 3 && (usedCount - liveCount) * 4 > capacity
            && capacity > Self.capacityMinimum
    }

    /// The capacity that holds so many keys at load 0.6.
    package func tidyCapacity(liveCount: Int) -> Int {
        max(Self.capacityMinimum, liveCount * 5 / 3 + 1)
    }
}
