// A full buffer is written up to a multiple of its size, and the record across that is carried over:
// nobody who reads, waits or opens again may notice.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Aligned flush")
struct AlignedFlushTests {
    private var tuning: Tuning {
        var tuning = Tuning.small
        tuning.segmentByteCountMaximum = 1 << 20
        tuning.segmentByteCountMinimum = 1 << 20
        return tuning
    }

    @Test("interval writes reach the file in pieces that end at multiples of the buffer's size")
    func multiples() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: tuning)
        for number in 0..<200 { try put(number, in: engine) }
        disk.isTracing = true
        for number in 200..<400 { try put(number, in: engine) }
        let ends = disk.trace.compactMap(writeEnd)
        #expect(ends.count > 5)
        #expect(ends.allSatisfy { $0 % 2048 == 0 })
        try engine.close()
    }

    @Test("every record is read while parts of it are written, in memory, and after opening again")
    func readable() throws {
        let disk = SimulatedDisk()
        var engine = try Engine.open(disk, tuning: tuning)
        for number in 0..<400 {
            try put(number, in: engine)
            for other in max(0, number - 20)...number { try check(other, in: engine) }
        }
        try engine.close()
        engine = try Engine.open(disk, tuning: tuning)
        for number in 0..<400 { try check(number, in: engine) }
        #expect(engine.findings.isEmpty)
        try engine.close()
    }

    /// Where a traced write of a segment ends: "12 write segments/….seg at 4096 100 bytes".
    private func writeEnd(_ line: String) -> Int? {
        let words = line.split(separator: " ")
        guard words.count > 5, words[1] == "write", words[2].hasSuffix(".seg"),
            let offset = Int(words[4]), let byteCount = Int(words[5])
        else { return nil }
        return offset + byteCount
    }

    private func value(_ number: Int) -> [UInt8] {
        sampleBytes(20 + number * 37 % 160, salt: UInt64(number) * 2)
    }

    private func put(_ number: Int, in engine: Engine<SimulatedDisk>) throws {
        let value = value(number)
        let key = Key("key \(number)").bytes
        _ = try engine.put(key.rawSpan, value.rawSpan, WriteOptions(durability: .interval))
    }

    private func check(_ number: Int, in engine: Engine<SimulatedDisk>) throws {
        let key = Key("key \(number)").bytes
        #expect(try engine.get(key.rawSpan)?.bytes == value(number))
    }
}
