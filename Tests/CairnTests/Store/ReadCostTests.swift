// What a read costs: no byte of a record is read from the disk twice.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Cost of a read")
struct ReadCostTests {
    /// Where the reads begin that `body` makes, and how many bytes they want.
    private func reads(
        _ disk: SimulatedDisk, _ body: () throws -> Void
    ) throws -> [(offset: Int, byteCount: Int)] {
        disk.isTracing = true
        disk.clearTrace()
        try body()
        disk.isTracing = false
        return disk.trace.filter { $0.contains(" read ") }.map { line in
            let words = line.split(separator: " ")
            let numbers = words.suffix(4).compactMap { Int($0) }
            return (numbers[0], numbers[1])
        }
    }

    @Test(
        "a large blob's composite record is read once to look it up, to overwrite and to delete it")
    func composite() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .small)
        let key = Key("large")
        _ = try engine.put(key.bytes.rawSpan, sampleBytes(2500).rawSpan)
        let looking = try reads(disk) { _ = try engine.information(key.bytes.rawSpan) }
        #expect(looking.count == 1)
        let overwriting = try reads(disk) {
            _ = try engine.put(key.bytes.rawSpan, sampleBytes(2500, salt: 2).rawSpan)
        }
        #expect(overwriting.count == 1)
        let deleting = try reads(disk) { _ = try engine.delete(key.bytes.rawSpan) }
        #expect(deleting.count == 1)
        try engine.close()
    }

    @Test("a small blob is read once, compressed or not", arguments: [false, true])
    func small(isCompressed: Bool) throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .small)
        let key = Key("small")
        let value = isCompressed ? [UInt8](repeating: 7, count: 200) : sampleBytes(200)
        _ = try engine.put(key.bytes.rawSpan, value.rawSpan)
        var found: Blob?
        let getting = try reads(disk) { found = try engine.get(key.bytes.rawSpan) }
        #expect(found?.bytes == value)
        #expect(getting.count == 1)
        var bytes: [UInt8] = []
        let lending = try reads(disk) {
            _ = try engine.withBytes(of: key.bytes.rawSpan) { bytes += $0.copyBytes() }
        }
        #expect(bytes == value)
        #expect(lending.count == 1)
        try engine.close()
    }

    @Test("a record whose metadata do not fit the first read costs a second one, for the rest only")
    func longMetadata() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .smallChunks)
        let key = Key("key")
        let metadata = sampleBytes(8000)
        _ = try engine.put(key.bytes.rawSpan, [1].rawSpan, WriteOptions(metadata: metadata))
        var found: BlobInformation?
        let reads = try reads(disk) { found = try engine.information(key.bytes.rawSpan) }
        #expect(found?.metadata == metadata)
        #expect(reads.count == 2)
        #expect(reads.map(\.byteCount).reduce(0, +) < 8100)
        try engine.close()
    }
}
