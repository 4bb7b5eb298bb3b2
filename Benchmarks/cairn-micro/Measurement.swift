// Measurement — runs a case in rounds and takes their times.
//
// First rounds of growing length until one lasts long enough to be timed; they are the warm-up. Then
// rounds of one length until the time is used up, at least five. Between rounds, off the clock and out
// of the counts, the case makes itself ready. Time is the wall's, the counts are those of all threads.

internal import BenchSupport
internal import CairnSystem
internal import Synchronization

struct Measurement {
    private static let roundSecondsMaximum = 0.05
    private static let roundCountMinimum = 5
    /// Where sums go, so that the compiler cannot know that nobody reads them.
    private static let sink = Atomic<UInt64>(0)

    private let one: MicroCase
    private let nanoseconds: UInt64
    private let roundNanoseconds: UInt64

    init(_ one: MicroCase, seconds: Double) {
        self.one = one
        nanoseconds = UInt64(seconds * 1e9)
        let round = min(Self.roundSecondsMaximum, seconds / Double(Self.roundCountMinimum * 2))
        roundNanoseconds = max(1, UInt64(round * 1e9))
    }

    func run(in directory: MicroDirectory) throws(BenchFailure) -> MicroResult {
        let subject = try one.make(directory)
        let count = try operationsPerRound(subject)
        var result = MicroResult(name: one.name)
        let end = Clock.monotonicNanoseconds() + nanoseconds
        repeat {
            try subject.renew(for: count)
            let before = AllocationCount.now()
            let elapsed = try Self.time(subject, count)
            result.add(elapsed: elapsed, count: count, before: before, after: .now())
        } while result.roundCount < Self.roundCountMinimum || Clock.monotonicNanoseconds() < end
        try subject.end()
        return result
    }

    private func operationsPerRound(_ subject: any Subject) throws(BenchFailure) -> Int {
        var count = 1
        while true {
            try subject.renew(for: count)
            let elapsed = try Self.time(subject, count)
            if elapsed >= roundNanoseconds / 2 || count >= 1 << 30 { return count }
            count *= 2
        }
    }

    private static func time(_ subject: any Subject, _ count: Int) throws(BenchFailure) -> UInt64 {
        let start = Clock.monotonicNanoseconds()
        let sum = try subject.run(count)
        let elapsed = Clock.monotonicNanoseconds() - start
        sink.wrappingAdd(sum, ordering: .relaxed)
        return elapsed
    }
}
