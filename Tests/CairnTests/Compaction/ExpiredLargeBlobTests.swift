// Large blobs that expire: a small record, and chunks that lie elsewhere and go after it.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Destroying what expired: large blobs")
struct ExpiredLargeBlobTests {
    @Test("a large blob's chunks go with it, after the last reader")
    func large() throws {
        var subject = try CompactionSubject { $0.endSegmentsByLength() }
        try subject.put("small", byteCount: 100)
        try subject.put("large", byteCount: 30_000, expiry: subject.time(inHours: 1))
        try subject.reopen()
        let key = Key("large").bytes
        let opened = try subject.engine.stream(key.rawSpan)
        let stream = try #require(opened)
        try subject.work()
        subject.pass(hours: 4)
        #expect(subject.engine.statistics().expiredByteCount > 29_000)
        try subject.work()
        #expect(subject.counts.destroyedBlobCount == 1)
        #expect(subject.keyCount == 1)
        #expect(subject.engine.statistics().liveByteCount > 30_000)
        var bytes: [UInt8] = []
        while true {
            let piece = try stream.read(byteCountMaximum: 700)
            if piece.isEmpty { break }
            bytes += piece
        }
        #expect(bytes == sampleBytes(30_000, salt: 2))
        stream.close()
        try subject.work()
        #expect(subject.engine.statistics().liveByteCount < 300)
        #expect(subject.engine.statistics().logicalByteCount < 20_000)
        try subject.checkAccounts()
        try subject.engine.close()
    }

    @Test("a large blob that expired is found after opening, by a hint and by a scan")
    func largeAfterOpening() throws {
        for isHinted in [true, false] {
            var subject = try CompactionSubject()
            try subject.put("small", byteCount: 100)
            try subject.put("large", byteCount: 30_000, expiry: subject.time(inHours: 1))
            try subject.reopen()
            try subject.work()
            try subject.engine.close()
            subject.pass(hours: 4)
            let disk = isHinted ? subject.disk : subject.disk.withoutHints()
            let engine = try Engine.open(disk, tuning: subject.tuning)
            #expect((engine.hintedSegmentCount > 0) == isHinted)
            #expect(engine.statistics().expiredByteCount > 29_000)
            _ = try engine.compact(target: nil) { _ in true }
            #expect(engine.statistics().compaction.destroyedBlobCount == 1)
            #expect(engine.statistics().liveByteCount < 300)
            #expect(engine.statistics().logicalByteCount < 20_000)
            try engine.close()
        }
    }

    @Test("a large blob that is given more time again and again is not taken for many")
    func updated() throws {
        var subject = try CompactionSubject()
        let key = Key("large").bytes
        try subject.put("large", byteCount: 30_000, expiry: subject.time(inHours: 1))
        for hours in 2..<20 {
            let expiry = ExpiryChange.at(subject.time(inHours: hours))
            _ = try subject.engine.update(key.rawSpan, expiry: expiry)
        }
        #expect(subject.engine.statistics().expiredByteCount == 0)
        try subject.engine.flush()
        subject.pass(hours: 12)
        #expect(subject.engine.statistics().expiredByteCount == 0)
        try subject.reopen()
        #expect(subject.engine.statistics().expiredByteCount == 0)
        try subject.work()
        #expect(subject.counts.destroyedBlobCount == 0)
        subject.pass(hours: 12)
        #expect(subject.engine.statistics().expiredByteCount > 29_000)
        try subject.work()
        #expect(subject.counts.destroyedBlobCount == 1)
        try subject.checkAccounts()
        try subject.engine.close()
    }
}
