// Index — finds the newest record of a key by the key's 64-bit hash. Keys live on disk only.
//
// The first bits of a hash choose a shard, the rest a position in the shard's table (see RawTable):
// open addressing, linear probing. One writer at a time; while loading, one for each shard. Readers
// take no lock: they load the shard's table, then slots, inside a `Readers` section, and see for
// each key a location that was current at some moment of the call. A table is rebuilt when 0.8 of
// its slots are used: removed keys are dropped, it doubles if that is not enough, and the old table
// is retired. Memory: IndexShape. Spec: Engine.md, "Index".
//
// Measured at 10 million keys in 256 shards on two cores that others kept busy, best of some runs:
// 9.2 million insertions a second in batches of 32, 6.6 one by one, 13.5 in batches when the number
// is expected; 11.0 million lookups, 16.5 prefetched. Only rebuilds allocate or count references.

import Synchronization

/// From hash to location: one writer, readers without locks.
package final class Index: Sendable {
    /// One assignment of a batch.
    package struct Change: BitwiseCopyable, Sendable {
        package var hash: UInt64
        package var location: Location

        package init(hash: UInt64, location: Location) {
            self.hash = hash
            self.location = location
        }
    }

    /// What old tables are retired through; readers enter it before they look anything up.
    package let readers: Readers

    let shape: IndexShape
    let memory = TableMemory()
    /// The word of each shard's table, zero before its first key.
    let tables: AtomicWords
    /// Four words for each shard, see `Count`. Written by the shard's writer.
    let counts: AtomicWords
    let expectedCapacity = Atomic<Int>(0)

    enum Count: Int {
        /// Keys.
        case live = 0
        /// Slots that are not empty.
        case used = 1
        /// The most slots that may be used in the present table.
        case limit = 2
    }

    /// An index of `shardCount` shards, a power of two up to 4096. No table is made before its
    /// first key comes; `expectedKeyCount` sizes it then.
    package init(
        shardCount: Int = 256, expectedKeyCount: Int = 0, readers: Readers = Readers()
    ) {
        self.readers = readers
        shape = IndexShape(shardCount: shardCount)
        tables = AtomicWords(count: shardCount)
        counts = AtomicWords(count: shardCount * 4)
        reserve(keyCount: expectedKeyCount)
    }

    deinit {
        for shard in 0..<shape.shardCount {
            if let table = table(shard) { memory.free(table) }
        }
    }

    // MARK: Readers

    /// The location of the hash, `.empty` if there is none. Lock-free; inside a reader's section,
    /// or in the writer.
    package func location(of hash: UInt64) -> Location {
        guard let table = table(shape.shard(of: hash)) else { return .empty }
        let location = table.find(hash, from: table.position(ofBits: shape.bits(of: hash))).location
        return location == .deleted ? .empty : location
    }

    /// Brings the hash's first slot into the processor's cache. Lock-free, and needs no reader's
    /// section: it touches no table, and an address that is none any more does no harm.
    /// Worth it for 16 to 32 hashes ahead of looking them up or setting them.
    package func prefetch(_ hash: UInt64) {
        guard let table = table(shape.shard(of: hash)) else { return }
        table.prefetch(table.position(ofBits: shape.bits(of: hash)))
    }

    /// How many keys there are. From any thread.
    package var count: Int {
        (0..<shape.shardCount).reduce(0) { $0 + self.count(.live, of: $1) }
    }

    /// Bytes of all tables, retired ones included, and of what leads to them. From any thread.
    package var memoryByteCount: Int { memory.byteCount + tables.byteCount + counts.byteCount }

    /// The most that `memoryByteCount` ever was.
    package var memoryByteCountMaximum: Int {
        memory.byteCountMaximum + tables.byteCount + counts.byteCount
    }

    // MARK: The writer

    /// Inserts or replaces; returns the old location, `.empty` if there was none.
    @discardableResult
    package func set(_ hash: UInt64, to location: Location) -> Location {
        set(probe(hash), to: location)
    }

    /// Where a hash stands, or would be put. Good until the writer next changes anything.
    package struct Probe: BitwiseCopyable {
        fileprivate let hash: UInt64
        fileprivate let shard: Int
        fileprivate let table: RawTable?
        fileprivate let position: Int
        /// What the slot holds.
        fileprivate let slot: Location

        /// What `location(of:)` would say.
        package var location: Location { slot == .deleted ? .empty : slot }
    }

    /// Looks a hash up that will be set next, so that it is searched once. The writer calls it.
    package func probe(_ hash: UInt64) -> Probe {
        let shard = shape.shard(of: hash)
        guard let table = table(shard) else {
            return Probe(hash: hash, shard: shard, table: nil, position: 0, slot: .empty)
        }
        let found = table.find(hash, from: table.position(ofBits: shape.bits(of: hash)))
        return Probe(
            hash: hash, shard: shard, table: table, position: found.position,
            slot: found.location)
    }

    /// Inserts or replaces what was probed; returns the old location, `.empty` if there was none.
    @discardableResult
    package func set(_ probe: Probe, to location: Location) -> Location {
        precondition(location.rawValue > Location.deleted.rawValue, "a key has a location")
        let shard = probe.shard
        guard let table = probe.table else { return setAfterGrowing(probe, to: location) }
        if probe.slot != .empty {
            table.update(location, at: probe.position)
            if probe.slot != .deleted { return probe.slot }
            add(1, to: .live, of: shard)
            return .empty
        }
        let usedCount = count(.used, of: shard)
        guard usedCount < count(.limit, of: shard) else {
            return setAfterGrowing(probe, to: location)
        }
        table.insert(probe.hash, location, at: probe.position)
        setCount(.used, of: shard, to: usedCount &+ 1)
        add(1, to: .live, of: shard)
        return .empty
    }

    private func setAfterGrowing(_ probe: Probe, to location: Location) -> Location {
        makeRoom(in: probe.shard)
        return set(self.probe(probe.hash), to: location)
    }

    /// Sets all of a batch, in order; leaves in each change the location that it replaced. About
    /// twice as fast as single calls, because the slots are fetched together.
    package func setBatch(_ changes: inout MutableSpan<Change>) {
        var start = 0
        while start < changes.count {
            let end = min(start + 32, changes.count)
            for index in start..<end { prefetch(changes[index].hash) }
            for index in start..<end {
                let change = changes[index]
                changes[index].location = set(change.hash, to: change.location)
            }
            start = end
        }
    }

    /// Removes the hash; returns its location, `.empty` if there was none.
    @discardableResult
    package func remove(_ hash: UInt64) -> Location {
        guard let slot = slot(of: hash) else { return .empty }
        remove(slot)
        return slot.location
    }

    /// Removes the hash if its location is the expected one. True if it did.
    @discardableResult
    package func remove(_ hash: UInt64, expecting expected: Location) -> Bool {
        guard let slot = slot(of: hash), slot.location == expected else { return false }
        remove(slot)
        return true
    }

    /// Changes the location if it is the expected one. True if it did.
    @discardableResult
    package func replace(
        _ hash: UInt64, expecting expected: Location, with location: Location
    ) -> Bool {
        precondition(location.rawValue > Location.deleted.rawValue, "a key has a location")
        guard let slot = slot(of: hash), slot.location == expected else { return false }
        slot.table.update(location, at: slot.position)
        return true
    }

    /// Makes tables for so many keys in all. Cheap: each shard takes its share when it next grows.
    package func reserve(keyCount: Int) {
        expectedCapacity.store(shape.capacity(expecting: keyCount), ordering: .relaxed)
    }

    // MARK: Sweeps

    /// Visits every key, in no order. Inside a reader's section, or in the writer; keys that the
    /// writer sets or removes meanwhile may be visited or not.
    package func forEach(_ body: (_ hash: UInt64, _ location: Location) -> Void) {
        for shard in 0..<shape.shardCount {
            guard let table = table(shard) else { continue }
            for position in 0..<table.capacity {
                let location = table.location(at: position)
                if location.rawValue > Location.deleted.rawValue {
                    body(table.hash(at: position), location)
                }
            }
        }
    }

    /// Removes every key that the condition holds for, and gives back what memory that frees.
    /// Returns how many. The writer calls it.
    @discardableResult
    package func removeAll(
        where condition: (_ hash: UInt64, _ location: Location) -> Bool
    ) -> Int {
        (0..<shape.shardCount).reduce(0) { $0 + removeAll(in: $1, where: condition) }
    }

    private func removeAll(
        in shard: Int, where condition: (_ hash: UInt64, _ location: Location) -> Bool
    ) -> Int {
        guard let table = table(shard) else { return 0 }
        var removedCount = 0
        for position in 0..<table.capacity {
            let location = table.location(at: position)
            if location.rawValue > Location.deleted.rawValue,
                condition(table.hash(at: position), location)
            {
                table.update(.deleted, at: position)
                removedCount += 1
            }
        }
        add(-removedCount, to: .live, of: shard)
        if removedCount > 0 { tidy(shard) }
        return removedCount
    }

    /// The first key at or behind the place of these bits in its shard for which the condition holds; with
    /// random bits each of them is as likely as any other, nearly. Inside a reader's section.
    package func key(
        near bits: UInt64, where condition: (_ hash: UInt64, _ location: Location) -> Bool
    ) -> (hash: UInt64, location: Location)? {
        guard let table = table(shape.shard(of: bits)) else { return nil }
        let start = table.position(ofBits: shape.bits(of: bits))
        for step in 0..<table.capacity {
            let position = (start + step) % table.capacity
            let location = table.location(at: position)
            guard location.rawValue > Location.deleted.rawValue else { continue }
            let hash = table.hash(at: position)
            if condition(hash, location) { return (hash, location) }
        }
        return nil
    }

    // MARK: Slots

    /// A filled slot whose key is there.
    private struct Slot {
        let shard: Int
        let table: RawTable
        let position: Int
        let location: Location
    }

    private func slot(of hash: UInt64) -> Slot? {
        let shard = shape.shard(of: hash)
        guard let table = table(shard) else { return nil }
        let start = table.position(ofBits: shape.bits(of: hash))
        let (position, location) = table.find(hash, from: start)
        if location == .empty || location == .deleted { return nil }
        return Slot(shard: shard, table: table, position: position, location: location)
    }

    private func remove(_ slot: Slot) {
        slot.table.update(.deleted, at: slot.position)
        add(-1, to: .live, of: slot.shard)
        if shape.isWasteful(
            liveCount: count(.live, of: slot.shard), usedCount: count(.used, of: slot.shard),
            capacity: slot.table.capacity)
        {
            tidy(slot.shard)
        }
    }

    func table(_ shard: Int) -> RawTable? { RawTable(word: tables.load(shard)) }

    func count(_ count: Count, of shard: Int) -> Int {
        Int(truncatingIfNeeded: counts.loadRelaxed(shard &* 4 &+ count.rawValue))
    }

    func setCount(_ count: Count, of shard: Int, to value: Int) {
        counts.storeRelaxed(
            UInt64(truncatingIfNeeded: value), at: shard &* 4 &+ count.rawValue)
    }

    private func add(_ amount: Int, to count: Count, of shard: Int) {
        setCount(count, of: shard, to: self.count(count, of: shard) &+ amount)
    }
}
