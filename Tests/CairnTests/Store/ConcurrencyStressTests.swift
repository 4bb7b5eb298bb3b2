// Lock-free readers against inserts, overwrites, deletes, growth, rotation and the overflow map,
// with real threads: made for ThreadSanitizer too.
//
// Each key has one writer, whose operations on it are numbered; a value says which key and which
// operation wrote it. A reader notes which operations had been answered before its read and which
// had begun after it: what it reads must be the state after one of those.
// CAIRN_STRESS scales the number of operations, in percent.

import Cairn
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

/// What one key has been through. Operation n deletes when n % 7 is 3; else it puts.
private final class StressKey: Sendable {
    let begun = Atomic<Int>(0)
    let answered = Atomic<Int>(0)

    static func deletes(_ operation: Int) -> Bool { operation % 7 == 3 }
}

/// The value that operation `operation` gives key `key`.
private func stressBytes(key: Int, operation: Int) -> [UInt8] {
    let mixed = TestRandom.mix(UInt64(key) << 32 | UInt64(operation))
    let byteCount = 16 + Int(mixed % 8 == 0 ? mixed >> 8 & 4095 : mixed >> 8 & 255)
    var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: mixed >> 40), count: byteCount)
    for place in 0..<8 {
        bytes[place] = UInt8(truncatingIfNeeded: key >> (place * 8))
        bytes[place + 8] = UInt8(truncatingIfNeeded: operation >> (place * 8))
    }
    return bytes
}

/// The operation that wrote these bytes to `key`; nil when none did.
private func stressOperation(key: Int, _ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 16 else { return nil }
    let operation = bytes[8..<16].reversed().reduce(0) { $0 << 8 | Int($1) }
    return bytes == stressBytes(key: key, operation: operation) ? operation : nil
}

private final class Stress<S: Storage>: Sendable {
    let engine: Engine<S>
    let keys: [StressKey]
    let writerCount: Int
    let isOver = Atomic<Bool>(false)
    let readCount = Atomic<Int>(0)
    let listingCount = Atomic<Int>(0)
    let wrong = Guarded<[String]>([])

    init(engine: Engine<S>, keyCount: Int, writerCount: Int) {
        self.engine = engine
        self.writerCount = writerCount
        keys = (0..<keyCount).map { _ in StressKey() }
    }

    private func report(_ text: String) {
        wrong.withLock { if $0.count < 10 { $0.append(text) } }
        isOver.store(true, ordering: .releasing)
    }

    func write(_ number: Int, operationCount: Int, _ random: TestRandom) {
        var random = random
        let own = stride(from: number, to: keys.count, by: writerCount).map { $0 }
        for _ in 0..<operationCount {
            if isOver.load(ordering: .acquiring) { return }
            let key = own[random.below(own.count)]
            let operation = keys[key].begun.wrappingAdd(1, ordering: .sequentiallyConsistent)
                .newValue
            let durability: Durability =
                random.chance(1, in: 50) ? .synced : random.coin() ? .os : .interval
            do {
                try perform(operation, on: key, WriteOptions(durability: durability))
            } catch {
                return report("writing key \(key): \(error)")
            }
            keys[key].answered.store(operation, ordering: .sequentiallyConsistent)
        }
    }

    private func perform(
        _ operation: Int, on key: Int, _ options: WriteOptions
    ) throws(StoreError) {
        let name = Key.numbered(key).bytes
        if StressKey.deletes(operation) {
            let wasThere = operation > 1
            if (try engine.delete(name.rawSpan, options) != nil) != wasThere {
                report("the delete of key \(key) met the wrong thing")
            }
        } else {
            let bytes = stressBytes(key: key, operation: operation)
            let receipt = try engine.put(name.rawSpan, bytes.rawSpan, options)
            if receipt.replaced != (operation > 1 && !StressKey.deletes(operation - 1)) {
                report("put \(operation) of key \(key) replaced: \(receipt.replaced)")
            }
        }
    }

    func read(_ random: TestRandom) {
        var random = random
        while !isOver.load(ordering: .acquiring) {
            let key = random.below(keys.count)
            let first = keys[key].answered.load(ordering: .sequentiallyConsistent)
            let found: [UInt8]?
            do {
                found = try engine.get(Key.numbered(key).bytes.rawSpan)?.bytes
            } catch {
                return report("reading key \(key): \(error)")
            }
            let last = keys[key].begun.load(ordering: .sequentiallyConsistent)
            judge(key, found, first...max(first, last))
            readCount.wrappingAdd(1, ordering: .relaxed)
        }
    }

    private func judge(_ key: Int, _ found: [UInt8]?, _ possible: ClosedRange<Int>) {
        if let found {
            guard let operation = stressOperation(key: key, found) else {
                return report("key \(key) shows bytes that nobody wrote to it")
            }
            if !possible.contains(operation) {
                report("key \(key) shows operation \(operation), possible are \(possible)")
            }
        } else if possible.lowerBound > 0, !possible.contains(where: StressKey.deletes) {
            report("key \(key) is absent, possible are \(possible)")
        }
    }

