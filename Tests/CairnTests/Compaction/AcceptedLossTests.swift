// A loss is accepted while a compaction has left files behind: they may be all that is left of something.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Accepted loss and compaction")
struct AcceptedLossTests {
    private let disk = SimulatedDisk()

    private var tuning: Tuning {
        var tuning = Tuning.segments(ofRecords: 4)
        tuning.compactionStepByteCount = 1000
        return tuning
    }

    /// A store whose first segment is being compacted when the process is killed, as soon as `isTime`.
    private func killed(when isTime: (Manifest, [String]) -> Bool) throws {
        let engine = try Engine.open(disk, tuning: tuning)
        for name in ["a", "x", "x", "x", "b", "c", "d", "e", "x"] {
            _ = try engine.put(Key(name).bytes.rawSpan, sampleBytes(900).rawSpan)
        }
        try engine.doUrgentUntilIdle()
        try engine.compact {
            isTime(try disk.manifest, disk.fileNames(in: .segments))
        }
        disk.kill()
    }

    private func open(acceptLoss: Bool) throws -> [String] {
        let copy = SimulatedDisk(copying: disk)
        let engine = try Engine.open(
            copy, options: StoreOptions(acceptLoss: acceptLoss), tuning: tuning)
        for name in ["a", "b", "c", "d", "e", "x"] {
            #expect(try engine.get(Key(name).bytes.rawSpan)?.bytes == sampleBytes(900))
        }
        try engine.close()
        return copy.fileNames(in: .quarantine)
    }

    @Test("segments that were replaced go to quarantine then, not for good")
    func replaced() throws {
        var inputs: [String] = []
        try killed { manifest, names in
            inputs = manifest.entries.filter { $0.state == .retired }.map {
                SegmentFileName($0.id).description
            }
            return !inputs.isEmpty && Set(inputs).isSubset(of: names)
        }
        #expect(inputs == [SegmentFileName(1).description])
        #expect(try open(acceptLoss: false) == [])
        #expect(try open(acceptLoss: true).contains(inputs[0]))
    }

    @Test("an output that is not listed goes to quarantine then, not for good")
    func unlisted() throws {
        var outputs: Set<String> = []
        try killed { manifest, names in
            let segments = names.filter { $0.hasSuffix(".seg") }
            let listed = manifest.entries.map { SegmentFileName($0.id).description }
            outputs = Set(segments).subtracting(listed)
            // Whole, and not yet listed.
            return outputs.contains { disk.byteCount(of: $0, in: .segments) ?? 0 > 4096 }
        }
        #expect(outputs.count == 1)
        #expect(try open(acceptLoss: false) == [])
        #expect(try outputs.isSubset(of: open(acceptLoss: true)))
    }
}
