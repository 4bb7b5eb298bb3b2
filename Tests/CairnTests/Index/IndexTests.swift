// IndexTests — the index against a dictionary, and each promise of its head comment alone.

import Cairn
import CairnTestSupport
import Testing

/// A location that tells which number it was made from.
func numbered(_ number: Int) -> Location {
    Location(
        segmentOrdinal: number & 0xFFFFF, offset: 4096 + UInt64(number >> 20) * 8,
        recordByteCount: 64, kind: .put)
}

@Suite("Index") struct IndexTests {
    /// An index and the dictionary that says what it should hold.
    private struct Pair {
        let index: Index
        var model: [UInt64: Location] = [:]
        var next = 0

        mutating func step(_ random: inout TestRandom, hash: UInt64) {
            let old = model[hash] ?? .empty
            switch random.below(10) {
            case 0...4:
                #expect(index.set(hash, to: newLocation()) == old)
                model[hash] = numbered(next)
            case 5...7:
                #expect(index.remove(hash) == old)
                model[hash] = nil
            case 8:
                replace(hash, expecting: random.coin() ? old : numbered(next + 7), old: old)
            default:
                let removed = index.remove(hash, expecting: old)
                #expect(removed == (old != .empty))
                model[hash] = nil
            }
            #expect(index.location(of: hash) == model[hash] ?? .empty)
        }

        private mutating func replace(_ hash: UInt64, expecting: Location, old: Location) {
            let isReplaced = index.replace(hash, expecting: expecting, with: newLocation())
            #expect(isReplaced == (old != .empty && expecting == old))
            if isReplaced { model[hash] = numbered(next) }
        }

        private mutating func newLocation() -> Location {
            next += 1
            return numbered(next)
        }

        func check() {
            #expect(index.count == model.count)
            for (hash, location) in model where index.location(of: hash) != location {
                Issue.record("hash \(hash) is not at \(location)")
            }
            var visited: [UInt64: Location] = [:]
            index.forEach { hash, location in
                #expect(visited.updateValue(location, forKey: hash) == nil, "visited twice")
            }
            #expect(visited == model)
        }
    }

    @Test(
        "random operations leave what a dictionary holds",
        arguments: [(1, 40), (4, 300), (4, 5000), (256, 5000)])
    func model(shardCount: Int, keyCount: Int) {
        var random = TestRandom.reported("random operations leave what a dictionary holds")
        var pair = Pair(index: Index(shardCount: shardCount, expectedKeyCount: 0))
        for round in 0..<20 {
            for _ in 0..<2000 {
                let number = random.below(keyCount) + round * keyCount / 10
                pair.step(&random, hash: TestRandom.mix(UInt64(number)))
            }
            pair.check()
        }
    }

    @Test("hashes that all start at one position are told apart, the hash zero too")
    func colliding() {
        var random = TestRandom.reported("hashes that all start at one position are told apart")
        var pair = Pair(index: Index(shardCount: 4, expectedKeyCount: 0))
        for _ in 0..<4000 { pair.step(&random, hash: random.below(UInt64(80))) }
        for _ in 0..<4000 { pair.step(&random, hash: UInt64.max - random.below(UInt64(80))) }
        pair.check()
    }

