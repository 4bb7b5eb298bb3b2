// IndexStressTests — lock-free readers against a writer that inserts, removes and rebuilds.
//
// Stable keys are always there; the writer moves them to ever newer places. Passing keys come and
// go in waves, so that tables grow, are cleared and shrink under the readers. Run with
// --sanitize=thread as well.

import Cairn
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

/// What the threads of one run share.
private final class Arena: Sendable {
    static let stableCount = 512
    static let passingCount = 30_000

    let index: Index
    let isStopped = Atomic<Bool>(false)
    let wrongCount = Atomic<Int>(0)
    let readCount = Atomic<Int>(0)

    init(shardCount: Int) { index = Index(shardCount: shardCount, expectedKeyCount: 0) }

    static func stableHash(_ key: Int) -> UInt64 { TestRandom.mix(UInt64(key)) }
    static func passingHash(_ key: Int) -> UInt64 { TestRandom.mix(UInt64(key) | 1 << 40) }

    /// The place of a stable key's version tells both.
    static func place(ofStable key: Int, version: Int) -> Location {
        Location(
            segmentOrdinal: version, offset: 4096 + UInt64(key) * 8, recordByteCount: 64,
            kind: .put)
    }

    static func place(ofPassing key: Int) -> Location {
        Location(
            segmentOrdinal: key, offset: 1 << 30, recordByteCount: 128, kind: .chunk)
    }

    func expect(_ condition: Bool) {
        if !condition { wrongCount.add(1, ordering: .relaxed) }
    }
}

/// One reader: never misses a stable key, never sees an older place after a newer one.
private struct StressReader {
    let arena: Arena
    var random: TestRandom
    var versions = [Int](repeating: 0, count: Arena.stableCount)

    mutating func run() {
        while !arena.isStopped.load(ordering: .relaxed) {
            let token = arena.index.readers.enter()
            for _ in 0..<8 {
                readStable(random.below(Arena.stableCount))
                readPassing(random.below(Arena.passingCount))
            }
            arena.index.readers.leave(token)
            arena.readCount.add(8, ordering: .relaxed)
        }
    }

    private mutating func readStable(_ key: Int) {
        let location = arena.index.location(of: Arena.stableHash(key))
        let version = location.segmentOrdinal
        arena.expect(location == Arena.place(ofStable: key, version: version))
        arena.expect(version >= versions[key])
        versions[key] = version
    }

    private func readPassing(_ key: Int) {
        let location = arena.index.location(of: Arena.passingHash(key))
        arena.expect(location == .empty || location == Arena.place(ofPassing: key))
        arena.expect(arena.index.location(of: 0) == .empty)
    }
}

/// The writer: waves of passing keys, with a stable key moved at every fourth step.
private struct StressWriter {
    let arena: Arena
    var random: TestRandom
    var versions = [Int](repeating: 0, count: Arena.stableCount)

    func begin() {
        for key in 0..<Arena.stableCount {
            arena.index.set(Arena.stableHash(key), to: Arena.place(ofStable: key, version: 0))
        }
    }

    mutating func wave() {
        let count = random.below(Arena.passingCount) + 1
        for key in 0..<count {
            arena.index.set(Arena.passingHash(key), to: Arena.place(ofPassing: key))
            if key % 4 == 0 { moveStable(random.below(Arena.stableCount)) }
        }
        for key in 0..<count {
            arena.expect(
                arena.index.remove(Arena.passingHash(key)) == Arena.place(ofPassing: key))
            if key % 4 == 0 { moveStable(random.below(Arena.stableCount)) }
        }
    }

    private mutating func moveStable(_ key: Int) {
        let old = Arena.place(ofStable: key, version: versions[key])
        versions[key] += 1
        let new = Arena.place(ofStable: key, version: versions[key])
        if random.coin() {
            arena.expect(arena.index.set(Arena.stableHash(key), to: new) == old)
        } else {
            arena.expect(
                arena.index.replace(Arena.stableHash(key), expecting: old, with: new))
        }
    }
}

