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

    @Test(
        "who may not wait goes on in a full buffer for a while, and what is written ends at a multiple"
    )
    func beyondTheEnd() throws {
        var tuning = tuning
        tuning.bufferByteCount = 8192
        tuning.sequenceLease = 1 << 20
        let disk = SimulatedDisk()
        var engine = try Engine.open(disk, tuning: tuning)
        // Only who may wait makes the first segment.
        try put(0, in: engine)
        // How many others put before one of them finds the buffer full, and writes it.
        disk.isTracing = true
        var fullCount = 1
        while disk.trace.compactMap(writeEnd).isEmpty {
            try put(fullCount, in: engine)
            fullCount += 1
        }
        try engine.close()
        let second = SimulatedDisk()
        engine = try Engine.open(second, tuning: tuning)
        try put(0, in: engine)
        var count = 1
        while try putPromptly(count, in: engine) { count += 1 }
        #expect(count > fullCount)
        second.isTracing = true
        for round in 0..<20 {
            // Nobody writes it but who is asked to.
            #expect(second.trace.compactMap(writeEnd).count == round)
            engine.flushFull()
            #expect(try putPromptly(count, in: engine))
            while try putPromptly(count, in: engine) { count += 1 }
        }
        #expect(second.trace.compactMap(writeEnd).allSatisfy { $0 % 8192 == 0 })
        for number in 0..<count { try check(number, in: engine) }
        try engine.close()
        engine = try Engine.open(second, tuning: tuning)
        for number in 0..<count { try check(number, in: engine) }
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

    /// False: it would have to wait.
    private func putPromptly(_ number: Int, in engine: Engine<SimulatedDisk>) throws -> Bool {
        let value = value(number)
        let key = Key("key \(number)").bytes
        let options = WriteOptions(durability: .interval)
        let write = try engine.putPromptly(key.rawSpan, value.rawSpan, options) { _ in }
        if case .done = write { return true }
        return false
    }

    private func check(_ number: Int, in engine: Engine<SimulatedDisk>) throws {
        let key = Key("key \(number)").bytes
        #expect(try engine.get(key.rawSpan)?.bytes == value(number))
    }
}
