// An output that a power cut leaves unlisted is known for one, whatever else is left of it.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Unlisted outputs")
struct UnlistedOutputTests {
    /// A store that is writing an output of several writes when it stops.
    private func interrupted(_ disk: SimulatedDisk, _ tuning: Tuning) throws {
        let engine = try Engine.open(disk, tuning: tuning)
        for number in 0..<24 {
            let name = number % 3 == 0 ? "key \(number)" : "x"
            _ = try engine.put(Key(name).bytes.rawSpan, sampleBytes(900).rawSpan)
        }
        while try engine.urgentStep() {}
        let segments = Set(disk.fileNames(in: .segments))
        while try engine.compactionStep() {
            let made = Set(disk.fileNames(in: .segments)).subtracting(segments)
            let byteCount = made.first.flatMap { disk.byteCount(of: $0, in: .segments) } ?? 0
            if byteCount > 6000 { return }
        }
        Issue.record("there was no output")
    }

    @Test("nothing of it goes to quarantine, and nothing is told of it")
    func removed() throws {
        var tuning = Tuning.small
        tuning.segmentByteCountMinimum = 32 << 10
        tuning.segmentByteCountMaximum = 32 << 10
        tuning.segmentRecordCountMaximum = 12
        tuning.compactionBufferByteCount = 4096
        tuning.compactionStepByteCount = 1000
        let original = SimulatedDisk()
        try interrupted(original, tuning)
        for variant in PowerCutVariant.variants(randomCount: 60, seed: 1) {
            let disk = SimulatedDisk(copying: original)
            disk.powerCut(variant)
            let engine = try Engine.open(disk, tuning: tuning)
            #expect(engine.findings == [], "\(variant)")
            #expect(disk.fileNames(in: .quarantine) == [], "\(variant)")
            #expect(engine.statistics().keyCount == 9)
            try engine.close()
        }
    }
}
