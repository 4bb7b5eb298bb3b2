// IndexShapeTests — the arithmetic of shards and capacities.

import Cairn
import Testing

@Suite("Index shape") struct IndexShapeTests {
    @Test("a hash's shard comes from its first bits, for any number of shards", arguments: 0...12)
    func shards(bitCount: Int) {
        let shape = IndexShape(shardCount: 1 << bitCount)
        #expect(shape.shard(of: 0) == 0)
        #expect(shape.shard(of: .max) == (1 << bitCount) - 1)
        #expect(shape.shard(of: 1 << 63) == (1 << bitCount) / 2)
        #expect(shape.bits(of: .max) == .max << UInt64(bitCount))
    }

    @Test("tables double, in few steps while they are small")
    func growth() {
        let shape = IndexShape(shardCount: 256)
        var capacities = [shape.grownCapacity(from: 0)]
        while capacities.count < 8 {
            capacities.append(shape.grownCapacity(from: capacities[capacities.count - 1]))
        }
        #expect(capacities == [16, 64, 256, 512, 1024, 2048, 4096, 8192])
    }

    @Test("10 million keys take at most 27 bytes each, and never more than 40 in large tables")
    func bytesPerKey() {
        let shape = IndexShape(shardCount: 256)
        for keyCount in [100_000, 300_000, 6_710_000, 6_720_000, 10_000_000, 60_000_000] {
            var capacity = 16
            while shape.usedCountMaximum(capacity: capacity) * 256 < keyCount {
                capacity = shape.grownCapacity(from: capacity)
            }
            let byteCount = Double(capacity * 256 * 16) / Double(keyCount)
            #expect(byteCount <= (keyCount == 10_000_000 ? 27 : 40.01))
        }
    }

    @Test("a table that removed keys made full keeps its size, another grows")
    func rebuilt() {
        let shape = IndexShape(shardCount: 4)
        #expect(shape.rebuiltCapacity(of: 1000, liveCount: 600) == 1000)
        #expect(shape.rebuiltCapacity(of: 2000, liveCount: 1201) == 4000)
        #expect(shape.rebuiltCapacity(of: 0, liveCount: 0) == 16)
    }

    @Test("a smaller table still has room, and is not at once due for another rebuild")
    func tidy() {
        let shape = IndexShape(shardCount: 4)
        for liveCount in [0, 1, 9, 10, 1000, 40_000] {
            let capacity = shape.tidyCapacity(liveCount: liveCount)
            #expect(shape.usedCountMaximum(capacity: capacity) > liveCount)
            #expect(
                !shape.isWasteful(liveCount: liveCount, usedCount: liveCount, capacity: capacity))
        }
    }

    @Test("an expected number of keys gets at most 22 bytes each and room to spare")
    func expected() {
        let shape = IndexShape(shardCount: 256)
        let capacity = shape.capacity(expecting: 10_000_000)
        #expect(shape.usedCountMaximum(capacity: capacity) > 10_000_000 / 256)
        #expect(Double(capacity * 256 * 16) / 10_000_000 < 22)
        #expect(shape.capacity(expecting: 0) == 0)
    }
}
