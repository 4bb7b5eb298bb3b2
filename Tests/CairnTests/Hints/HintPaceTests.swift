// When hints are made: never in the way of a fill, always in the end.

import Cairn
import Testing

@Suite("Pace of hints")
struct HintPaceTests {
    private static let millisecond: UInt64 = 1_000_000

    /// How many pieces of 3 ms are made in so many seconds, while `end` says where the log ends.
    private func pieces(
        seconds: UInt64, waitingCount: Int, _ end: (_ milliseconds: UInt64) -> LogEnd
    ) -> Int {
        var pace = HintPace()
        var count = 0
        var now = 1000 * Self.millisecond
        let start = now
        while now < start + seconds * 1000 * Self.millisecond {
            let place = end((now - start) / Self.millisecond)
            if pace.mayWork(at: now, waitingCount: waitingCount, end: place) {
                count += 1
                let begin = now
                now += 3 * Self.millisecond
                pace.noteWork(from: begin, to: now)
            }
            now = max(now, pace.due)
        }
        return count
    }

    @Test("a fill, of small records or of many bytes, makes none until many segments wait")
    func fill() {
        let few = HintPace.waitingCountMaximum
        let records = { (time: UInt64) in LogEnd(offset: time * 10_000, sequence: time * 100) }
        let bytes = { (time: UInt64) in LogEnd(offset: time * 100_000, sequence: time) }
        let segments = { (time: UInt64) in
            LogEnd(segmentCount: Int(time / 50), offset: time % 50 * 320_000, sequence: time)
        }
        for end in [records, bytes, segments] {
            #expect(pieces(seconds: 3, waitingCount: few, end) == 0)
            let count = pieces(seconds: 3, waitingCount: few + 1, end)
            #expect((90...101).contains(count), "\(count)")
        }
    }

    @Test("a store that is written to now and then makes hints in a fifth of the time")
    func light() {
        let count = pieces(seconds: 3, waitingCount: 1) { time in
            LogEnd(offset: time * 1000, sequence: time)
        }
        #expect((180...201).contains(count), "\(count)")
    }

    @Test("an idle store makes them without a rest")
    func idle() {
        let count = pieces(seconds: 3, waitingCount: 1) { _ in LogEnd(segmentCount: 3) }
        #expect(count > 900)
    }

    @Test("hints that waited behind a fill are made when it is over")
    func afterwards() {
        let count = pieces(seconds: 4, waitingCount: 10) { time in
            LogEnd(segmentCount: Int(min(time, 3000) / 50), sequence: min(time, 3000))
        }
        #expect(count > 150)
    }
}
