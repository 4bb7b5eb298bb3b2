// Listings of segments without hints, whose keys are read and kept: what is kept of a segment must be
// what the segment holds now.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Listing without hints")
struct ListWhileChangingTests {
    private let disk = SimulatedDisk()

    /// An engine whose hints cannot be written.
    private func open(_ tuning: Tuning = .small) throws -> Engine<SimulatedDisk> {
        disk.inject(Fault(.create, isSticky: true, nameSuffix: ".hint.tmp"))
        return try Engine.open(disk, tuning: tuning)
    }

    @Test("records that were listed from memory and could not be written make no segment damaged")
    func givenUp() throws {
        let engine = try open()
        let outcomes = Guarded(0)
        _ = try engine.put(Key("written").bytes.rawSpan, [1].rawSpan)
        try engine.put(Key("given up").bytes.rawSpan, [2].rawSpan, WriteOptions()) { outcome in
            if case .failure = outcome { outcomes.withLock { $0 += 1 } }
        }
        // Takes up what is only in memory, too.
        #expect(try engine.pagedKeys(10) == [Key("written").bytes])
        disk.inject(Fault(.write, namePrefix: "0000000000000001"))
        engine.commit()
        #expect(outcomes.withLock { $0 } == 1)
        _ = try engine.put(Key("later").bytes.rawSpan, [3].rawSpan)
        for _ in 0..<2 {
            #expect(try engine.pagedKeys(10) == [Key("later").bytes, Key("written").bytes])
        }
        try engine.close()
    }

    @Test("a segment that goes while others are read leaves its keys in the listing")
    func gone() throws {
        let engine = try open(.segments(ofRecords: 4))
        // Four to a segment; of the second only one is live.
        for name in ["a", "b", "c", "d", "moved", "x", "x", "x", "e", "f", "x", "g"] {
            _ = try engine.put(Key(name).bytes.rawSpan, sampleBytes(900).rawSpan)
        }
        try engine.doUrgentUntilIdle()
        disk.countsReads = true
        var isDone = false
        disk.stepObserver = { [disk] _ in
            // Behind the attempts to make a hint: the first segment is read.
            guard !isDone, disk.pendingFaults.first?.matchCount == 2 else { return }
            isDone = true
            do {
                try engine.compactUntilIdle()
                #expect(engine.statistics().compaction.replacedSegmentCount == 1)
                // The next segment takes the place of the one that went, and holds nothing yet.
                _ = try engine.put(
                    Key("new").bytes.rawSpan, [1].rawSpan, WriteOptions(durability: .interval))
            } catch {
                Issue.record("\(error)")
            }
        }
        let page = try engine.list(includesUncertain: true).page()
        disk.stepObserver = nil
        #expect(isDone)
        let keys = Set(page.items.map(\.key))
        for name in ["a", "b", "c", "d", "e", "f", "g", "x", "moved"] {
            #expect(keys.contains(Key(name)), "\(name)")
        }
        try engine.close()
    }
}
