// Compacting by hand: what was begun for a target that was asked for is not gone on with for another.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Compacting by hand")
struct CompactByHandTests {
    @Test("what is ended by its progress leaves nothing that the background would go on with")
    func ended() throws {
        let disk = SimulatedDisk()
        var tuning = Tuning.small
        tuning.segmentByteCountMinimum = 64 << 10
        tuning.segmentByteCountMaximum = 64 << 10
        tuning.compactionStepByteCount = 4096
        tuning.compactionBufferByteCount = 4096
        var engine = try Engine.open(disk, tuning: tuning)
        for number in 0..<40 {
            _ = try engine.put(
                Key.numbered(number).bytes.rawSpan, sampleBytes(900, salt: 2).rawSpan)
        }
        for number in 0..<4 { _ = try engine.delete(Key.numbered(number * 10).bytes.rawSpan) }
        try engine.close()
        engine = try Engine.open(disk, tuning: tuning)
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
        while try engine.compactionStep() {}
        for number in 0..<40 {
            let blob = try engine.get(Key.numbered(number).bytes.rawSpan)
            #expect((blob == nil) == (number % 10 == 0))
        }
        try engine.close()
        #expect(disk.openHandleCount == 0)
    }
}
