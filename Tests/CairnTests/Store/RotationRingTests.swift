// A rotation leaves work to be done before the next one: whoever does it is told, and not too early.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Ring of a rotation")
struct RotationRingTests {
    /// The engine that the ring belongs to, and what it does.
    private final class Bell: Sendable {
        private let ring = Guarded<(@Sendable () -> Void)?>(nil)
        func ask(_ body: (@Sendable () -> Void)?) { ring.withLock { $0 = body } }
        func call() { ring.withLock { $0 }?() }
    }

    @Test("it comes with the rotation, when the lead is free again", arguments: Durability.allCases)
    func rings(durability: Durability) throws {
        let bell = Bell()
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .small) { bell.call() }
        let options = WriteOptions(durability: durability)
        func put(_ byteCount: Int) throws {
            _ = try engine.put(
                Key("key").bytes.rawSpan, sampleBytes(byteCount).rawSpan, options)
        }
        try put(900)
        try engine.doUrgentUntilIdle()
        // From here on nobody takes the keeper's duties: only a rotation has something new to say.
        let ringCount = Guarded(0)
        let failure = Guarded<String?>(nil)
        bell.ask {
            bell.ask(nil)
            ringCount.withLock { $0 += 1 }
            do {
                // Wants the lead, which is not taken from under anybody.
                try engine.flush()
            } catch {
                failure.withLock { $0 = "\(error)" }
            }
        }
        let count = engine.statistics().segmentCount
        while engine.statistics().segmentCount == count {
            #expect(ringCount.withLock { $0 } == 0)
            try put(600)
        }
        #expect(ringCount.withLock { $0 } == 1)
        #expect(failure.withLock { $0 } == nil)
        #expect(try engine.urgentStep())
        try engine.close()
    }
}
