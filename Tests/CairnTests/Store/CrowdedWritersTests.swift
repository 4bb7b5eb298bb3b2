// More writes in flight than are allowed: whoever finds that commits them, and nobody sleeps for ever.

import Cairn
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

@Suite("Crowded writers")
struct CrowdedWritersTests {
    private static let threadCount = 8

    /// What the threads and the test share.
    private final class Progress: Sendable {
        let leftCount = Atomic<Int>(CrowdedWritersTests.threadCount)
        let bell = Parker()
        let failure = Guarded<String?>(nil)

        func end(_ error: String?) {
            if let error { failure.withLock { $0 = error } }
            leftCount.subtract(1, ordering: .acquiringAndReleasing)
            bell.unpark()
        }

        /// False when some do not end.
        func waitForAll() -> Bool {
            let end = Clock.monotonicNanoseconds() + 60_000_000_000
            while leftCount.load(ordering: .acquiring) > 0 {
                let now = Clock.monotonicNanoseconds()
                guard now < end else { return false }
                _ = bell.park(nanoseconds: end - now)
            }
            return true
        }
    }

    @Test("writers that wait among more writes in flight than are allowed all return")
    func blockingWriters() throws {
        var tuning = Tuning.small
        tuning.pendingCountMaximum = 4
        tuning.segmentByteCountMinimum = 64 << 10
        tuning.segmentByteCountMaximum = 64 << 10
        let engine = try Engine.open(SimulatedDisk(), tuning: tuning)
        let progress = Progress()
        let count = scaled("CROWDED_WRITES", ordinary: 4000, quick: 1000)
        var threads: [ServiceThread] = []
        for number in 0..<Self.threadCount {
            threads.append(
                try ServiceThread.start(name: "writer") {
                    var failure: String?
                    do {
                        try Self.write(engine, number, count)
                    } catch {
                        failure = "\(error)"
                    }
                    progress.end(failure)
                })
        }
        guard progress.waitForAll() else {
            Issue.record("a writer sleeps for ever")
            return
        }
        for thread in threads { thread.join() }
        #expect(progress.failure.withLock { $0 } == nil)
        #expect(engine.statistics().keyCount == UInt64(Self.threadCount * 2))
        try engine.close()
    }

    /// Waits for every other write, so that writes of both kinds are in flight.
    private static func write(
        _ engine: Engine<SimulatedDisk>, _ number: Int, _ count: Int
    ) throws {
        let (waiting, submitted) = (Key("\(number) waits").bytes, Key("\(number) does not").bytes)
        for round in 0..<count {
            let value = [UInt8](repeating: UInt8(round % 251), count: 40)
            try engine.put(submitted.rawSpan, value.rawSpan, WriteOptions()) { _ in }
            _ = try engine.put(waiting.rawSpan, value.rawSpan)
        }
    }
}
