// Zeros in the next segment: for those who wait for syncs, on a disk with room, and for nobody else.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Zeros in the next segment")
struct ZeroSpareTests {
    private let disk = SimulatedDisk()
    private static let header: UInt64 = 4096

    private func put(
        _ engine: Engine<SimulatedDisk>, _ durability: Durability, _ count: Int = 900
    ) throws {
        _ = try engine.put(
            Key("key").bytes.rawSpan, sampleBytes(count).rawSpan,
            WriteOptions(durability: durability))
    }

    private var segmentNames: [String] {
        disk.fileNames(in: .segments).filter { $0.hasSuffix(".seg") }
    }

    private var lastByteCount: UInt64? {
        segmentNames.last.flatMap { disk.byteCount(of: $0, in: .segments) }
    }

    private func work(_ engine: Engine<SimulatedDisk>) throws {
        try engine.doUrgentUntilIdle()
    }

    /// Writes, all with one durability, until the segment is another one and the next is made.
    private func rotate(_ engine: Engine<SimulatedDisk>, _ durability: Durability) throws {
        let count = segmentNames.count
        while segmentNames.count == count {
            try put(engine, durability)
            try work(engine)
        }
    }

    @Test("they are written while writers wait for syncs, and not on and on after one synced write")
    func forWhoeverWaits() throws {
        let engine = try Engine.open(disk, tuning: .small)
        try rotate(engine, .synced)
        #expect(lastByteCount == 8192)
        // The segment that takes records by now begins with zeros, but nobody waits for a sync of it.
        try rotate(engine, .interval)
        try rotate(engine, .interval)
        #expect(lastByteCount == Self.header)
        #expect(engine.syncInterval())
        try work(engine)
        #expect(lastByteCount == Self.header)
        try put(engine, .synced, 10)
        try work(engine)
        #expect(lastByteCount == 8192)
        try engine.close()
    }

    @Test("nobody waits for a sync of them")
    func unsynced() throws {
        let engine = try Engine.open(disk, tuning: .small)
        try rotate(engine, .synced)
        let name = try #require(segmentNames.last)
        #expect(disk.unsyncedWriteCount(of: name, in: .segments) >= 4)
        try engine.close()
    }

    @Test("on a disk with little room they stop, and give back what they took")
    func littleRoom() throws {
        let engine = try Engine.open(disk, tuning: .small)
        // The next segment is made, and nothing is written to it yet.
        while segmentNames.count < 2 {
            try put(engine, .synced)
            if try engine.urgentStep(), segmentNames.count == 2 { break }
        }
        #expect(lastByteCount == Self.header)
        // Room for four times as much as wanted, until the first of them are there.
        disk.capacity = disk.usedByteCount + 4 * 8192
        #expect(try engine.urgentStep())
        #expect(try #require(lastByteCount) > Self.header)
        try work(engine)
        #expect(lastByteCount == Self.header)
        disk.capacity = nil
        try put(engine, .synced, 10)
        try work(engine)
        // Not again for this segment.
        #expect(lastByteCount == Self.header)
        try engine.close()
    }
}
