// A callback may write to the store and wait for it: whoever calls it holds no role, and gets none.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Callbacks and the lead")
struct CallbackRoleTests {
    /// Parks until `isThere`, for half a minute at most.
    private func wait(_ bell: Parker, _ isThere: () -> Bool) -> Bool {
        let end = Clock.monotonicNanoseconds() + 30_000_000_000
        while !isThere() {
            let now = Clock.monotonicNanoseconds()
            guard now < end else { return false }
            _ = bell.park(nanoseconds: end - now)
        }
        return true
    }

    @Test("a callback that waits for a write is not called by a writer that is about to lead")
    func writesInside() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .small)
        let bell = Parker()
        let inside = Guarded<WriteOutcome?>(nil)
        let own = Guarded<WriteOutcome?>(nil)
        @Sendable func put(_ name: String) -> WriteOutcome {
            Result { () throws(StoreError) in
                try engine.put(Key(name).bytes.rawSpan, [1].rawSpan)
            }
        }
        // Written to make room for what follows, and not yet synced.
        try engine.put(
            Key("calls back").bytes.rawSpan, sampleBytes(900).rawSpan, WriteOptions()
        ) { _ in
            let outcome = put("inside")
            inside.withLock { $0 = outcome }
            bell.unpark()
        }
        for name in ["kept 1", "kept 2"] {
            _ = try engine.put(
                Key(name).bytes.rawSpan, sampleBytes(900).rawSpan,
                WriteOptions(durability: .interval))
        }
        // The next writer has to repeat this first, and its own record stands behind it.
        disk.inject(Fault(.write, directory: .segments))
        #expect(!engine.syncInterval())
        #expect(disk.pendingFaults.first?.matchCount == 1)
        let writer = try ServiceThread.start(name: "writer") {
            let outcome = put("own")
            own.withLock { $0 = outcome }
            bell.unpark()
        }
        guard wait(bell, { own.withLock { $0 } != nil && inside.withLock { $0 } != nil }) else {
            Issue.record("the callback waits for the thread that it runs on")
            return
        }
        writer.join()
        #expect(throws: Never.self) { try own.withLock { $0 }?.get() }
        #expect(throws: Never.self) { try inside.withLock { $0 }?.get() }
        for name in ["own", "inside"] {
            #expect(try engine.get(Key(name).bytes.rawSpan)?.bytes == [1])
        }
        try engine.close()
    }
}
