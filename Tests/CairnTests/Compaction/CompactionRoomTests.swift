// Compaction on a disk with little room or none: what needs no room goes on, and others keep theirs.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Room for compaction")
struct CompactionRoomTests {
    private let disk = SimulatedDisk()

    private var tuning: Tuning {
        var tuning = Tuning.segments(ofRecords: 8)
        tuning.chunkByteCount = 4096
        tuning.compactionStepByteCount = 2048
        tuning.zeroAheadByteCount = 0
        return tuning
    }

    private func put(_ engine: Engine<SimulatedDisk>, _ names: [String]) throws {
        for name in names {
            _ = try engine.put(Key(name).bytes.rawSpan, sampleBytes(900).rawSpan)
        }
    }

    /// Everything but compaction.
    private func work(_ engine: Engine<SimulatedDisk>) throws {
        try engine.doUrgentUntilIdle()
        try engine.makeHintsUntilIdle()
    }

    private func freeByteCount() throws -> UInt64 { try disk.freeByteCount() }

    @Test(
        "segments without anything live are removed with not a byte free, without RESERVE too",
        arguments: [16_384, 0] as [UInt64])
    func noByteFree(reserve: UInt64) throws {
        var tuning = tuning
        tuning.reserveByteCounts = reserve...reserve
        let engine = try Engine.open(disk, tuning: tuning)
        try put(engine, (0..<24).map { "x \($0 % 8)" } + (0..<6).map { "key \($0)" })
        try work(engine)
        disk.capacity = disk.usedByteCount
        #expect(try freeByteCount() == 0)
        // Each of them by itself.
        try engine.compactUntilIdle()
        let counts = engine.statistics().compaction
        #expect(counts.replacedSegmentCount == 2 && counts.copiedByteCount == 0, "\(counts)")
        #expect(try freeByteCount() >= 2 * 8192)
        for number in 0..<8 {
            let blob = try engine.get(Key("x \(number)").bytes.rawSpan)
            #expect(blob?.bytes == sampleBytes(900))
        }
        disk.capacity = nil
        try engine.close()
    }

    @Test("one of them that does need room keeps no other waiting, and is tried again with room")
    func needsRoom() throws {
        var tuning = tuning
        tuning.reserveByteCounts = 0...0
        let engine = try Engine.open(disk, tuning: tuning)
        // A delete that must stay, for its put is still there; then a segment that is all dead.
        try put(engine, ["old"] + (0..<7).map { "key \($0)" })
        _ = try engine.delete(Key("old").bytes.rawSpan)
        try put(engine, (0..<7).map { "x \($0)" } + (0..<8).map { "x \($0)" })
        try put(engine, (0..<8).map { "x \($0)" } + ["last"])
        try work(engine)
        disk.capacity = disk.usedByteCount
        try engine.compactUntilIdle()
        #expect(engine.statistics().compaction.replacedSegmentCount == 2)
        #expect(engine.statistics().compaction.keptDeleteCount == 1)
        #expect(try engine.get(Key("old").bytes.rawSpan) == nil)
        disk.capacity = nil
        try engine.close()
    }

