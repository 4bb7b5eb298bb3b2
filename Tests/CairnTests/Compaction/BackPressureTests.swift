// Writers are slowed to what compaction gets back: the rule on figures, and the line of time they share.

import Cairn
import CairnTestSupport
import Testing

@Suite("Back-pressure")
struct BackPressureTests {
    /// A store of 32 segments of live bytes that is overwritten by writers who could do 500 MB a
    /// second, and compacted by steps of 4 ms that give a MB back each.
    private struct Model {
        var pace = CompactionPace(target: 1.5, bytesPerSecond: nil)
        var use = SpaceUse()
        var now: UInt64 = 1
        var writersBytesPerSecond: Double?
        var written = 0.0

        init() {
            use.segmentByteCount = 32 << 20
            use.liveByteCount = 32 * use.segmentByteCount
            use.byteCount = use.liveByteCount * 14 / 10
        }

        mutating func step() {
            let nanoseconds: UInt64 = 4_000_000
            let speed = min(500e6, writersBytesPerSecond ?? .infinity)
            let bytes = speed * Double(nanoseconds) / 1e9
            written += bytes
            now += nanoseconds
            use.byteCount += UInt64(bytes)
            use.byteCount -= 1 << 20
            use.reclaimedByteCount += 1 << 20
            writersBytesPerSecond = pace.writersBytesPerSecond(at: now, use: use)
        }
    }

    @Test("a store that is overwritten faster than it is compacted stays within its target")
    func bound() {
        var model = Model()
        var least = Double.infinity
        for _ in 0..<5000 {
            model.step()
            least = min(least, model.use.room(target: 1.5))
        }
        #expect(least > 0)
        // Writers get all that compaction gives, not less: 262 MB a second for 20 s, and the room.
        #expect(model.written > 20 * 262e6)
        #expect(model.written < 20 * 262e6 + 0.1 * Double(model.use.liveByteCount))
    }

    @Test("all writers share one line of time, and short delays are saved up")
    func shared() {
        let brake = WriteBrake()
        #expect(!brake.isOn)
        brake.set(bytesPerSecond: 1_048_576)
        #expect(brake.isOn)
        // 1024 bytes in 976.5625 microseconds.
        #expect(brake.delay(of: 512, at: 1_000_000) == 0)
        #expect(brake.delay(of: 1024, at: 1_000_000) == 488_281 + 976_562)
        #expect(brake.delay(of: 1, at: 3_000_000) == 0)
        brake.set(bytesPerSecond: nil)
        #expect(!brake.isOn)
    }

    @Test("no write sleeps longer than the bound, however many there are")
    func longest() {
        let brake = WriteBrake()
        brake.set(bytesPerSecond: 0)
        for _ in 0..<3 {
            #expect(brake.delay(of: .max, at: 5) == WriteBrake.delayMaximum)
        }
    }
}
