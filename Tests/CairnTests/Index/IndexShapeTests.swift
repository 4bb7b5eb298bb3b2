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

    @Test("tables keep between 0.53 and 0.8 of their slots in use once they are large")
    func growth() {
        let shape = IndexShape(shardCount: 256)
        for shard in [0, 1, 100, 255] {
            var capacity = 0
            while capacity < 1 << 24 {
                let grown = shape.grownCapacity(from: capacity, shard: shard)
                #expect(grown > capacity)
                if capacity >= 1024 {
                    let load = Double(shape.usedCountMaximum(capacity: capacity)) / Double(grown)
                    #expect(load > 0.53 && load < 0.54)
                }
                capacity = grown
            }
        }
    }

    @Test("the tables of an index are spread over a whole step of growth")
    func stagger() {
        let shape = IndexShape(shardCount: 256)
        let first = (0..<256).map { shape.grownCapacity(from: 512, shard: $0) }
        #expect(first == first.sorted())
        #expect(first[0] == 1024 && first[255] == 1534)
    }

    @Test("a table that removed keys made full keeps its size, another grows")
    func rebuilt() {
        let shape = IndexShape(shardCount: 4)
        #expect(shape.rebuiltCapacity(of: 1000, liveCount: 600, shard: 0) == 1000)
        #expect(shape.rebuiltCapacity(of: 2000, liveCount: 1201, shard: 0) == 3000)
        #expect(shape.rebuiltCapacity(of: 0, liveCount: 0, shard: 3) == 16)
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