    @Test("what did not fit is tried again after a minute, also when no more is free than then")
    func refusedForAWhile() throws {
        let engine = try Engine.open(disk, tuning: tuning)
        try put(engine, (0..<8).map { "a \($0)" } + (0..<6).map { "a \($0)" } + ["b", "c", "d"])
        try work(engine)
        // A quota, which the free space does not show.
        disk.inject(
            Fault(.create, failure: .quotaExceeded, directory: .segments, nameSuffix: ".seg"))
        try engine.compactUntilIdle()
        #expect(disk.pendingFaults.first?.matchCount == 1)
        #expect(engine.statistics().compaction.compactionCount == 0)
        for _ in 0..<50 { #expect(try engine.compactionStep() == false) }
        disk.advance(nanoseconds: 61_000_000_000)
        try engine.compactUntilIdle()
        #expect(engine.statistics().compaction.compactionCount == 1)
        try engine.close()
    }

    /// Six segments in which four of eight records are live: an output of each takes eight pages.
    private func fillHalfDead(_ engine: Engine<SimulatedDisk>) throws {
        for round in 0..<6 {
            for number in 0..<8 {
                let key = number < 4 ? Key("x") : Key("key \(round) \(number)")
                _ = try engine.put(key.bytes.rawSpan, sampleBytes(7000).rawSpan)
            }
        }
        try work(engine)
    }

    @Test("an output leaves writers as much as RESERVE holds, or half of what is free")
    func leavesRoom() throws {
        var tuning = tuning
        tuning.chunkByteCount = 16_384
        tuning.reserveByteCounts = 65_536...65_536
        var compactedCount = 0
        for pageCount in UInt64(6)...36 {
            let disk = SimulatedDisk()
            let engine = try Engine.open(disk, tuning: tuning)
            try fillHalfDead(engine)
            disk.capacity = disk.usedByteCount + pageCount * 4096
            let free = try disk.freeByteCount()
            var least = free
            disk.stepObserver = { _ in
                least = min(least, (try? disk.freeByteCount()) ?? 0)
            }
            try engine.compactUntilIdle()
            disk.stepObserver = nil
            // Besides there are a new manifest, a hint, and the rest of the last page.
            #expect(least + 3 * 4096 >= min(free / 2, 64 << 10), "\(pageCount) pages")
            compactedCount += engine.statistics().compaction.compactionCount > 0 ? 1 : 0
            try engine.close()
        }
        // Where there is room they are made, and not everywhere is room.
        #expect((5..<26).contains(compactedCount))
    }

    @Test("it leaves no more than others need, however long RESERVE is, on a full disk neither")
    func leavesNoMore() throws {
        var tuning = tuning
        tuning.chunkByteCount = 16_384
        tuning.reserveByteCounts = 65_536...65_536
        tuning.outputLeavesByteCount = 8192
        for isFull in [false, true] {
            let disk = SimulatedDisk()
            let engine = try Engine.open(disk, tuning: tuning)
            try fillHalfDead(engine)
            disk.capacity = disk.usedByteCount + (isFull ? 0 : 11 * 4096)
            if isFull {
                while try storeError({ try put(engine, ["x"]) }) == nil {}
                disk.capacity = disk.capacity.map { $0 - 5 * 4096 }
                #expect(try disk.freeByteCount() <= 11 * 4096)
            }
            _ = try engine.errorsUntilIdle { try $0.compactionStep() }
            #expect(engine.statistics().compaction.copiedByteCount > 0, "full: \(isFull)")
            disk.capacity = nil
            try engine.close()
        }
    }

    @Test("when compaction has made room, RESERVE is set aside again before it goes on")
    func refills() throws {
        var tuning = tuning
        tuning.segmentRecordCountMaximum = 1_000_000
        // A segment: deletes take some of it, and an output fits into the rest.
        tuning.reserveByteCounts = 65_536...65_536
        let engine = try Engine.open(disk, tuning: tuning)
        disk.capacity = disk.usedByteCount + (200 << 10)
        var count = 0
        let error = try storeError {
            while count < 1000 {
                try put(engine, ["key \(count)"])
                count += 1
            }
        }
        #expect(error?.kind == .diskFull)
        #expect(disk.byteCount(of: "RESERVE", in: .root) == 0)
        for number in 0..<count where number % 48 != 0 {
            _ = try engine.delete(Key("key \(number)").bytes.rawSpan)
        }
        try engine.flush()
        for _ in 0..<2000 {
            // The next segment may find the disk full once more, nothing else may be wrong.
            let steps = [{ try engine.urgentStep() }, { try engine.compactionStep() }]
            for step in steps {
                let error = try storeError { _ = try step() }
                #expect(error == nil || error?.kind == .diskFull)
            }
        }
        #expect(engine.statistics().compaction.compactionCount > 0)
        #expect(disk.byteCount(of: "RESERVE", in: .root) == 65_536)
        for number in stride(from: 0, to: count, by: 48) {
            let blob = try engine.get(Key("key \(number)").bytes.rawSpan)
            #expect(blob?.bytes == sampleBytes(900))
        }
        try engine.close()
    }
}
