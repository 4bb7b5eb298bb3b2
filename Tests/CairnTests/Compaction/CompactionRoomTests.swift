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
        var tuning = Tuning.small
        tuning.segmentRecordCountMaximum = 8
        tuning.segmentByteCountMinimum = 64 << 10
        tuning.segmentByteCountMaximum = 64 << 10
        tuning.compactionBufferByteCount = 4096
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
        while try engine.urgentStep() {}
        while try engine.hintStep() {}
    }

    private func freeByteCount() throws -> UInt64 { try disk.freeByteCount() }

    @Test(
        "segments without anything live are removed with not a byte free, without RESERVE too",
        arguments: [16_384, 0] as [UInt64])
    func noByteFree(reserve: UInt64) throws {
        var tuning = tuning
        tuning.reserveByteCountMaximum = reserve
        let engine = try Engine.open(disk, tuning: tuning)
        try put(engine, (0..<24).map { "x \($0 % 8)" } + (0..<6).map { "key \($0)" })
        try work(engine)
        disk.capacity = disk.usedByteCount
        #expect(try freeByteCount() == 0)
        // Each of them by itself.
        for _ in 0..<200 where try engine.compactionStep() {}
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
        tuning.reserveByteCountMaximum = 0
        let engine = try Engine.open(disk, tuning: tuning)
        // A delete that must stay, for its put is still there; then a segment that is all dead.
        try put(engine, ["old"] + (0..<7).map { "key \($0)" })
        _ = try engine.delete(Key("old").bytes.rawSpan)
        try put(engine, (0..<7).map { "x \($0)" } + (0..<8).map { "x \($0)" })
        try put(engine, (0..<8).map { "x \($0)" } + ["last"])
        try work(engine)
        disk.capacity = disk.usedByteCount
        for _ in 0..<200 where try engine.compactionStep() {}
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
        for _ in 0..<50 where try engine.compactionStep() {}
        #expect(disk.pendingFaults.first?.matchCount == 1)
        #expect(engine.statistics().compaction.compactionCount == 0)
        for _ in 0..<50 { #expect(try !engine.compactionStep()) }
        disk.advance(nanoseconds: 61_000_000_000)
        for _ in 0..<50 where try engine.compactionStep() {}
        #expect(engine.statistics().compaction.compactionCount == 1)
        try engine.close()
    }
}
