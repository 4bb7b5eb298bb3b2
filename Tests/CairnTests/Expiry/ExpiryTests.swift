// Blobs that expire: absent for everybody at once, never an older version again, and other metadata for
// the same bytes.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Expiry") struct ExpiryTests {
    private static let second = 1_000_000_000 as UInt64
    private let disk = SimulatedDisk(seed: 1)
    private let key = Array("key".utf8)

    private func open() throws -> Engine<SimulatedDisk> {
        try Engine.open(disk, tuning: .small)
    }

    private func time(in seconds: Int) -> WallTime {
        WallTime(nanosecondsSince1970: disk.wallClock()).advanced(by: .seconds(seconds))
    }

    private func options(
        expiry: WallTime?, _ durability: Durability = .os, _ condition: Condition = .none
    ) -> WriteOptions {
        WriteOptions(durability: durability, condition: condition, expiry: expiry)
    }

    private func pass(_ seconds: UInt64) { disk.advance(nanoseconds: seconds * Self.second) }

    private func keys(_ engine: Engine<SimulatedDisk>) throws -> [[UInt8]] {
        try engine.list(limit: 100).page().items.map(\.key.bytes)
    }

    @Test("until its time a blob is there, from then on nobody finds it", arguments: [10, 5000])
    func absentAtOnce(byteCount: Int) throws {
        let engine = try open()
        let (value, expiry) = (sampleBytes(byteCount, salt: 2), time(in: 10))
        _ = try engine.put(key.rawSpan, value.rawSpan, options(expiry: expiry))
        let blob = try #require(try engine.get(key.rawSpan))
        #expect(blob.bytes == value && blob.expiry == expiry)
        #expect(try engine.information(key.rawSpan)?.expiry == expiry)
        #expect(try keys(engine) == [key])
        let stream = try #require(try engine.stream(key.rawSpan))
        _ = try stream.read(byteCountMaximum: 3)
        pass(10)
        #expect(try engine.get(key.rawSpan) == nil)
        #expect(try engine.get(key.rawSpan, range: 2..<4) == nil)
        #expect(try engine.information(key.rawSpan) == nil)
        #expect(try engine.stream(key.rawSpan) == nil)
        let read = try engine.withBytes(of: key.rawSpan) { _ in }
        #expect(read == nil)
        #expect(try engine.update(key.rawSpan, metadata: [1]) == nil)
        #expect(try keys(engine) == [])
        // What had begun goes on.
        var rest: [UInt8] = []
        while true {
            let piece = try stream.read(byteCountMaximum: 700)
            if piece.isEmpty { break }
            rest += piece
        }
        #expect(rest == Array(value.dropFirst(3)))
        stream.close()
        try engine.close()
    }

    @Test("conditions take an expired blob for none, in flight too", arguments: [true, false])
    func conditions(isInFlight: Bool) throws {
        let engine = try open()
        let expired = options(expiry: time(in: 1), isInFlight ? .synced : .os)
        var version = Version(sequence: 0)
        if isInFlight {
            // Decided on the record in flight, which nobody has written yet.
            try engine.put(key.rawSpan, key.rawSpan, expired) { _ in }
        } else {
            version = try engine.put(key.rawSpan, key.rawSpan, expired).version
        }
        pass(2)
        let matching = options(expiry: nil, .os, .matches(version))
        if !isInFlight {
            let error = expectError(.conditionFailed) {
                _ = try engine.put(key.rawSpan, RawSpan(), matching)
            }
            #expect(error?.currentVersion == nil)
        }
        expectError(.conditionFailed) {
            _ = try engine.delete(key.rawSpan, options(expiry: nil, .os, .present))
        }
        let receipt = try engine.put(
            key.rawSpan, key.rawSpan, options(expiry: nil, .synced, .absent))
        #expect(!receipt.replaced)
        #expect(try engine.get(key.rawSpan)?.version == receipt.version)
        try engine.close()
    }

    @Test("a batch takes an expired blob for none, and sets expiries")
    func batches() throws {
        let engine = try open()
        _ = try engine.put(key.rawSpan, key.rawSpan, options(expiry: time(in: 1)))
        pass(1)
        var batch = Batch()
        batch.put(Key(key), [1], expiry: time(in: 5), condition: .absent)
        batch.put("other", [2])
        #expect(try engine.apply(batch, durability: .os).map(\.replaced) == [false, false])
        pass(5)
        #expect(try keys(engine) == [Array("other".utf8)])
        try engine.close()
    }

    @Test(
        "an expired blob never brings an older one back: reopened by hints, by scanning, deleted",
        arguments: [true, false])
    func neverRevived(hasHints: Bool) throws {
        var engine = try open()
        let (older, newer): ([UInt8], [UInt8]) = ([1, 2, 3], [4])
        _ = try engine.put(key.rawSpan, older.rawSpan, options(expiry: nil))
        _ = try engine.put(key.rawSpan, newer.rawSpan, options(expiry: time(in: 3)))
        for round in 0..<3 {
            if hasHints {
                try engine.close()
            } else {
                try engine.flush()
                try engine.markIdle()
                disk.kill()
            }
            if round == 1 { pass(3) }
            engine = try open()
            #expect(try engine.get(key.rawSpan)?.bytes == (round == 0 ? [4] : nil))
            #expect(try keys(engine) == (round == 0 ? [key] : []))
        }
        #expect(try engine.delete(key.rawSpan) == nil)
        // A clock that is set back does not bring back what was deleted.
        disk.setWallClock(disk.wallClock() - 3600 * Self.second)
        #expect(try engine.get(key.rawSpan) == nil)
        #expect(engine.statistics().keyCount == 0)
        try engine.close()
    }

    @Test("an update keeps the bytes, and writes those of a large blob no second time")
    func update() throws {
        let engine = try open()
        let value = sampleBytes(6000, salt: 2)
        let first = try engine.put(
            key.rawSpan, value.rawSpan, WriteOptions(durability: .os, metadata: [7]))
        let before = engine.statistics()
        let expiry = time(in: 5)
        let second = try #require(
            try engine.update(key.rawSpan, metadata: [8], expiry: .at(expiry)))
        #expect(second.version > first.version && second.replaced)
        let after = engine.statistics()
        #expect(after.logicalByteCount - before.logicalByteCount < 300)
        try engine.workUntilIdle()
        let blob = try #require(try engine.get(key.rawSpan))
        #expect(blob.bytes == value && blob.metadata == [8] && blob.expiry == expiry)
        // Kept when nothing else is said, and taken away.
        _ = try engine.update(key.rawSpan)
        #expect(try engine.information(key.rawSpan)?.metadata == [8])
        #expect(try engine.information(key.rawSpan)?.expiry == expiry)
        _ = try engine.update(key.rawSpan, metadata: [], expiry: .never)
        pass(5)
        #expect(try engine.get(key.rawSpan)?.bytes == value)
        #expect(try engine.information(key.rawSpan)?.metadata == [])
        // The chunks go with the last version that names them.
        _ = try engine.delete(key.rawSpan)
        try engine.workUntilIdle()
        #expect(engine.statistics().liveByteCount == 0)
        try engine.close()
    }

    @Test("an updated large blob is whole after reopening, by hints and by scanning")
    func updateReopened() throws {
        var engine = try open()
        let value = sampleBytes(6000, salt: 2)
        _ = try engine.put(key.rawSpan, value.rawSpan, WriteOptions(durability: .os))
        _ = try engine.update(key.rawSpan, metadata: [1])
        let live = engine.statistics().liveByteCount
        for closes in [false, true] {
            if closes { try engine.close() } else { disk.kill() }
            engine = try open()
            #expect(try engine.get(key.rawSpan)?.bytes == value)
            #expect(try engine.information(key.rawSpan)?.metadata == [1])
            #expect(engine.statistics().liveByteCount == live)
        }
        try engine.close()
    }

    @Test("an update that cannot be written leaves the blob as it was, chunks and all")
    func failedUpdate() throws {
        let engine = try open()
        let value = sampleBytes(6000, salt: 2)
        _ = try engine.put(key.rawSpan, value.rawSpan)
        disk.inject(Fault(.write, occurrence: 1))
        expectError(.inputOutput) {
            _ = try engine.update(key.rawSpan, metadata: [1], WriteOptions(durability: .os))
        }
        try engine.workUntilIdle()
        #expect(try engine.get(key.rawSpan)?.bytes == value)
        #expect(try engine.information(key.rawSpan)?.metadata == [])
        try engine.close()
    }

    @Test("an update meets a newer write in flight: it begins anew with that one")
    func updateOfInFlight() throws {
        let engine = try open()
        let (first, second) = (sampleBytes(5000, salt: 2), sampleBytes(4000, salt: 4))
        _ = try engine.put(key.rawSpan, first.rawSpan)
        try engine.put(key.rawSpan, second.rawSpan, WriteOptions()) { _ in }
        _ = try #require(
            try engine.update(key.rawSpan, metadata: [1], WriteOptions(durability: .interval)))
        try engine.workUntilIdle()
        #expect(try engine.get(key.rawSpan)?.bytes == second)
        #expect(try engine.information(key.rawSpan)?.metadata == [1])
        // The chunks go with the last version that names them.
        _ = try engine.put(key.rawSpan, key.rawSpan, WriteOptions(durability: .interval))
        try engine.workUntilIdle()
        try engine.flush()
        #expect(try engine.get(key.rawSpan)?.bytes == key)
        #expect(engine.statistics().liveByteCount < 100)
        try engine.close()
    }

    @Test("the condition of an update is decided on the version that is there")
    func updateConditions() throws {
        let engine = try open()
        let version = try engine.put(key.rawSpan, key.rawSpan).version
        let other = Version(sequence: version.sequence + 100)
        expectError(.conditionFailed) {
            _ = try engine.update(
                key.rawSpan, metadata: [1], WriteOptions(condition: .matches(other)))
        }
        let missing = Array("missing".utf8)
        #expect(try engine.update(missing.rawSpan, metadata: [1]) == nil)
        expectError(.conditionFailed) {
            _ = try engine.update(
                missing.rawSpan, metadata: [1], WriteOptions(condition: .present))
        }
        let receipt = try engine.update(
            key.rawSpan, metadata: [1], WriteOptions(condition: .matches(version)))
        #expect(try engine.information(key.rawSpan)?.version == receipt?.version)
        try engine.close()
    }

    @Test("a seal tells how many bytes expire when")
    func sealHistogram() throws {
        let engine = try open()
        var expected: [UInt64: UInt64] = [:]
        for number in 0..<40 {
            let key = Key.numbered(number).bytes
            let before = engine.statistics().logicalByteCount
            let expiry = number % 4 == 0 ? nil : time(in: number * 600)
            _ = try engine.put(key.rawSpan, key.rawSpan, options(expiry: expiry))
            guard let expiry else { continue }
            let hour = expiry.nanosecondsSince1970 / Self.second / 3600 + 1
            expected[hour * 3600, default: 0] += engine.statistics().logicalByteCount - before
        }
        try engine.close()
        let name = try #require(disk.fileNames(in: .segments).first { $0.hasSuffix(".seg") })
        let bytes = try #require(disk.bytes(of: name, in: .segments))
        var offset = SegmentHeader.byteCount
        var seal: Seal?
        while seal == nil {
            let record = Array(bytes[offset...])
            let header = try RecordHeader(decoding: record.rawSpan)
            if header.type == .seal {
                let payload = Array(record[header.payloadRange])
                seal = try Seal(decoding: payload.rawSpan)
            }
            offset += header.recordByteCount
        }
        let buckets = try #require(seal).expiryBuckets
        #expect(buckets.count == expected.count)
        for bucket in buckets {
            #expect(bucket.recordByteTotal == expected[bucket.upperBoundSeconds])
        }
    }

    @Test("times: later, earlier, never before 1970, at most the last moment")
    func wallTimes() {
        let time = WallTime(nanosecondsSince1970: 5 * Self.second)
        #expect(time.advanced(by: .milliseconds(1)).nanosecondsSince1970 == 5_001_000_000)
        #expect(time.advanced(by: .seconds(-2)).nanosecondsSince1970 == 3 * Self.second)
        #expect(time.advanced(by: .milliseconds(-1500)).nanosecondsSince1970 == 3_500_000_000)
        #expect(time.advanced(by: .seconds(-9)).nanosecondsSince1970 == 0)
        #expect(time.advanced(by: .seconds(Int64.max / 2)).nanosecondsSince1970 == .max)
        #expect(time.advanced(by: .seconds(Int64.min / 2)).nanosecondsSince1970 == 0)
        #expect(time.advanced(by: .nanoseconds(Int64.max)) > time)
        #expect(WallTime.after(.seconds(10)) > WallTime.now)
        #expect(WallTime.after(.seconds(-10)) < WallTime.now)
    }
}
