// The ordinal of a segment that went is another one's: who looked at a record before looks again if it
// was that segment's, and only then.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Ordinals that are used again")
struct OrdinalReuseTests {
    /// What the engine calls for the keeper, when it is there.
    private final class Bell: Sendable {
        private let ring = Guarded<(@Sendable () -> Void)?>(nil)
        func set(_ body: (@Sendable () -> Void)?) { ring.withLock { $0 = body } }
        func call() { ring.withLock { $0.take() }?() }
    }

    @Test("a write decides on what is there, not on what lay in its key's place when it looked")
    func ownOrdinal() throws {
        let disk = SimulatedDisk()
        let bell = Bell()
        let engine = try Engine.open(disk, tuning: .segments(ofRecords: 4)) { bell.call() }
        @Sendable func put(_ name: String, _ options: WriteOptions = WriteOptions()) throws {
            _ = try engine.put(Key(name).bytes.rawSpan, sampleBytes(900).rawSpan, options)
        }
        for name in ["key", "x", "x", "x", "x"] { try put(name) }
        let old = try #require(try engine.information(Key("key").bytes.rawSpan)).version
        // The third segment is made, and full as well: the next write has to make the fourth.
        try engine.doUrgentUntilIdle()
        for name in ["a", "b", "c", "d", "e", "f", "g"] { try put(name) }
        try engine.compact { try disk.manifest.entries.contains { $0.state == .retired } }
        var isGone = false
        disk.stepObserver = { _ in
            if isGone { return }
            isGone = true
            do {
                // The record moves, and its segment goes, behind the write's look at it.
                let name = SegmentFileName(1).description
                try engine.compact { disk.byteCount(of: name, in: .segments) == nil }
                bell.set {
                    // Somebody is quicker: in the segment that has the ordinal now, at the same offset.
                    do {
                        try put("key", WriteOptions(durability: .interval))
                    } catch {
                        Issue.record("\(error)")
                    }
                }
            } catch {
                Issue.record("\(error)")
            }
        }
        let error = expectError(.conditionFailed) {
            try put("key", WriteOptions(condition: .matches(old)))
        }
        disk.stepObserver = nil
        let new = try #require(try engine.information(Key("key").bytes.rawSpan)).version
        #expect(isGone && new > old && error?.currentVersion == new)
        try engine.close()
    }

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
