// Chunks of deleted blobs that cannot be read when they are to leave the index: they keep nothing
// else waiting, and the disk is not asked for them all the time.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Dead chunks")
struct DeadChunkTests {
    private let disk = SimulatedDisk()
    private let engine: Engine<SimulatedDisk>

    init() throws {
        engine = try Engine.open(disk, tuning: .small)
    }

    private func writeAndDelete(_ keys: Key..., chunkCount: Int) throws {
        for key in keys {
            _ = try engine.put(key.bytes.rawSpan, sampleBytes(1024 * chunkCount).rawSpan)
        }
        for key in keys { _ = try engine.delete(key.bytes.rawSpan) }
    }

    /// Steps until there is nothing to do but hints, which would be read for as well; the errors
    /// told meanwhile.
    private func work() throws -> [StoreError] {
        try engine.errorsUntilIdle { try $0.urgentStep() }
    }

    private var failedReadCount: Int { disk.pendingFaults.first?.matchCount ?? 0 }
    private var liveByteCount: UInt64 { engine.statistics().liveByteCount }

    @Test("a chunk that cannot be read keeps no other in the index, and is asked for once a minute")
    func unreadableSegment() throws {
        try writeAndDelete("one", "two", chunkCount: 20)
        #expect(engine.statistics().segmentCount > 4)
        disk.inject(Fault(.read, isSticky: true, namePrefix: "0000000000000002"))
        let errors = try work()
        // What is left lies in one segment, behind a header of 4 KiB: three chunks.
        #expect(liveByteCount > 0 && liveByteCount <= 4096)
        #expect(errors.count == 1 && errors.first?.kind == .inputOutput, "\(errors)")
        #expect(errors.first?.segmentID == 2)
        let count = failedReadCount
        #expect(count <= 2 * (3 + 1))

        #expect(try work().isEmpty)
        #expect(failedReadCount == count)
        disk.advance(nanoseconds: 60_000_000_000)
        #expect(try work().count == 1)
        #expect(failedReadCount == count + 2)

        disk.clearFaults()
        #expect(try work().isEmpty)
        disk.advance(nanoseconds: 60_000_000_000)
        #expect(try work().isEmpty)
        #expect(liveByteCount == 0)
        try engine.close()
    }

    @Test("a disk that reads nothing any more is asked for seventeen chunks a minute")
    func unreadableDisk() throws {
        try writeAndDelete("one", chunkCount: 40)
        disk.inject(Fault(.read, isSticky: true))
        for minute in 1...2 {
            #expect(try work().count == 1)
            #expect(failedReadCount == minute * 2 * (16 + 1))
            disk.advance(nanoseconds: 60_000_000_000)
        }
        disk.clearFaults()
        #expect(try work().isEmpty)
        #expect(liveByteCount == 0)
        try engine.close()
    }

    @Test("chunks that a reader held when they were due are looked for again, without a write")
    func lateReader() throws {
        _ = try engine.put(Key("key").bytes.rawSpan, sampleBytes(5000).rawSpan)
        let opened = try engine.stream(Key("key").bytes.rawSpan)
        let stream = try #require(opened)
        _ = try engine.delete(Key("key").bytes.rawSpan)
        #expect(try work().isEmpty)
        #expect(liveByteCount > 0)
        let due = try #require(engine.deadChunksDue)
        #expect(due <= disk.monotonicClock() + 1_000_000_000)
        stream.close()
        #expect(try work().isEmpty)
        #expect(liveByteCount == 0 && engine.deadChunksDue == nil)
        try engine.close()
    }
}
