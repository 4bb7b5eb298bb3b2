// ShardTable — the newest row of each hash of a part of a shard, while the shard is loaded.
//
// Open addressing in the order of the hashes, as in the index: rows come sorted from every segment,
// so the table is walked nearly in sequence. Tombstones are in it like everything else, so that the
// order of segments does not matter. Reused from part to part, which are
// told apart like shards, by the first bits of the hash. One thread.

internal import CairnSystem

struct ShardTable {
    let shape: IndexShape
    private var slots: [LoadRow] = []
    private var capacity = 0
    /// Hashes of several rows of which the newest may not be the only one that counts.
    private(set) var contested: [UInt64] = []

    init(_ shape: IndexShape) { self.shape = shape }

    /// Empties the table and makes room for so many rows.
    mutating func reset(rowCount: Int) {
        capacity = rowCount + rowCount / 2 + 8
        contested.removeAll(keepingCapacity: true)
        if slots.count < capacity {
            slots = [LoadRow](repeating: .none, count: capacity)
        } else {
            Self.clear(&slots, capacity)
        }
    }

    private static func clear(_ slots: inout [LoadRow], _ capacity: Int) {
        var slots = slots.mutableSpan
        for place in 0..<capacity { slots[place] = .none }
    }

    /// Takes up the rows of `part`; false when a row is impossible or out of order.
    mutating func take(
        _ cursor: inout RowCursor, _ bytes: RawSpan, of part: Int
    ) -> Bool {
        Self.take(
            &cursor, bytes, of: part, shape, into: &slots, UInt64(truncatingIfNeeded: capacity),
            &contested)
    }

    private static func take(
        _ cursor: inout RowCursor, _ bytes: RawSpan, of part: Int, _ shape: IndexShape,
        into table: inout [LoadRow], _ capacity: UInt64, _ contested: inout [UInt64]
    ) -> Bool {
        var slots = table.mutableSpan
        while !cursor.isAtEnd {
            let rowPart = shape.shard(of: cursor.hash(bytes))
            if rowPart != part { return rowPart > part }
            guard let row = cursor.next(bytes) else { return false }
            let product = shape.bits(of: row.hash).multipliedFullWidth(by: capacity)
            var place = Int(truncatingIfNeeded: product.high)
            while slots[place].location != .empty, slots[place].hash != row.hash {
                place &+= 1
                if place == Int(truncatingIfNeeded: capacity) { place = 0 }
            }
            if slots[place].location == .empty {
                slots[place] = row
            } else {
                if row.sequence > slots[place].sequence { slots[place] = row }
                if slots[place].sharesHash { contested.append(row.hash) }
            }
            cursor.advance()
        }
        return true
    }

    /// Replaces what a hash has: a row, or a special location.
    mutating func replace(_ hash: UInt64, _ row: LoadRow) {
        let product = shape.bits(of: hash).multipliedFullWidth(by: UInt64(capacity))
        var place = Int(truncatingIfNeeded: product.high)
        while slots[place].location == .empty || slots[place].hash != hash {
            place = place + 1 == capacity ? 0 : place + 1
        }
        slots[place] = row
    }

    /// Calls `body` with every row that is no tombstone, nearly in the order of hashes.
    @inline(__always)
    func forEachLive(_ body: (LoadRow) -> Void) {
        let slots = slots.span
        for place in 0..<capacity {
            let row = slots[place]
            if row.location != .empty && !row.isTombstone { body(row) }
        }
    }
}
