// One compaction at a time, seen from outside: what it moves, what it drops, what stops it.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Compaction")
struct CompactionTests {
    /// A store on the simulated disk whose segments hold a few records each.
    private struct Subject {
        let disk: SimulatedDisk
        let tuning: Tuning
        var engine: Engine<SimulatedDisk>

        init(seed: UInt64 = 1, change: (inout Tuning) -> Void = { _ in }) throws {
            disk = SimulatedDisk(seed: seed)
            var tuning = Tuning.small
            tuning.segmentRecordCountMaximum = 4
            tuning.segmentByteCountMinimum = 64 << 10
            tuning.segmentByteCountMaximum = 64 << 10
            change(&tuning)
            self.tuning = tuning
            engine = try Engine.open(disk, tuning: tuning)
        }

        func put(_ name: String, _ value: [UInt8]) throws {
            let key = Array(name.utf8)
            _ = try engine.put(key.rawSpan, value.rawSpan)
        }

        func delete(_ name: String) throws {
            let key = Array(name.utf8)
            _ = try engine.delete(key.rawSpan)
        }

        func get(_ name: String) throws -> [UInt8]? {
            let key = Array(name.utf8)
            return try engine.get(key.rawSpan)?.bytes
        }

        /// Ends the segment that takes records.
        mutating func endSegment() throws { try reopen() }

        mutating func reopen() throws {
            try engine.close()
            engine = try Engine.open(disk, tuning: tuning)
        }

        func makeHints() throws { while try engine.hintStep() {} }

        func compact() throws { while try engine.compactionStep() {} }

        var counts: CompactionCounts { engine.statistics().compaction }

        var segmentNames: [String] {
            disk.fileNames(in: .segments).filter { $0.hasSuffix(".seg") }
        }
    }

    private static func shortSegments(_ tuning: inout Tuning) {
        tuning.segmentRecordCountMaximum = 1_000_000
        tuning.segmentByteCountMinimum = 8192
        tuning.segmentByteCountMaximum = 8192
    }

    @Test(
        "overwritten and deleted blobs give their space back, all others stay, and so do versions")
    func reclaims() throws {
        var subject = try Subject()
        var versions: [String: Version] = [:]
        for round in UInt8(0)..<6 {
            for name in ["a", "b", "c", "d", "e"] {
                try subject.put(name, Array(repeating: round, count: 500))
            }
            try subject.put("once \(round)", [round])
        }
        try subject.delete("e")
        for round in 0..<6 {
            let key = Array("once \(round)".utf8)
            versions["once \(round)"] = try subject.engine.information(key.rawSpan)?.version
        }
        try subject.endSegment()
        let before = subject.engine.statistics()
        try subject.makeHints()
        try subject.compact()
        let after = subject.engine.statistics()
        #expect(after.logicalByteCount < before.logicalByteCount / 2)
        #expect(after.liveByteCount == before.liveByteCount)
        #expect(after.keyCount == before.keyCount)
        #expect(after.compaction.compactionCount > 0)
        #expect(subject.segmentNames.count == after.segmentCount)
        for _ in 0..<2 {
            for name in ["a", "b", "c", "d"] {
                #expect(try subject.get(name) == Array(repeating: 5, count: 500))
            }
            #expect(try subject.get("e") == nil)
            for (name, version) in versions {
                let key = Array(name.utf8)
                let blob = try subject.engine.get(key.rawSpan)
                #expect(blob?.version == version)
            }
            try subject.reopen()
            #expect(subject.engine.findings == [])
        }
        try subject.engine.close()
        #expect(subject.disk.openHandleCount == 0)
    }

