// The pace of compaction: when it rests, when it looks for work, and how fast it lets writers be.

import Cairn
import Testing

@Suite("Compaction pace")
struct CompactionPaceTests {
    private let end = LogEnd(segmentCount: 1, offset: 1, sequence: 1)
    private let later = LogEnd(segmentCount: 1, offset: 2, sequence: 2)

    /// A store of 64 segments of live bytes that takes so many times as much.
    private func use(_ amplification: Double) -> SpaceUse {
        var use = SpaceUse()
        use.liveByteCount = 64 * use.segmentByteCount
        use.byteCount = UInt64(amplification * Double(use.liveByteCount))
        return use
    }

    @Test("it rests while others write, the less the nearer the target is, and never near it")
    func rests() {
        for (amplification, factor) in [(1.2, 4), (1.46, 1), (1.48, 0), (1.7, 0)]
            as [(Double, UInt64)]
        {
            var pace = CompactionPace(target: 1.5, bytesPerSecond: nil)
            let pause = pace.pause(
                after: 1000, byteCount: 1, end: later, use: use(amplification))
            #expect(pause == factor * 1000)
        }
    }

    @Test("it looks again soon while others write, and seldom while nobody does")
    func looks() {
        var pace = CompactionPace(target: 1.5, bytesPerSecond: nil)
        #expect(pace.pauseWithoutWork(end: end, segmentCount: 1) == 50_000_000)
        #expect(pace.pauseWithoutWork(end: end, segmentCount: 1) == 1_000_000_000)
        #expect(pace.pauseWithoutWork(end: later, segmentCount: 2048) == 150_000_000)
        #expect(pace.pauseWithoutWork(end: end, segmentCount: 1 << 20) == 1_000_000_000)
    }

    /// How fast writers may be after a second in which so many bytes were got back.
    private func writers(
        _ amplification: Double, reclaimed: UInt64, limit: UInt64? = nil
    ) -> Double? {
        var pace = CompactionPace(target: 1.5, bytesPerSecond: limit)
        var use = use(amplification)
        #expect(pace.writersBytesPerSecond(at: 1, use: use) == nil)
        use.reclaimedByteCount = reclaimed
        return pace.writersBytesPerSecond(at: 1_000_000_001, use: use)
    }

    @Test("writers are slowed to the pace of compaction as the room gets short, and never stopped")
    func brake() throws {
        #expect(writers(1.47, reclaimed: 100_000_000) == nil)
        // A quarter of a segment is left beside the output.
        let balanced = try #require(writers(1.5 - 1.25 / 64, reclaimed: 100_000_000))
        #expect(abs(balanced - 100_000_000) < 1)
        let over = try #require(writers(1.6, reclaimed: 100_000_000))
        #expect(over < balanced / 5)
        #expect(writers(1.6, reclaimed: 0) == 1e6)
        #expect(writers(1.6, reclaimed: 100_000_000, limit: 1000) == nil)
    }

    @Test("writers are not slowed for a target that cannot be kept")
    func unreachable() {
        var small = SpaceUse()
        small.liveByteCount = small.segmentByteCount
        small.byteCount = 3 * small.segmentByteCount
        #expect(small.room(target: 1.5) > CompactionPace.brakeRoom)
        var hinted = use(1.7)
        hinted.hintByteCount = hinted.liveByteCount / 2
        #expect(hinted.room(target: 1.5) > CompactionPace.brakeRoom)
        hinted.hintByteCount = 0
        #expect(hinted.room(target: 1.5) < 0)
    }

    @Test("it does not rest while nobody writes")
    func idle() {
        var pace = CompactionPace(target: 1.5, bytesPerSecond: nil)
        _ = pace.pause(after: 1000, byteCount: 1, end: end, use: use(1.1))
        #expect(pace.pause(after: 1000, byteCount: 1, end: end, use: use(1.1)) == 0)
        #expect(pace.pause(after: 1000, byteCount: 1, end: later, use: use(1.1)) == 4000)
    }

    @Test("a limit of bytes a second holds whatever else is so")
    func limit() {
        var pace = CompactionPace(target: 1.5, bytesPerSecond: 1000)
        for end in [end, end, later] {
            let pause = pace.pause(after: 1000, byteCount: 500, end: end, use: use(9))
            #expect(pause == 500_000_000 - 1000)
        }
        var slowest = CompactionPace(target: 1.5, bytesPerSecond: 1)
        #expect(
            slowest.pause(after: 0, byteCount: .max, end: end, use: use(1)) == 60_000_000_000)
    }
}
