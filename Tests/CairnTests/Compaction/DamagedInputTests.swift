// Compaction meets damage: what it takes care of stays as it is, and everything else goes on.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Damaged segments and compaction")
struct DamagedInputTests {
    @Test(
        "a damaged live record keeps its segment as it is, raises the alarm, and hinders no other")
    func damagedInput() throws {
        for skipped in [0, 60, 700] {
            var subject = try CompactionSubject(seed: UInt64(skipped))
            try subject.put("a", "b", "c", "d", byteCount: 600)
            try subject.reopen()
            for name in ["b", "c", "d"] { try subject.put(name, [1]) }
            try subject.reopen()
            for _ in 0..<4 { try subject.put("e", Array(repeating: 3, count: 600)) }
            try subject.reopen()
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

    @Test("a read of an input that fails once is tried again; one that fails for good is damage")
    func failedRead() throws {
        for isSticky in [false, true] {
            var subject = try CompactionSubject()
            try subject.put("a", "b", "c", "d", byteCount: 600)
            try subject.reopen()
            for name in ["b", "c", "d"] { try subject.put(name, [1]) }
            try subject.reopen()
            let name = try #require(subject.segmentNames.first)
            subject.disk.inject(Fault(.read, isSticky: isSticky, namePrefix: name))
            try subject.compact()
            #expect((subject.disk.pendingFaults.first?.matchCount ?? 0) > 0)
            subject.disk.clearFaults()
            #expect(subject.counts.damagedSegmentCount == (isSticky ? 1 : 0))
            #expect(subject.segmentNames.contains(name) == isSticky)
            #expect(try subject.get("a") == sampleBytes(600, salt: 2))
            #expect(try subject.get("b") == [1])
            try subject.engine.close()
        }
    }

    @Test("compacting by hand goes on although another segment's hint finds that one damaged")
    func damagedBeforeItsHint() throws {
        let subject = try CompactionSubject()
        try subject.put("a", "b", "c", "d", byteCount: 600)
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
        var subject = try CompactionSubject()
        try subject.put("a", "b", "c", "d", byteCount: 600)
        for name in ["a", "b", "c"] { try subject.put(name, [1]) }
        try subject.reopen()
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
}
