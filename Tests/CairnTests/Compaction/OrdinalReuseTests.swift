// The ordinal of a segment that went is another one's: who looked at a record before looks again if it
// was that segment's, and only then.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Ordinals that are used again")
struct OrdinalReuseTests {
    @Test("a write that looked at its key does not look again because another segment's went")
    func foreignOrdinal() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .segments(ofRecords: 4))
        func put(_ names: String...) throws {
            for name in names {
                _ = try engine.put(Key(name).bytes.rawSpan, sampleBytes(900).rawSpan)
            }
        }
        try put("x", "x", "x", "x", "key", "a", "b", "c", "x")
        try engine.workUntilIdle()
        #expect(engine.statistics().compaction.replacedSegmentCount == 1)
        disk.countsReads = true
        disk.isTracing = true
        var isDone = false
        disk.stepObserver = { _ in
            guard !isDone else { return }
            isDone = true
            // The next segment gets the ordinal of the one that went.
            do { try put("new 1", "new 2", "new 3", "new 4") } catch { Issue.record("\(error)") }
        }
        try put("key")
        disk.stepObserver = nil
        let reads = disk.trace.filter { $0.contains(" read ") }
        #expect(isDone && reads.count == 1, "\(reads)")
        try engine.close()
    }
}