@Suite("Index under threads") struct IndexStressTests {
    @Test(
        "a reader finds every stable key, and no place older than one it saw",
        .timeLimit(.minutes(5)), arguments: [1, 16])
    func stableKeys(shardCount: Int) throws {
        var random = TestRandom.reported("a reader finds every stable key")
        let arena = Arena(shardCount: shardCount)
        var writer = StressWriter(arena: arena, random: random.fork())
        writer.begin()
        let threads = try (0..<3).map { number in
            let random = random.fork()
            return try ServiceThread.start(name: "reader \(number)") {
                var reader = StressReader(arena: arena, random: random)
                reader.run()
            }
        }
        var waveCount = 0
        while waveCount < 3 || arena.readCount.load(ordering: .relaxed) < 10_000 {
            writer.wave()
            waveCount += 1
        }
        arena.isStopped.store(true, ordering: .relaxed)
        for thread in threads { thread.join() }
        #expect(arena.wrongCount.load(ordering: .relaxed) == 0)
        arena.index.readers.reclaim()
        #expect(arena.index.readers.pendingCount == 0)
        #expect(arena.index.count == Arena.stableCount)
    }

    /// The readers walk over all slots as they are filled. Timing alone hardly ever shows a wrong
    /// order of two stores; ThreadSanitizer does, in every run.
    @Test("a slot's location is never visible before its hash", .timeLimit(.minutes(2)))
    func hashBeforeLocation() throws {
        let arena = Arena(shardCount: 1)
        let threads = try (0..<2).map { number in
            try ServiceThread.start(name: "reader \(number)") {
                while !arena.isStopped.load(ordering: .relaxed) {
                    let token = arena.index.readers.enter()
                    arena.index.forEach { hash, location in
                        arena.expect(location == numbered(Int(hash >> 44)))
                    }
                    arena.index.readers.leave(token)
                    arena.readCount.add(1, ordering: .relaxed)
                }
            }
        }
        var number = 0
        while number < 20_000 || arena.readCount.load(ordering: .relaxed) < 200 {
            number += 1
            arena.index.set(UInt64(number % (1 << 20)) << 44 | 1, to: numbered(number % (1 << 20)))
            if number % 200 == 0 { arena.index.removeAll { _, _ in true } }
        }
        arena.isStopped.store(true, ordering: .relaxed)
        for thread in threads { thread.join() }
        #expect(arena.wrongCount.load(ordering: .relaxed) == 0)
    }

    /// Hashes below 2^32 start at the first slot, whose bytes the allocator uses in freed memory.
    /// Nine keys that stay leave room for three in the smallest table, so every third insertion
    /// makes a new one.
    @Test("a table is not freed while a reader can still come to it", .timeLimit(.minutes(2)))
    func publishedBeforeRetired() throws {
        let arena = Arena(shardCount: 1)
        for hash in 0..<9 { arena.index.set(UInt64(hash), to: numbered(hash)) }
        let thread = try ServiceThread.start(name: "reader") {
            while !arena.isStopped.load(ordering: .relaxed) {
                let token = arena.index.readers.enter()
                arena.expect(arena.index.location(of: 0) == numbered(0))
                arena.index.readers.leave(token)
                arena.readCount.add(1, ordering: .relaxed)
            }
        }
        var next: UInt64 = 9
        while next < 150_000 || arena.readCount.load(ordering: .relaxed) < 20_000 {
            for hash in next..<next + 3 { arena.index.set(hash, to: numbered(Int(hash))) }
            for hash in next..<next + 3 { arena.index.remove(hash) }
            next = next % (1 << 31) + 3
        }
        arena.isStopped.store(true, ordering: .relaxed)
        thread.join()
        #expect(arena.wrongCount.load(ordering: .relaxed) == 0)
    }
}
