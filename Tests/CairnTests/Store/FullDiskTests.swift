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
        if let again { #expect(again.kind == .diskFull, "\(again)") }
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
}
