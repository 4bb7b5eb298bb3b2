// IndexShape — the numbers of the index: which bits choose what, and how large tables become.
//
// Pure arithmetic. A table holds 16 slots, then 64, then 256, and doubles from there on when 0.8 of
// its slots are used: 20 to 40 bytes for each key, 26.8 at 10 million keys in 256 shards. Rejected:
// growing by half, with the shards at different stages. It is 25 bytes at any number of keys, but
// the tables are fuller and copied more often; batches inserted a third slower.

/// How an index of so many shards divides hashes among them and sizes their tables.
package struct IndexShape: BitwiseCopyable, Sendable {
    /// A power of two, at most 4096.
    package let shardCount: Int
    private let shardBitCount: UInt64

    static let capacityMinimum = 16
    /// From here on tables double. Smaller ones come from the allocator, which keeps what they
    /// leave behind, so there are few steps below.
    private static let doublingCapacity = 256

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
    package func grownCapacity(from capacity: Int) -> Int {
        if capacity == 0 { return Self.capacityMinimum }
        return capacity < Self.doublingCapacity ? capacity * 4 : capacity * 2
    }

    /// What a full table becomes: the same size if removed keys made it full, otherwise larger.
    package func rebuiltCapacity(of capacity: Int, liveCount: Int) -> Int {
        isLoose(liveCount: liveCount, capacity: capacity)
            ? capacity : grownCapacity(from: capacity)
    }

    /// Whether removals have emptied a table so far that a smaller one is due: less than 0.15 live
    /// and more than 0.25 removed. Each such rebuild is paid by as many removals as it copies.
    package func isWasteful(liveCount: Int, usedCount: Int, capacity: Int) -> Bool {
        liveCount * 20 < capacity * 3 && (usedCount - liveCount) * 4 > capacity
            && capacity > Self.capacityMinimum
    }

    /// The first capacity of the sequence that so many keys fill to 0.6 at most.
    package func tidyCapacity(liveCount: Int) -> Int {
        var capacity = Self.capacityMinimum
        while !isLoose(liveCount: liveCount, capacity: capacity) {
            capacity = grownCapacity(from: capacity)
        }
        return capacity
    }

    private func isLoose(liveCount: Int, capacity: Int) -> Bool {
        capacity > 0 && liveCount * 5 <= capacity * 3
    }
}
