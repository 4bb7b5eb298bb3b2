// One compaction at a time, seen from outside: what it moves, what it drops, what stops it.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Compaction")
struct CompactionTests {
    @Test(
        "overwritten and deleted blobs give their space back, all others stay, and so do versions")
    func reclaims() throws {
        var subject = try CompactionSubject()
        var versions: [String: Version] = [:]
        for round in UInt8(0)..<6 {
            for name in ["a", "b", "c", "d", "e"] {
                try subject.put(name, Array(repeating: round, count: 500))
            }
            try subject.put("once \(round)", [round])
        }
        try subject.delete("e")
        for round in 0..<6 {
            let key = Key("once \(round)").bytes
            versions["once \(round)"] = try subject.engine.information(key.rawSpan)?.version
        }
        try subject.reopen()
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
                let key = Key(name).bytes
                let blob = try subject.engine.get(key.rawSpan)
                #expect(blob?.version == version)
            }
            try subject.reopen()
            #expect(subject.engine.findings == [])
        }
        try subject.engine.close()
        #expect(subject.disk.openHandleCount == 0)
    }

    @Test("what made a record dead is durable before the record goes")
    func superseder() throws {
        let subject = try CompactionSubject()
        try subject.put("key", "x", "x", "x", "x")
        try subject.engine.doUrgentUntilIdle()
        let key = Key("key").bytes
        _ = try subject.engine.put(
            key.rawSpan, [7].rawSpan, WriteOptions(durability: .interval))
        try subject.engine.compactOnce()
        subject.disk.powerCut(.loseAll)
        let again = try Engine.open(subject.disk, tuning: subject.tuning)
        #expect(again.findings == [])
        #expect(try again.get(key.rawSpan)?.bytes == [7])
        #expect(again.statistics().keyCount == 2)
        try again.close()
    }

    @Test("a delete stays as long as a segment may hold an older put, and goes with it")
    func deletes() throws {
        var subject = try CompactionSubject()
        for name in ["old", "x", "y", "z"] {
            try subject.put(name, Array(repeating: 1, count: 900))
        }
        try subject.reopen()
        try subject.delete("old")
        for _ in 0..<3 { try subject.put("x2", Array(repeating: 2, count: 900)) }
        try subject.reopen()
        try subject.makeHints()
        // The first segment is nearly all live: only the second is worth it.
        try subject.compact()
        #expect(subject.counts.keptDeleteCount == 1)
        #expect(subject.counts.droppedDeleteCount == 0)
        try subject.reopen()
        #expect(try subject.get("old") == nil)
        try subject.delete("x", "y", "z")
        try subject.reopen()
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
        var subject = try CompactionSubject()
        for name in ["a", "b", "c", "d"] { try subject.put(name, Array(repeating: 1, count: 900)) }
        try subject.reopen()
        try subject.delete("never there")
        try subject.put("gone", [1])
        try subject.delete("gone")
        for _ in 0..<2 { try subject.put("x", Array(repeating: 2, count: 900)) }
        try subject.reopen()
        subject.removeHints()
        try subject.compact()
        #expect(subject.counts.keptDeleteCount == 1)
        #expect(subject.counts.droppedDeleteCount == 0)
        try subject.engine.close()
    }

    @Test("a compaction that is cut short by closing leaves nothing behind")
    func closing() throws {
        for steps in 1..<40 {
            var subject = try CompactionSubject { tuning in
                tuning.compactionStepByteCount = 100
                tuning.compactionBufferByteCount = 4096
            }
            for round in UInt8(0)..<5 {
                for name in ["a", "b", "c"] {
                    try subject.put(name, Array(repeating: round, count: 300))
                }
            }
            try subject.reopen()
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
            let manifest = try subject.manifest
            #expect(
                manifest.entries.map { SegmentFileName($0.id).description }
                    == subject.segmentNames.sorted())
        }
    }

    @Test("a store that is overwritten for long uses ordinals again, and confuses no two segments")
    func ordinals() throws {
        var subject = try CompactionSubject { $0.segmentRecordCountMaximum = 2 }
        for round in 0..<300 {
            try subject.put("key \(round % 3)", Array(repeating: UInt8(round % 251), count: 300))
            if round % 4 == 0 { try subject.work() }
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
}
