// An output that a power cut leaves unlisted is known for one, whatever else is left of it.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Unlisted outputs")
struct UnlistedOutputTests {
    private var tuning: Tuning {
        var tuning = Tuning.segments(ofRecords: 24)
        tuning.segmentByteCountMinimum = 32 << 10
        tuning.segmentByteCountMaximum = 32 << 10
        tuning.compactionStepByteCount = 1000
        return tuning
    }

    /// A store that is writing an output of several writes when it stops. Returns that file's name.
    private func interrupted(_ disk: SimulatedDisk) throws -> String {
        let engine = try Engine.open(disk, tuning: tuning)
        for number in 0..<48 {
            let name = number % 3 == 0 ? "key \(number)" : "x"
            _ = try engine.put(Key(name).bytes.rawSpan, sampleBytes(900).rawSpan)
        }
        try engine.doUrgentUntilIdle()
        let segments = Set(disk.fileNames(in: .segments))
        var output: String?
        try engine.compact {
            output = Set(disk.fileNames(in: .segments)).subtracting(segments).first
            let byteCount = output.flatMap { disk.byteCount(of: $0, in: .segments) } ?? 0
            return byteCount > 6000
        }
        return try #require(output)
    }

    @Test("its header is durable before its first record is written")
    func headerFirst() throws {
        let disk = SimulatedDisk()
        disk.isTracing = true
        let name = try interrupted(disk)
        // Without the numbers of the steps.
        let calls = disk.trace.filter { $0.contains(name) }.map { line in
            line.drop { $0 != " " }.dropFirst()
        }
        #expect(
            calls.prefix(3) == [
                "create segments/\(name)", "write segments/\(name) at 0 4096 bytes",
                "synchronizeFile segments/\(name)",
            ])
        #expect(calls.dropFirst(3).contains { $0.hasPrefix("write ") })
    }

    @Test("nothing of it goes to quarantine, and nothing is told of it")
    func removed() throws {
        let original = SimulatedDisk()
        let name = try interrupted(original)
        var keptCount = 0
        for variant in PowerCutVariant.variants(randomCount: 60, seed: 1) {
            let disk = SimulatedDisk(copying: original)
            disk.powerCut(variant)
            let kept = disk.bytes(of: name, in: .segments)?.dropFirst(SegmentHeader.byteCount)
            if kept?.contains(where: { $0 != 0 }) ?? false { keptCount += 1 }
            let engine = try Engine.open(disk, tuning: tuning)
            #expect(engine.findings == [], "\(variant)")
            #expect(disk.fileNames(in: .quarantine) == [], "\(variant)")
            #expect(engine.statistics().keyCount == 17)
            try engine.close()
        }
        // Records that may have come without their header, were it not synced.
        #expect((10..<60).contains(keptCount))
    }
}