    /// Lists everything, page by page: a key that is there all the time comes exactly once.
    func list(_ random: TestRandom) {
        var random = random
        while !isOver.load(ordering: .acquiring) {
            let first = keys.map { $0.answered.load(ordering: .sequentiallyConsistent) }
            var listed: [[UInt8]] = []
            do {
                var after: [UInt8]?
                let limit = 1 + random.below(keys.count)
                repeat {
                    let page = try engine.list(after: after, limit: limit).page()
                    listed += page.items.map(\.key.bytes)
                    after = page.next?.bytes
                } while after != nil
            } catch {
                return report("listing: \(error)")
            }
            let last = keys.map { $0.begun.load(ordering: .sequentiallyConsistent) }
            let known = Set(listed)
            if listed != Array(known).inOrder { report("a listing is out of order") }
            for key in keys.indices {
                let possible = first[key]...max(first[key], last[key])
                judgeListed(key, known.contains(Key.numbered(key).bytes), possible)
            }
            listingCount.wrappingAdd(1, ordering: .relaxed)
        }
    }

    private func judgeListed(_ key: Int, _ isListed: Bool, _ possible: ClosedRange<Int>) {
        let isPossible =
            isListed
            ? possible.contains { $0 > 0 && !StressKey.deletes($0) }
            : possible.lowerBound == 0 || possible.contains(where: StressKey.deletes)
        if !isPossible {
            report("key \(key) is \(isListed ? "" : "not ")listed, possible are \(possible)")
        }
    }

    func keep() {
        while !isOver.load(ordering: .acquiring) {
            do {
                _ = try engine.backgroundStep()
            } catch {
                return report("in the background: \(error)")
            }
            engine.commit(sync: false)
            yieldProcessor()
        }
    }
}

@Suite("Concurrency stress", .serialized)
struct ConcurrencyStressTests {
    private static func count(_ ordinary: Int) -> Int {
        ordinary * scaled("CAIRN_STRESS", ordinary: 100, quick: 12) / 100
    }

    private func run<S: Storage>(
        _ storage: S, _ tuning: Tuning, keyCount: Int, operationCount: Int,
        writerCount: Int = 2, readerCount: Int = 3
    ) throws {
        let engine = try Engine.open(storage, tuning: tuning)
        let stress = Stress(engine: engine, keyCount: keyCount, writerCount: writerCount)
        var random = TestRandom.reported("concurrency stress of \(keyCount) keys")
        var readers = [try ServiceThread.start(name: "stress-keeper") { stress.keep() }]
        for _ in 0..<readerCount {
            let dice = random.fork()
            readers.append(try ServiceThread.start(name: "stress-reader") { stress.read(dice) })
        }
        let dice = random.fork()
        readers.append(try ServiceThread.start(name: "stress-lister") { stress.list(dice) })
        let writers = try (0..<writerCount).map { number in
            let dice = random.fork()
            return try ServiceThread.start(name: "stress-writer") {
                stress.write(number, operationCount: operationCount / writerCount, dice)
            }
        }
        for writer in writers { writer.join() }
        stress.isOver.store(true, ordering: .releasing)
        for reader in readers { reader.join() }
        #expect(stress.wrong.withLock { $0 } == [])
        #expect(stress.readCount.load(ordering: .relaxed) > 0)
        #expect(stress.listingCount.load(ordering: .relaxed) > 0)
        try engine.close()
        try checkReopened(storage, tuning, stress.keys)
    }

    private func checkReopened<S: Storage>(
        _ storage: S, _ tuning: Tuning, _ keys: [StressKey]
    ) throws {
        let engine = try Engine.open(storage, tuning: tuning)
        #expect(engine.findings == [])
        var present = 0
        for (number, key) in keys.enumerated() {
            let last = key.answered.load(ordering: .relaxed)
            let expected =
                last == 0 || StressKey.deletes(last)
                ? nil : stressBytes(key: number, operation: last)
            present += expected == nil ? 0 : 1
            let found = try engine.get(Key.numbered(number).bytes.rawSpan)?.bytes
            #expect(found == expected, "key \(number) after operation \(last)")
        }
        #expect(engine.statistics().keyCount == UInt64(present))
        try engine.close()
    }

    @Test("few keys, overwritten and deleted under readers, with small segments")
    func fewKeys() throws {
        let directory = try StoreTestDirectory()
        try run(
            SystemStorage(path: directory.path), .small, keyCount: 8,
            operationCount: Self.count(12_000))
    }

    @Test("many keys: the index grows under readers")
    func growth() throws {
        let directory = try StoreTestDirectory()
        var tuning = Tuning.small
        tuning.bufferByteCount = 64 << 10
        tuning.directByteCount = 2048
        tuning.segmentByteCountMinimum = 512 << 10
        tuning.segmentByteCountMaximum = 512 << 10
        tuning.zeroAheadByteCount = 0
        try run(
            SystemStorage(path: directory.path), tuning, keyCount: Self.count(40_000),
            operationCount: Self.count(80_000))
    }

    @Test("colliding keys live in the overflow map, under readers too")
    func overflow() throws {
        let directory = try StoreTestDirectory()
        var tuning = Tuning.small
        tuning.hashMask = 0xFF
        tuning.segmentByteCountMinimum = 64 << 10
        tuning.segmentByteCountMaximum = 64 << 10
        try run(
            SystemStorage(path: directory.path), tuning, keyCount: 1500,
            operationCount: Self.count(20_000))
    }

    @Test("all keys collide")
    func oneHash() throws {
        let disk = SimulatedDisk(seed: 1)
        var tuning = Tuning.small
        tuning.hashMask = 0
        try run(disk, tuning, keyCount: 24, operationCount: Self.count(12_000))
    }
}
