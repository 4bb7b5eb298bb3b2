// Compacting by hand: what was begun for a target that was asked for is not gone on with for another.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Compacting by hand")
struct CompactByHandTests {
    @Test("what is ended by its progress leaves nothing that the background would go on with")
    func ended() throws {
        var subject = try CompactionSubject { tuning in
            tuning.segmentRecordCountMaximum = 1_000_000
            tuning.compactionStepByteCount = 4096
        }
        for number in 0..<40 { try subject.put("key \(number)") }
        for number in 0..<4 { try subject.delete("key \(number * 10)") }
        try subject.reopen()
        let (engine, disk) = (subject.engine, subject.disk)
        // Below the store's own target, and above the one that is asked for.
        #expect(try engine.compactionStep() == false)
        let names = disk.fileNames(in: .segments)
        for stepCount in 1..<40 {
            var count = 0
            let counts = try engine.compact(target: 1.1) { _ in
                count += 1
                return count < stepCount
            }
            if counts.compactionCount > 0 { break }
            #expect(disk.fileNames(in: .segments) == names)
            #expect(try engine.compactionStep() == false, "after \(stepCount) steps")
        }
        #expect(engine.statistics().compaction.compactionCount == 1)
        try engine.compactUntilIdle()
        for number in 0..<40 {
            let blob = try engine.get(Key.numbered(number).bytes.rawSpan)
            #expect((blob == nil) == (number % 10 == 0))
        }
        try engine.close()
        #expect(disk.openHandleCount == 0)
    }

    @Test("compacting by hand goes to the target that is asked for, and ends when told to")
    func byHand() throws {
        var subject = try CompactionSubject { tuning in
            tuning.segmentRecordCountMaximum = 1_000_000
            tuning.compactionStepByteCount = 4096
        }
        for number in 0..<40 {
            try subject.put("key \(number)", sampleBytes(900, salt: UInt64(number) * 2))
        }
        for number in 0..<10 { try subject.delete("key \(number * 4)") }
        try subject.reopen()
        try subject.makeHints()
        var stepCount = 0
        _ = try subject.engine.compact(target: 1.2) { _ in
            stepCount += 1
            return stepCount < 3
        }
        #expect(stepCount == 3)
        _ = try subject.engine.compact(target: 1.2) { _ in true }
        let statistics = subject.engine.statistics()
        let bodies = statistics.logicalByteCount - UInt64(statistics.segmentCount * 4096)
        // Besides, each segment has its seal.
        #expect(Double(bodies) < 1.2 * Double(statistics.liveByteCount))
        #expect(throws: StoreError.self) {
            try subject.engine.compact(target: 1) { _ in true }
        }
        try subject.engine.close()
    }
}