    @Test("every hash is legal: zero, all ones, and the special locations' numbers")
    func anyHash() {
        let index = Index(shardCount: 1, expectedKeyCount: 0)
        let hashes: [UInt64] = [0, 1, 2, .max, .max - 1, 1 << 63, 1 << 55]
        for hash in hashes { #expect(index.location(of: hash) == .empty) }
        for (number, hash) in hashes.enumerated() { index.set(hash, to: numbered(number)) }
        for (number, hash) in hashes.enumerated() {
            #expect(index.location(of: hash) == numbered(number))
        }
        #expect(index.count == hashes.count)
    }

    @Test("all keys are there after every table has grown many times")
    func growth() {
        let index = Index(shardCount: 16, expectedKeyCount: 0)
        for number in 0..<300_000 {
            index.set(TestRandom.mix(UInt64(number)), to: numbered(number))
        }
        var missingCount = 0
        for number in 0..<300_000
        where index.location(of: TestRandom.mix(UInt64(number))) != numbered(number) {
            missingCount += 1
        }
        #expect(missingCount == 0)
        #expect(index.count == 300_000)
        #expect(index.location(of: TestRandom.mix(1 << 40)) == .empty)
    }

    @Test("memory never passes 42 bytes for each key while it grows, with no reader inside")
    func memory() {
        let index = Index(shardCount: 256, expectedKeyCount: 0)
        var worst = 0.0
        for number in 1...450_000 {
            index.set(TestRandom.mix(UInt64(number)), to: numbered(number))
            if number >= 100_000 && number % 1000 == 0 {
                worst = max(worst, Double(index.memoryByteCount) / Double(number))
            }
        }
        #expect(worst <= 42, "worst: \(worst) bytes for each key")
        // An old table goes as soon as the new one is there: no two shards hold two at a time.
        #expect(index.memoryByteCountMaximum - index.memoryByteCount <= 64 << 10)
        #expect(index.readers.pendingCount == 0)
    }

    @Test("churn at a constant number of keys does not grow the memory")
    func deletedSlotsAreCleared() {
        let index = Index(shardCount: 4, expectedKeyCount: 0)
        for number in 0..<10_000 { index.set(TestRandom.mix(UInt64(number)), to: numbered(number)) }
        let byteCount = index.memoryByteCount
        for number in 0..<300_000 {
            index.set(TestRandom.mix(UInt64(number + 10_000)), to: numbered(number))
            #expect(index.remove(TestRandom.mix(UInt64(number))) != .empty)
        }
        #expect(index.count == 10_000)
        #expect(index.memoryByteCount <= byteCount * 2)
    }

    @Test("removing almost everything gives the memory back")
    func shrinking() {
        let index = Index(shardCount: 4, expectedKeyCount: 0)
        for number in 0..<200_000 {
            index.set(TestRandom.mix(UInt64(number)), to: numbered(number))
        }
        let byteCount = index.memoryByteCount
        for number in 1000..<200_000 { index.remove(TestRandom.mix(UInt64(number))) }
        #expect(index.memoryByteCount < byteCount / 16)
        for number in 0..<1000 {
            #expect(index.location(of: TestRandom.mix(UInt64(number))) == numbered(number))
        }
    }

    @Test("a key that comes back takes its old slot")
    func revivedSlot() {
        let index = Index(shardCount: 1, expectedKeyCount: 0)
        for number in 0..<10_000 {
            #expect(index.set(5, to: numbered(number)) == .empty)
            #expect(index.remove(5) == numbered(number))
            #expect(index.remove(5) == .empty)
        }
        #expect(index.memoryByteCountMaximum == index.memoryByteCount)
    }

    @Test("a batch does what single calls do and leaves the replaced locations")
    func batch() {
        var random = TestRandom.reported("a batch does what single calls do")
        let batched = Index(shardCount: 4, expectedKeyCount: 0)
        let single = Index(shardCount: 4, expectedKeyCount: 0)
        for round in 0..<50 {
            var changes = (0..<random.below(200)).map { number in
                Index.Change(
                    hash: TestRandom.mix(random.below(UInt64(2000))),
                    location: numbered(round * 1000 + number))
            }
            let replaced = changes.map { single.set($0.hash, to: $0.location) }
            var span = changes.mutableSpan
            batched.setBatch(&span)
            #expect(changes.map(\.location) == replaced)
        }
        single.forEach { hash, location in #expect(batched.location(of: hash) == location) }
        #expect(batched.count == single.count)
    }

    @Test("a sweep takes out what it is asked to and nothing else, and frees the memory")
    func sweep() {
        let index = Index(shardCount: 4, expectedKeyCount: 0)
        for number in 0..<50_000 {
            let location = Location(
                segmentOrdinal: number, offset: 4096, recordByteCount: 64,
                kind: number % 10 == 0 ? .put : .tombstone)
            index.set(TestRandom.mix(UInt64(number)), to: location)
        }
        let byteCount = index.memoryByteCount
        #expect(index.removeAll { _, location in location.kind == .tombstone } == 45_000)
        #expect(index.count == 5000)
        #expect(index.memoryByteCount < byteCount / 4)
        for number in 0..<50_000 {
            let isThere = index.location(of: TestRandom.mix(UInt64(number))) != .empty
            #expect(isThere == (number % 10 == 0))
        }
    }

    @Test("an index made for a number of keys holds them without growing")
    func reserved() {
        let index = Index(shardCount: 16, expectedKeyCount: 100_000)
        #expect(index.memoryByteCount < 10_000)
        for number in 0..<100_000 {
            index.set(TestRandom.mix(UInt64(number)), to: numbered(number))
        }
        #expect(index.memoryByteCount == index.memoryByteCountMaximum)
        #expect(index.memoryByteCount < 2_400_000)
    }

    @Test("the overflow mark is kept and returned like a location")
    func overflow() {
        let index = Index(shardCount: 1, expectedKeyCount: 0)
        index.set(9, to: numbered(1))
        #expect(index.set(9, to: .overflow) == numbered(1))
        for number in 0..<1000 { index.set(TestRandom.mix(UInt64(number)), to: numbered(number)) }
        #expect(index.location(of: 9) == .overflow)
        #expect(index.count == 1001)
        index.prefetch(9)
        index.prefetch(.max)
        #expect(index.replace(9, expecting: .overflow, with: numbered(2)))
        #expect(index.location(of: 9) == numbered(2))
    }

    @Test("an old table stays until the readers who may see it have left")
    func retiredTable() {
        let index = Index(shardCount: 1, expectedKeyCount: 0)
        index.set(1, to: numbered(1))
        let before = index.memoryByteCount
        let token = index.readers.enter()
        for number in 0..<12 { index.set(TestRandom.mix(UInt64(number)), to: numbered(number)) }
        #expect(index.readers.pendingCount == 1)
        #expect(index.memoryByteCount == before + 64 * 16)
        index.readers.leave(token)
        index.readers.reclaim()
        #expect(index.memoryByteCount == before + 48 * 16)
    }
}