    @Test("a delete stays as long as a segment may hold an older put, and goes with it")
    func deletes() throws {
        var subject = try Subject()
        for name in ["old", "x", "y", "z"] {
            try subject.put(name, Array(repeating: 1, count: 900))
        }
        try subject.endSegment()
        try subject.delete("old")
        for _ in 0..<3 { try subject.put("x2", Array(repeating: 2, count: 900)) }
        try subject.endSegment()
        try subject.makeHints()
        // The first segment is nearly all live: only the second is worth it.
        try subject.compact()
        #expect(subject.counts.keptDeleteCount == 1)
        #expect(subject.counts.droppedDeleteCount == 0)
        try subject.reopen()
        #expect(try subject.get("old") == nil)
        for name in ["x", "y", "z"] { try subject.delete(name) }
        try subject.endSegment()
        try subject.makeHints()
        try subject.compact()
        #expect(subject.counts.droppedDeleteCount >= 3)
        try subject.reopen()
        for name in ["old", "x", "y", "z"] { #expect(try subject.get(name) == nil) }
        #expect(try subject.get("x2") == Array(repeating: 2, count: 900))
        try subject.engine.close()
    }

    @Test("a segment without its hint may hold an older put of anything")
    func missingHint() throws {
        var subject = try Subject()
        for name in ["a", "b", "c", "d"] { try subject.put(name, Array(repeating: 1, count: 900)) }
        try subject.endSegment()
        try subject.delete("never there")
        try subject.put("gone", [1])
        try subject.delete("gone")
        for _ in 0..<2 { try subject.put("x", Array(repeating: 2, count: 900)) }
        try subject.endSegment()
        let hints = subject.disk.fileNames(in: .segments).filter { $0.hasSuffix(".hint") }
        for name in hints { subject.disk.deleteFile(name, in: .segments) }
        try subject.compact()
        #expect(subject.counts.keptDeleteCount == 1)
        #expect(subject.counts.droppedDeleteCount == 0)
        try subject.engine.close()
    }

    @Test(
        "a damaged live record keeps its segment as it is, raises the alarm, and hinders no other")
    func damagedInput() throws {
        for skipped in [0, 60, 700] {
            var subject = try Subject(seed: UInt64(skipped))
            for name in ["a", "b", "c", "d"] { try subject.put(name, sampleBytes(600, salt: 2)) }
            try subject.endSegment()
            for name in ["b", "c", "d"] { try subject.put(name, [1]) }
            try subject.endSegment()
            for _ in 0..<4 { try subject.put("e", Array(repeating: 3, count: 600)) }
            try subject.endSegment()
            let name = try #require(subject.segmentNames.first)
            var bytes = try #require(subject.disk.bytes(of: name, in: .segments))
            bytes[SegmentHeader.byteCount + skipped] ^= 1
            subject.disk.replaceBytes(of: name, in: .segments, with: bytes)
            try subject.compact()
            #expect(subject.counts.damagedSegmentCount == 1)
            #expect(subject.counts.compactionCount > 0)
            #expect(subject.segmentNames.contains(name))
            let damage = subject.engine.statistics().damage
            #expect(damage.contains { $0.contains(name.prefix(16)) && $0.contains("compact") })
            #expect(try subject.get("e") == Array(repeating: 3, count: 600))
            #expect(try subject.get("b") == [1])
            try subject.engine.close()
        }
    }

    @Test("compacting by hand goes on although another segment's hint finds that one damaged")
    func damagedBeforeItsHint() throws {
        let subject = try Subject()
        for name in ["a", "b", "c", "d"] { try subject.put(name, sampleBytes(600, salt: 2)) }
        for round in 0..<4 {
            try subject.put("live \(round)", [1])
            for _ in 0..<3 { try subject.put("e", Array(repeating: 3, count: 600)) }
            // Where deletes are met an output gets its hint at once, behind those under way.
            try subject.delete("live \(round)")
        }
        let name = try #require(subject.segmentNames.first)
        subject.disk.flipBit(1, at: UInt64(SegmentHeader.byteCount) + 8, of: name, in: .segments)
        let counts = try subject.engine.compact(target: 1.1) { _ in true }
        #expect(counts.compactionCount > 0)
        #expect(subject.segmentNames.contains(name))
        let damage = subject.engine.statistics().damage
        #expect(damage.contains { $0.contains(name.prefix(16)) && $0.contains("compact") })
        #expect(try subject.get("e") == Array(repeating: 3, count: 600))
        try subject.engine.close()
    }

    @Test("a dead chunk or record that is damaged behind its header hinders nothing")
    func damagedDead() throws {
        var subject = try Subject()
        for name in ["a", "b", "c", "d"] { try subject.put(name, sampleBytes(600, salt: 2)) }
        for name in ["a", "b", "c"] { try subject.put(name, [1]) }
        try subject.endSegment()
        let name = try #require(subject.segmentNames.first)
        var bytes = try #require(subject.disk.bytes(of: name, in: .segments))
        bytes[SegmentHeader.byteCount + 41 + 300] ^= 1
        subject.disk.replaceBytes(of: name, in: .segments, with: bytes)
        try subject.compact()
        #expect(subject.counts.damagedSegmentCount == 0)
        #expect(!subject.segmentNames.contains(name))
        #expect(try subject.get("d") == sampleBytes(600, salt: 2))
        try subject.engine.close()
    }

    @Test(
        "a reader of a large blob reads it whole while its chunks move and its key is overwritten")
    func streams() throws {
        var subject = try Subject(change: Self.shortSegments)
        let value = sampleBytes(9000, salt: 4)
        let name = Array("large".utf8)
        let upload = try subject.engine.upload(name.rawSpan)
        for piece in 0..<9 {
            try upload.write(value.rawSpan.extracting(piece * 1000..<(piece + 1) * 1000))
            for round in UInt64(0)..<2 {
                try subject.put("filler", sampleBytes(1000, salt: round * 2))
            }
        }
        _ = try upload.commit()
        try subject.endSegment()
        let key = Array("large".utf8)
        let opened = try subject.engine.stream(key.rawSpan)
        let stream = try #require(opened)
        var read = try stream.read(byteCountMaximum: 1000)
        try subject.makeHints()
        try subject.compact()
        #expect(subject.counts.movedChunkCount > 0)
        read += try stream.read(byteCountMaximum: 1500)
        try subject.put("large", [1])
        while try subject.engine.backgroundStep() {}
        while true {
            let piece = try stream.read(byteCountMaximum: 2000)
            if piece.isEmpty { break }
            read += piece
        }
        #expect(read == value)
        stream.close()
        while try subject.engine.backgroundStep() {}
        #expect(subject.engine.statistics().keyCount == 2)
        try subject.engine.close()
    }

    @Test("chunks of an upload that is not committed are moved, and the blob is whole afterwards")
    func uploads() throws {
        var subject = try Subject(change: Self.shortSegments)
        let value = sampleBytes(5000, salt: 8)
        let key = Array("upload".utf8)
        let upload = try subject.engine.upload(key.rawSpan)
        try upload.write(value.rawSpan.extracting(0..<3000))
        for round in UInt64(0)..<20 {
            try subject.put("filler", sampleBytes(1000, salt: round * 2))
        }
        while try subject.engine.backgroundStep() {}
        #expect(subject.counts.compactionCount > 0)
        #expect(subject.counts.movedChunkCount > 0)
        try upload.write(value.rawSpan.extracting(3000..<5000))
        _ = try upload.commit()
        while try subject.engine.backgroundStep() {}
        #expect(try subject.get("upload") == value)
        try subject.reopen()
        #expect(try subject.get("upload") == value)
        try subject.engine.close()
    }

    @Test("a compaction that is cut short by closing leaves nothing behind")
    func closing() throws {
        for steps in 1..<40 {
            var subject = try Subject { tuning in
                tuning.compactionStepByteCount = 100
                tuning.compactionBufferByteCount = 4096
            }
            for round in UInt8(0)..<5 {
                for name in ["a", "b", "c"] {
                    try subject.put(name, Array(repeating: round, count: 300))
                }
            }
            try subject.endSegment()
            for _ in 0..<steps { _ = try subject.engine.compactionStep() }
            let live = subject.engine.statistics().liveByteCount
            try subject.reopen()
            #expect(subject.engine.findings == [])
            #expect(subject.engine.statistics().liveByteCount == live)
            try subject.compact()
            #expect(subject.disk.fileNames(in: .quarantine) == [])
            for name in ["a", "b", "c"] {
                #expect(try subject.get(name) == Array(repeating: 4, count: 300))
            }
            try subject.engine.close()
            #expect(subject.disk.openHandleCount == 0)
            // The list names what is there, and nothing else is there.
            let bytes = try #require(subject.disk.bytes(of: "MANIFEST", in: .root))
            let manifest = try Manifest(decoding: bytes.rawSpan)
            #expect(
                manifest.entries.map { SegmentFileName($0.id).description }
                    == subject.segmentNames.sorted())
        }
    }

