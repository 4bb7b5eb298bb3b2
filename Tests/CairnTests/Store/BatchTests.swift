// Batches: all or nothing, whatever stands in the way.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Batches")
struct BatchTests {
    private let directory: StoreTestDirectory
    private let store: Store

    init() throws {
        directory = try StoreTestDirectory()
        store = try Store.open(at: directory.path, options: StoreOptions(), tuning: .smallChunks)
    }

    @Test("puts and deletes of a batch all happen, and are there after reopening")
    func applied() throws {
        try store.put("old", [1])
        var batch = Batch()
        for number in 0..<50 {
            batch.put(.numbered(number), sampleBytes(number * 300), metadata: [UInt8(number)])
        }
        batch.delete("old")
        batch.delete("nobody")
        let receipts = try store.apply(batch)
        #expect(receipts.count == 52)
        #expect(receipts.map(\.replaced) == Array(repeating: false, count: 50) + [true, false])
        #expect(Set(receipts.map(\.version)).count == 52)
        #expect(store.statistics().keyCount == 50)
        try store.close()
        let again = try Store.open(at: directory.path)
        for number in 0..<50 {
            let blob = try #require(try again.get(.numbered(number)))
            #expect(blob.bytes == sampleBytes(number * 300))
            #expect(blob.metadata == [UInt8(number)])
            #expect(blob.version == receipts[number].version)
        }
        #expect(try again.get("old") == nil)
        #expect(again.statistics().keyCount == 50)
        #expect(again.findings.isEmpty)
        try again.close()
    }

    @Test(
        "a batch is seen at once, survives what its durability promises, and is never there in part",
        arguments: Durability.allCases)
    func durability(_ durability: Durability) throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .smallChunks)
        var batch = Batch()
        batch.put("small", [1])
        batch.put("large", sampleBytes(9000))
        _ = try engine.apply(batch, durability: durability)
        #expect(try engine.get(Key("small").bytes.rawSpan)?.bytes == [1])
        #expect(try engine.get(Key("large").bytes.rawSpan)?.bytes == sampleBytes(9000))
        let cuts: [(cut: () -> Void, isPromised: Bool)] = [
            ({ disk.powerCut(.loseAll) }, durability == .synced),
            ({ disk.kill() }, durability != .interval),
        ]
        let snapshot = disk.snapshot()
        for (cut, isPromised) in cuts {
            disk.restore(snapshot)
            cut()
            let again = try Engine.open(disk, tuning: .smallChunks)
            let small = try again.get(Key("small").bytes.rawSpan)?.bytes
            let large = try again.get(Key("large").bytes.rawSpan)?.bytes
            let isWhole = small == [1] && large == sampleBytes(9000)
            #expect(isWhole || !isPromised && small == nil && large == nil)
            try again.close()
        }
    }

    @Test("one condition that does not hold keeps the whole batch from happening")
    func condition() throws {
        let version = try store.put("present", [1]).version
        let failing: [(Key, Condition)] = [
            ("present", .absent), ("missing", .present), ("missing", .matches(version)),
            ("present", .differs(from: version)),
        ]
        for (key, condition) in failing {
            for isDelete in [false, true] {
                var batch = Batch()
                batch.put("first", [1])
                batch.put("large", sampleBytes(9000))
                if isDelete {
                    batch.delete(key, condition: condition)
                } else {
                    batch.put(key, [2], condition: condition)
                }
                batch.put("last", [3])
                expectError(.conditionFailed) { try store.apply(batch) }
                #expect(try store.get("first") == nil)
                #expect(try store.get("large") == nil)
                #expect(try store.get("last") == nil)
                #expect(try store.get("present")?.bytes == [1])
            }
        }
        var batch = Batch()
        batch.put("present", [9], condition: .matches(version))
        batch.put("missing", [9], condition: .absent)
        try store.apply(batch)
        #expect(try store.get("present")?.bytes == [9])
        #expect(store.statistics().keyCount == 2)
        try store.close()
    }

    @Test("an empty batch is no work; one that names a key twice is refused")
    func shape() throws {
        #expect(try store.apply(Batch()) == [])
        var batch = Batch()
        batch.put("key", [1])
        batch.delete("key")
        expectError(.invalidBatch, naming: "key", "twice") { try store.apply(batch) }
        #expect(try store.get("key") == nil)
        try store.close()
    }

    @Test("a batch of 65,536 records is taken, one of 65,537 refused")
    func recordCount() throws {
        var batch = Batch()
        for number in 0..<Batch.recordCountMaximum { batch.put(.numbered(number), []) }
        #expect(try store.apply(batch, durability: .os).count == Batch.recordCountMaximum)
        #expect(store.statistics().keyCount == UInt64(Batch.recordCountMaximum))
        batch.put("one more", [])
        expectError(.invalidBatch, naming: "65536", "65537") { try store.apply(batch) }
        #expect(try store.get("one more") == nil)
        try store.close()
    }

    @Test("a batch over 64 MiB is refused, and so are bad keys, metadata and sizes in one")
    func byteCount() throws {
        var batch = Batch()
        let value = [UInt8](repeating: 1, count: 8 << 20)
        for number in 0..<9 { batch.put(.numbered(number), value) }
        expectError(.invalidBatch, naming: "67108864") { try store.apply(batch) }
        var emptyKey = Batch()
        emptyKey.put(Key([]), [1])
        expectError(.invalidKey) { try store.apply(emptyKey) }
        var longMetadata = Batch()
        longMetadata.put("key", [1], metadata: [UInt8](repeating: 0, count: 16_385))
        expectError(.metadataTooLong) { try store.apply(longMetadata) }
        #expect(store.statistics().keyCount == 0)
        try store.close()
    }

    @Test("a batch larger than a segment stands in one segment")
    func largerThanSegment() throws {
        try store.close()
        let small = try Store.open(at: directory.path, options: StoreOptions(), tuning: .small)
        var batch = Batch()
        for number in 0..<40 { batch.put(.numbered(number), sampleBytes(700)) }
        try small.apply(batch)
        #expect(small.statistics().segmentCount == 1)
        try small.close()
        let again = try Store.open(at: directory.path, options: StoreOptions(), tuning: .small)
        for number in 0..<40 {
            #expect(try again.get(.numbered(number))?.bytes == sampleBytes(700))
        }
        try again.close()
    }
}
