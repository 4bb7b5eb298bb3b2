// A failed write takes its records back: who waits beside them, behind them or after them is
// answered all the same.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Failed write")
struct FailedWriteTests {
    @Test("a writer behind records that could not be written does not wait for ever")
    func answeredBehindFailure() throws {
        let disk = SimulatedDisk()
        var tuning = Tuning.small
        tuning.segmentByteCountMaximum = 16384
        tuning.segmentByteCountMinimum = 16384
        let engine = try Engine.open(disk, tuning: tuning)
        let outcomes = Guarded<[String: WriteOutcome]>([:])
        func put(_ name: String) throws {
            try engine.put(Key(name).bytes.rawSpan, sampleBytes(700).rawSpan, WriteOptions()) {
                outcome in outcomes.withLock { $0[name] = outcome }
            }
        }
        // A buffer holds three: the first three are written, and wait for a sync.
        for name in ["a", "b", "c", "d", "e", "f"] { try put(name) }
        disk.inject(Fault(.write))
        expectError(.inputOutput) { try put("g") }
        // Rests on the first three, and stands behind what was taken back.
        try engine.delete(Key("nobody").bytes.rawSpan, WriteOptions()) { outcome in
            outcomes.withLock { $0["nobody"] = outcome }
        }
        try put("next")
        engine.commit()
        let answers = outcomes.withLock { $0 }
        for name in ["a", "b", "c", "next", "nobody"] {
            #expect(try answers[name]?.get().replaced == false, "\(name) waits, or was refused")
        }
        for name in ["d", "e", "f"] {
            #expect(throws: StoreError.self, "\(name)") { try answers[name]?.get() }
        }
        #expect(answers.count == 8)
        try engine.close()
    }

    @Test(
        "a write that failed is repeated when the interval is over, not as long as somebody waits")
    func pacedRepeat() throws {
        let disk = SimulatedDisk()
        let rings = Guarded(0)
        let engine = try Engine.open(disk, tuning: .small) { rings.withLock { $0 += 1 } }
        let interval = WriteOptions(durability: .interval)
        _ = try engine.put(Key("kept").bytes.rawSpan, [1].rawSpan, interval)
        let outcome = Guarded<WriteOutcome?>(nil)
        try engine.put(Key("waits").bytes.rawSpan, [2].rawSpan, WriteOptions()) { result in
            outcome.withLock { $0 = result }
        }
        disk.inject(Fault(.write, isSticky: true, directory: .segments))
        // As the keeper does it: each ring is a commit.
        for _ in 0..<20 where rings.withLock({ $0 }) > 0 {
            rings.withLock { $0 = 0 }
            engine.commit()
        }
        #expect(disk.pendingFaults.first?.matchCount == 1)
        #expect(!engine.statistics().isReadOnly)
        guard case .failure = outcome.withLock({ $0 }) else {
            Issue.record("the writer was not told")
            return
        }
        disk.clearFaults()
        #expect(engine.syncInterval())
        #expect(try engine.get(Key("kept").bytes.rawSpan)?.bytes == [1])
        try engine.close()
        let again = try Engine.open(disk, tuning: .small)
        #expect(try again.get(Key("kept").bytes.rawSpan)?.bytes == [1])
        try again.close()
    }

    @Test("no zeros are written to a segment that a failed write has ended")
    func zerosBehindTheEnd() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .small)
        func put(_ name: String, _ count: Int) throws {
            try engine.put(
                Key(name).bytes.rawSpan, sampleBytes(count).rawSpan, WriteOptions()
            ) { _ in }
        }
        // The first three are written for the fourth, and wait for their sync.
        for name in ["a", "b", "c", "d"] { try put(name, 700) }
        let name = try #require(disk.fileNames(in: .segments).first)
        let end = try #require(disk.byteCount(of: name, in: .segments))
        disk.inject(Fault(.write, directory: .segments))
        engine.commit()
        #expect(disk.pendingFaults.first?.matchCount == 1)
        #expect(disk.unsyncedWriteCount(of: name, in: .segments) == 0)
        #expect(disk.byteCount(of: name, in: .segments) == end)
        try engine.close()
    }
}
