// Files of replaced segments: who removes them, and what they wait for; hints that take no room yet.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Files of replaced segments")
struct ReplacedFilesTests {
    private let disk = SimulatedDisk(seed: 3)
    private let engine: Engine<SimulatedDisk>

    init() throws {
        var tuning = Tuning.small
        tuning.segmentRecordCountMaximum = 4
        tuning.segmentByteCountMinimum = 64 << 10
        tuning.segmentByteCountMaximum = 64 << 10
        engine = try Engine.open(disk, tuning: tuning)
    }

    private func put(_ number: Int, _ byteCount: Int) throws {
        let value = [UInt8](repeating: UInt8(number & 255), count: byteCount)
        _ = try engine.put(Key.numbered(number).bytes.rawSpan, value.rawSpan)
    }

    /// Segments of three dead records and a small living one each; with a delete among the dead ones, if
    /// asked for.
    private func overwrite(deletes: Bool = false) throws {
        try put(0, 300)
        for round in 0..<12 {
            for number in 1...3 { try put(number, 300) }
            try put(100 + round, 10)
            if deletes, round == 1 { _ = try engine.delete(Key.numbered(0).bytes.rawSpan) }
        }
        while try engine.urgentStep() {}
    }

    /// The segments that are there and not listed as what a reader would look into.
    private func replaced() throws -> Set<String> {
        let names = disk.fileNames(in: .segments).filter { $0.hasSuffix(".seg") }
        let bytes = try #require(disk.bytes(of: "MANIFEST", in: .root))
        let manifest = try Manifest(decoding: bytes.rawSpan)
        let current = manifest.entries.filter { $0.state != .retired }
        return Set(names).subtracting(current.map { SegmentFileName($0.id).description })
    }

    private func compact(leaving count: Int, until isOver: () throws -> Bool) throws {
        for _ in 0..<10_000 {
            if try isOver() { return }
            guard try engine.compactionStep(leaving: count) else { return }
        }
        Issue.record("compaction goes on for ever")
    }

    @Test("compaction leaves as many to others as it is told, and removes the rest itself")
    func leaving() throws {
        try overwrite()
        try compact(leaving: 2) { false }
        #expect(try replaced().count == 2)
        #expect(engine.statistics().compaction.replacedSegmentCount > 2)
        #expect(try engine.removeDrained())
        #expect(try engine.removeDrained())
        #expect(try engine.removeDrained() == false)
        #expect(try replaced().isEmpty)
        while try engine.compactionStep(leaving: 2) {}
        let bytes = try #require(disk.bytes(of: "MANIFEST", in: .root))
        #expect(try Manifest(decoding: bytes.rawSpan).entries.allSatisfy { $0.state != .retired })
        try engine.close()
    }

    @Test("where deletes are met nobody removes what was replaced before the output has its hint")
    func held() throws {
        try overwrite(deletes: true)
        while try engine.hintStep() {}
        // Until a compaction that met the delete is over: its output has no hint then.
        try compact(leaving: 0) {
            let counts = engine.statistics().compaction
            return counts.keptDeleteCount + counts.droppedDeleteCount > 0
        }
        let replaced = try replaced()
        let hintless = disk.fileNames(in: .segments).filter { name in
            name.hasSuffix(".seg") && !disk.fileNames(in: .segments).contains(hint(of: name))
                && !replaced.contains(name)
        }
        #expect(!replaced.isEmpty)
        #expect(try engine.removeDrained() == false)
        #expect(try self.replaced() == replaced)
        try compact(leaving: 100) { try engine.removeDrained() }
        let names = disk.fileNames(in: .segments)
        #expect(hintless.contains { names.contains(hint(of: $0)) })
        try engine.close()
    }

    private func hint(of segment: String) -> String { segment.dropLast(4) + ".hint" }

    @Test("a hint takes room when it is there, not before")
    func hintRoom() throws {
        try overwrite()
        let before = engine.spaceUse()
        #expect(before.hintByteCount == 0)
        while try engine.hintStep() {}
        let after = engine.spaceUse()
        let hints = disk.fileNames(in: .segments).filter { $0.hasSuffix(".hint") }
        #expect(hints.count > 2)
        #expect(after.hintByteCount > 0)
        #expect(after.byteCount == before.byteCount + after.hintByteCount)
        try engine.close()
    }
}
