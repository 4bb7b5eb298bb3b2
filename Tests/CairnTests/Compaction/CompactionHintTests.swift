// Hints and compaction: that of an output, those of replaced segments, and those that cannot be made.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Hints of compacted segments")
struct CompactionHintTests {
    private let disk = SimulatedDisk()

    /// Four records make a segment.
    private let tuning = Tuning.segments(ofRecords: 4)

    private func put(_ engine: Engine<SimulatedDisk>, _ names: String...) throws {
        for name in names {
            _ = try engine.put(Key(name).bytes.rawSpan, sampleBytes(900).rawSpan)
        }
    }

    private func delete(_ engine: Engine<SimulatedDisk>, _ name: String) throws {
        _ = try engine.delete(Key(name).bytes.rawSpan)
    }

    private func names(_ suffix: String) -> Set<String> {
        let names = disk.fileNames(in: .segments).filter { $0.hasSuffix(suffix) }
        return Set(names.map { String($0.dropLast(suffix.count)) })
    }

    @Test("a compaction does not fail because another segment's hint cannot be made")
    func foreignFailure() throws {
        let engine = try Engine.open(disk, tuning: tuning)
        // Of the second segment little is live, and it holds a delete.
        try put(engine, "a", "b", "c", "d", "e", "gone", "x")
        try delete(engine, "gone")
        try put(engine, "f", "g", "h", "i", "x")
        try engine.doUrgentUntilIdle()
        disk.inject(
            Fault(
                .create, isSticky: true, namePrefix: "0000000000000001", nameSuffix: ".hint.tmp"))
        try engine.compactUntilIdle()
        #expect(engine.statistics().compaction.compactionCount == 1)
        #expect(disk.pendingFaults.first?.matchCount == 1)
        try engine.close()
    }

    @Test("an output has its hint before the segments that it replaces are removed")
    func hintComesFirst() throws {
        let engine = try Engine.open(disk, tuning: tuning)
        try put(engine, "a", "gone", "x")
        try delete(engine, "gone")
        try put(engine, "b", "c", "d", "e", "x")
        try engine.doUrgentUntilIdle()
        let before = names(".seg")
        var removedCount = 0
        disk.stepObserver = { _ in
            let segments = names(".seg")
            removedCount = before.subtracting(segments).count
            guard removedCount > 0 else { return }
            let outputs = segments.subtracting(before)
            #expect(outputs.count == 1 && outputs.isSubset(of: names(".hint")), "\(segments)")
        }
        try engine.compact { removedCount > 0 }
        disk.stepObserver = nil
        #expect(removedCount == 1)
        try engine.close()
    }

    @Test("no hint is left of a segment that is removed while its hint is written")
    func orphan() throws {
        // At every step of writing it; nothing live is left of the segment.
        for step in 1..<20 {
            let disk = SimulatedDisk()
            var tuning = tuning
            tuning.hintBlockByteCount = 64
            let engine = try Engine.open(disk, tuning: tuning)
            for name in ["x", "x", "x", "x", "a", "b", "c", "x", "x"] {
                _ = try engine.put(Key(name).bytes.rawSpan, sampleBytes(900).rawSpan)
            }
            try engine.doUrgentUntilIdle()
            var stepsLeft = step
            disk.stepObserver = { _ in
                stepsLeft -= 1
                guard stepsLeft == 0 else { return }
                let name = SegmentFileName(1).description
                do {
                    while disk.byteCount(of: name, in: .segments) != nil {
                        guard try engine.compactionStep() else { break }
                    }
                } catch {
                    Issue.record("\(error)")
                }
            }
            // A hint that cannot be made any more is given up.
            while (try? engine.hintStep()) ?? true {}
            disk.stepObserver = nil
            let names = disk.fileNames(in: .segments)
            for name in names where name.hasSuffix(".hint") {
                #expect(names.contains(name.dropLast(5) + ".seg"), "step \(step): \(name)")
            }
            try engine.close()
        }
    }
}
