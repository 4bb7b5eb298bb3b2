// A full disk: writes are refused, reads and deletes go on, and the state ends by itself when space
// returns. What was acknowledged is there, before and after opening again.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Full disk")
struct FullDiskTests {
    private func fill(
        _ engine: Engine<SimulatedDisk>, from start: Int = 0, byteCount: Int = 600
    ) throws -> (count: Int, error: StoreError?) {
        var count = start
        let error = try storeError {
            while count < start + 5000 {
                _ = try engine.put(
                    Key.numbered(count).bytes.rawSpan, sampleBytes(byteCount).rawSpan)
                count += 1
            }
        }
        return (count, error)
    }

    private func expectAll(
        _ engine: Engine<SimulatedDisk>, _ numbers: Range<Int>, byteCount: Int = 600
    ) throws {
        for number in numbers {
            let blob = try engine.get(Key.numbered(number).bytes.rawSpan)
            #expect(blob?.bytes == sampleBytes(byteCount), "key \(number)")
        }
    }

    @Test(
        "writes end with disk full at any capacity, and resume when space returns",
        arguments: stride(from: UInt64(60), to: 400, by: 20).map { $0 })
    func capacity(pages: UInt64) throws {
        let disk = SimulatedDisk(seed: pages)
        let engine = try Engine.open(disk, tuning: .small)
        disk.capacity = disk.usedByteCount + pages * 1024
        let (count, error) = try fill(engine)
        #expect(error?.kind == .diskFull, "\(String(describing: error))")
        #expect(error?.errno == 28)
        try expectAll(engine, 0..<count)
        // Still full: refused again, with what to expect.
        let again = try storeError {
            _ = try engine.put(Key("more").bytes.rawSpan, sampleBytes(600).rawSpan)
        }
        #expect(again?.kind == .diskFull, "\(String(describing: again))")
        // Deletes go on: the reserve was given up for them.
        var deletedCount = 0
        for number in 0..<min(5, count) {
            if try engine.delete(Key.numbered(number).bytes.rawSpan) != nil { deletedCount += 1 }
        }
        #expect(deletedCount == min(5, count))
        disk.capacity = nil
        disk.advance(nanoseconds: 1_000_000_000)
        let end = count + 50
        for number in count..<end {
            _ = try engine.put(Key.numbered(number).bytes.rawSpan, sampleBytes(600).rawSpan)
        }
        try expectAll(engine, deletedCount..<end)
        try engine.close()
        let reopened = try Engine.open(disk, tuning: .small)
        try expectAll(reopened, deletedCount..<end)
        #expect(reopened.findings == [])
        try reopened.close()
    }

    /// The ways to delete. A long key goes past the buffers.
    enum DeleteForm: CaseIterable {
        case synced, os, callback, batch, longKey
    }

    private func delete(
        _ key: Key, _ form: DeleteForm, from engine: Engine<SimulatedDisk>
    ) throws -> Bool {
        switch form {
        case .synced, .longKey: return try engine.delete(key.bytes.rawSpan) != nil
        case .os:
            return try engine.delete(key.bytes.rawSpan, WriteOptions(durability: .os)) != nil
        case .callback:
            let outcome = Guarded<WriteOutcome?>(nil)
            try engine.delete(key.bytes.rawSpan, WriteOptions()) { result in
                outcome.withLock { $0 = result }
            }
            engine.commit()
            return try #require(outcome.withLock { $0 }).get().replaced
        case .batch:
            var batch = Batch()
            batch.delete(key)
            return try engine.apply(batch)[0].replaced
        }
    }

