// Bad input: damage of a segment that was still open when the program ended.
//
// What a crash can leave is recovered without a word of complaint; what only rot can leave is not.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Bad input: open segments")
struct OpenSegmentDamageTests {
    private let disk = SimulatedDisk()
    private let name = SegmentFileName(1).description

    /// A store whose process died while its first segment was open, all of it synced.
    init() throws {
        let engine = try Engine.open(disk, tuning: .smallChunks)
        for number in 0..<10 {
            _ = try engine.put(Key.numbered(number).bytes.rawSpan, sampleBytes(100).rawSpan)
        }
        disk.kill()
    }

    private func values(_ engine: Engine<SimulatedDisk>) throws -> Int {
        try (0..<10).count { number in
            let blob = try engine.get(Key.numbered(number).bytes.rawSpan)
            if let blob { #expect(blob.bytes == sampleBytes(100)) }
            return blob != nil
        }
    }

    @Test("undamaged, everything is there")
    func sound() throws {
        let engine = try Engine.open(disk, tuning: .smallChunks)
        #expect(try values(engine) == 10)
        #expect(engine.findings == [])
        try engine.close()
    }

    @Test("a listed segment shorter than its header is damage: its header was durable before")
    func headerGone() throws {
        for byteCount in [UInt64(0), 100, 4095] {
            let disk = SimulatedDisk(copying: disk)
            disk.kill()
            disk.setByteCount(byteCount, of: name, in: .segments)
            let before = disk.bytes(of: "MANIFEST", in: .root)
            let engine = try Engine.open(disk, tuning: .smallChunks)
            #expect(engine.statistics().isReadOnly)
            #expect(engine.findings.contains { $0.contains(name) })
            let error = try storeError { _ = try engine.get(Key.numbered(1).bytes.rawSpan) }
            #expect(error?.kind == .uncertain)
            try engine.close()
            #expect(disk.bytes(of: "MANIFEST", in: .root) == before)
        }
    }

    @Test("rot below the proven offset is reported and opens for reading only")
    func rot() throws {
        disk.flipBit(3, at: 4096 + 20, of: name, in: .segments)
        let engine = try Engine.open(disk, tuning: .smallChunks)
        #expect(engine.statistics().isReadOnly)
        #expect(engine.findings.contains { $0.contains(name) && $0.contains("4096") })
        let error = try storeError { _ = try engine.get(Key.numbered(0).bytes.rawSpan) }
        #expect(error?.kind == .uncertain)
        #expect(try engine.get(Key.numbered(9).bytes.rawSpan)?.bytes == sampleBytes(100))
        try engine.close()
        let writable = try Engine.open(
            disk, options: StoreOptions(acceptLoss: true), tuning: .smallChunks)
        #expect(try values(writable) == 9)
        try writable.close()
        let again = try Engine.open(disk, tuning: .smallChunks)
        #expect(!again.statistics().isReadOnly)
        #expect(try values(again) == 9)
        try again.close()
    }

    @Test("a missing open segment opens for reading only, until its loss is accepted")
    func missing() throws {
        disk.deleteFile(name, in: .segments)
        let engine = try Engine.open(disk, tuning: .smallChunks)
        #expect(engine.statistics().isReadOnly)
        let error = try storeError { _ = try engine.get(Key.numbered(1).bytes.rawSpan) }
        #expect(error?.kind == .uncertain)
        try engine.close()
        let writable = try Engine.open(
            disk, options: StoreOptions(acceptLoss: true), tuning: .smallChunks)
        #expect(try values(writable) == 0)
        _ = try writable.put(Key("new").bytes.rawSpan, [1].rawSpan)
        try writable.close()
    }
}