    @Test("ordinals are used again, and a write that had looked before looks once more")
    func ordinals() throws {
        var subject = try Subject { $0.segmentRecordCountMaximum = 2 }
        for round in 0..<300 {
            try subject.put("key \(round % 3)", Array(repeating: UInt8(round % 251), count: 300))
            if round % 4 == 0 { while try subject.engine.backgroundStep() {} }
        }
        #expect(subject.counts.replacedSegmentCount > 50)
        for number in 0..<3 {
            let last = UInt8((297 + number) % 251)
            #expect(try subject.get("key \(number)") == Array(repeating: last, count: 300))
        }
        try subject.reopen()
        #expect(subject.engine.statistics().keyCount == 3)
        try subject.engine.close()
    }

    @Test("compacting by hand goes to the target that is asked for, and ends when told to")
    func byHand() throws {
        var subject = try Subject { tuning in
            tuning.segmentRecordCountMaximum = 1_000_000
            tuning.compactionStepByteCount = 4096
        }
        for number in 0..<40 {
            try subject.put("key \(number)", sampleBytes(900, salt: UInt64(number) * 2))
        }
        for number in 0..<10 { try subject.delete("key \(number * 4)") }
        try subject.endSegment()
        try subject.makeHints()
        var stepCount = 0
        _ = try subject.engine.compact(target: 1.2) { _ in
            stepCount += 1
            return stepCount < 3
        }
        #expect(stepCount == 3)
        _ = try subject.engine.compact(target: 1.2) { _ in true }
        let statistics = subject.engine.statistics()
        let bodies = statistics.logicalByteCount - UInt64(statistics.segmentCount * 4096)
        // Besides, each segment has its seal.
        #expect(Double(bodies) < 1.2 * Double(statistics.liveByteCount))
        #expect(throws: StoreError.self) {
            try subject.engine.compact(target: 1) { _ in true }
        }
        try subject.engine.close()
    }
}