    @Test(
        "a delete that is the first to meet the full disk succeeds", arguments: DeleteForm.allCases)
    func firstDelete(form: DeleteForm) throws {
        let isLong = form == .longKey
        for count in isLong ? 1...3 : 52...66 {
            let disk = SimulatedDisk(seed: UInt64(count))
            var tuning = Tuning.small
            tuning.zeroAheadByteCount = 0
            tuning.reserveByteCounts = 65_536...65_536
            // Every second time the log grows within its segment, else it needs the next one.
            let options = StoreOptions(segmentByteCount: count % 2 == 0 ? 65_536 : nil)
            let engine = try Engine.open(disk, options: options, tuning: tuning)
            let keys = (0..<count).map { number in
                isLong ? Key([UInt8](repeating: UInt8(number), count: 2000)) : .numbered(number)
            }
            for key in keys { _ = try engine.put(key.bytes.rawSpan, sampleBytes(60).rawSpan) }
            disk.capacity = disk.usedByteCount
            for key in keys {
                let isDeleted = try delete(key, form, from: engine)
                #expect(isDeleted, "\(key) of \(count)")
            }
            let first = keys[0]
            let put = try storeError { _ = try engine.put(first.bytes.rawSpan, [1].rawSpan) }
            #expect(put?.kind == .diskFull)
            if form == .os { disk.kill() } else { disk.powerCut(.loseAll) }
            disk.capacity = nil
            let again = try Engine.open(disk, tuning: tuning)
            #expect(again.statistics().keyCount == 0)
            try again.close()
        }
    }

    @Test("a process that dies on a full disk loses nothing that was acknowledged")
    func death() throws {
        for pages in stride(from: UInt64(80), to: 200, by: 40) {
            let disk = SimulatedDisk(seed: pages)
            let engine = try Engine.open(disk, tuning: .small)
            disk.capacity = disk.usedByteCount + pages * 1024
            let (count, _) = try fill(engine)
            disk.powerCut(.loseAll)
            let again = try Engine.open(disk, tuning: .small)
            try expectAll(again, 0..<count)
            try again.close()
        }
    }

    @Test("a large blob that does not fit leaves nothing to be seen, in whichever way it is put")
    func largeBlob() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .small)
        _ = try engine.put(Key("old").bytes.rawSpan, [1].rawSpan)
        disk.capacity = disk.usedByteCount + 64 * 1024
        let value = sampleBytes(400_000)
        let put = try storeError { _ = try engine.put(Key("key").bytes.rawSpan, value.rawSpan) }
        #expect(put?.kind == .diskFull, "\(String(describing: put))")
        var batch = Batch()
        batch.put("key", value)
        batch.put("small", [1])
        let applied = try storeError { _ = try engine.apply(batch) }
        #expect(applied?.kind == .diskFull, "\(String(describing: applied))")
        #expect(try engine.get(Key("key").bytes.rawSpan) == nil)
        #expect(try engine.get(Key("small").bytes.rawSpan) == nil)
        #expect(try engine.get(Key("old").bytes.rawSpan)?.bytes == [1])
        #expect(engine.statistics().keyCount == 1)
        disk.capacity = nil
        disk.advance(nanoseconds: 1_000_000_000)
        _ = try engine.put(Key("key").bytes.rawSpan, value.rawSpan)
        #expect(try engine.get(Key("key").bytes.rawSpan)?.bytes == value)
        try engine.close()
    }

    @Test("a disk too full to make a store on is an error; with room it works")
    func creating() throws {
        let disk = SimulatedDisk()
        disk.capacity = 4096
        let error = try storeError { _ = try Engine.open(disk, tuning: .small) }
        #expect(error?.kind == .diskFull, "\(String(describing: error))")
        disk.capacity = nil
        let engine = try Engine.open(disk, tuning: .small)
        _ = try engine.put(Key("key").bytes.rawSpan, [1].rawSpan)
        try engine.close()
    }

    @Test("whatever finds no room while a store is closed, the reserve is given up for it")
    func closing() throws {
        var (struck, occurrence) = (true, 1)
        while struck {
            let disk = SimulatedDisk(seed: 5)
            let engine = try Engine.open(disk, tuning: .small)
            for number in 0..<7 {
                _ = try engine.put(Key.numbered(number).bytes.rawSpan, sampleBytes(600).rawSpan)
            }
            disk.inject(Fault(.write, .create, failure: .noSpace, occurrence: occurrence))
            #expect(try storeError { try engine.close() } == nil, "call \(occurrence)")
            struck = (disk.pendingFaults.first?.matchCount ?? 0) >= occurrence
            disk.clearFaults()
            let reopened = try Engine.open(disk, tuning: .small)
            try expectAll(reopened, 0..<7)
            #expect(reopened.findings == [])
            try reopened.close()
            occurrence += 1
        }
        #expect(occurrence > 4)
    }
}
