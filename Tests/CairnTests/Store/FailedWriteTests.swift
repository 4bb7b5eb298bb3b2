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
}