@Suite("Compaction pace")
struct CompactionPaceTests {
    private let end = LogEnd(segmentCount: 1, offset: 1, sequence: 1)
    private let later = LogEnd(segmentCount: 1, offset: 2, sequence: 2)

    /// A store of 64 segments of live bytes that takes so many times as much.
    private func use(_ amplification: Double) -> SpaceUse {
        var use = SpaceUse()
        use.liveByteCount = 64 * use.segmentByteCount
        use.byteCount = UInt64(amplification * Double(use.liveByteCount))
        return use
    }

    @Test("it rests while others write, the less the nearer the target is, and never near it")
    func rests() {
        for (amplification, factor) in [(1.2, 4), (1.46, 1), (1.48, 0), (1.7, 0)]
            as [(Double, UInt64)]
        {
            var pace = CompactionPace(target: 1.5, bytesPerSecond: nil)
            let pause = pace.pause(
                after: 1000, byteCount: 1, end: later, use: use(amplification))
            #expect(pause == factor * 1000)
        }
    }

    @Test("it looks again soon while others write, and seldom while nobody does")
    func looks() {
        var pace = CompactionPace(target: 1.5, bytesPerSecond: nil)
        #expect(pace.pauseWithoutWork(end: end, segmentCount: 1) == 50_000_000)
        #expect(pace.pauseWithoutWork(end: end, segmentCount: 1) == 1_000_000_000)
        #expect(pace.pauseWithoutWork(end: later, segmentCount: 2048) == 150_000_000)
        #expect(pace.pauseWithoutWork(end: end, segmentCount: 1 << 20) == 1_000_000_000)
    }

    /// How fast writers may be after a second in which so many bytes were got back.
    private func writers(
        _ amplification: Double, reclaimed: UInt64, limit: UInt64? = nil
    ) -> Double? {
        var pace = CompactionPace(target: 1.5, bytesPerSecond: limit)
        var use = use(amplification)
        #expect(pace.writersBytesPerSecond(at: 1, use: use) == nil)
        use.reclaimedByteCount = reclaimed
        return pace.writersBytesPerSecond(at: 1_000_000_001, use: use)
    }

    @Test("writers are slowed to the pace of compaction as the room gets short, and never stopped")
    func brake() throws {
        #expect(writers(1.47, reclaimed: 100_000_000) == nil)
        // A quarter of a segment is left beside the output.
        let balanced = try #require(writers(1.5 - 1.25 / 64, reclaimed: 100_000_000))
        #expect(abs(balanced - 100_000_000) < 1)
        let over = try #require(writers(1.6, reclaimed: 100_000_000))
        #expect(over < balanced / 5)
        #expect(writers(1.6, reclaimed: 0) == 1e6)
        #expect(writers(1.6, reclaimed: 100_000_000, limit: 1000) == nil)
    }

    @Test("writers are not slowed for a target that cannot be kept")
    func unreachable() {
        var small = SpaceUse()
        small.liveByteCount = small.segmentByteCount
        small.byteCount = 3 * small.segmentByteCount
        #expect(small.room(target: 1.5) > CompactionPace.brakeRoom)
        var hinted = use(1.7)
        hinted.hintByteCount = hinted.liveByteCount / 2
        #expect(hinted.room(target: 1.5) > CompactionPace.brakeRoom)
        hinted.hintByteCount = 0
        #expect(hinted.room(target: 1.5) < 0)
    }

    @Test("it does not rest while nobody writes")
    func idle() {
        var pace = CompactionPace(target: 1.5, bytesPerSecond: nil)
        _ = pace.pause(after: 1000, byteCount: 1, end: end, use: use(1.1))
        #expect(pace.pause(after: 1000, byteCount: 1, end: end, use: use(1.1)) == 0)
        #expect(pace.pause(after: 1000, byteCount: 1, end: later, use: use(1.1)) == 4000)
    }

    @Test("a limit of bytes a second holds whatever else is so")
    func limit() {
        var pace = CompactionPace(target: 1.5, bytesPerSecond: 1000)
        for end in [end, end, later] {
            let pause = pace.pause(after: 1000, byteCount: 500, end: end, use: use(9))
            #expect(pause == 500_000_000 - 1000)
        }
        var slowest = CompactionPace(target: 1.5, bytesPerSecond: 1)
        #expect(
            slowest.pause(after: 0, byteCount: .max, end: end, use: use(1)) == 60_000_000_000)
    }
}
