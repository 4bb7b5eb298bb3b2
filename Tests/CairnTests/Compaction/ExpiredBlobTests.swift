// Compaction and blobs that expired: when they are destroyed, what stays in their place, and what a wrong
// clock cannot do.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Destroying what expired")
struct ExpiredBlobTests {
    @Test("a segment of expired blobs goes whole, an hour after they expired and not before")
    func goesWhole() throws {
        var subject = try CompactionSubject()
        let expiry = subject.time(inHours: 3)
        try subject.put("a", "b", "c", "d", expiry: expiry)
        try subject.put("e", "f", "g", "h")
        try subject.reopen()
        try subject.work()
        let before = subject.engine.statistics()
        #expect(before.keyCount == 8 && before.expiredByteCount == 0)
        let until = expiry.nanosecondsSince1970 - subject.disk.wallClock()
        subject.disk.advance(nanoseconds: until + 1)
        try subject.checkAccounts()
        let expired = subject.engine.statistics().expiredByteCount
        #expect(expired > 3600 && expired * 2 <= before.liveByteCount + 400)
        subject.disk.advance(nanoseconds: CompactionSubject.hour - 1_000_000_000)
        try subject.work()
        #expect(subject.keyCount == 8 && subject.counts.destroyedBlobCount == 0)
        subject.disk.advance(nanoseconds: 1_000_000_000)
        try subject.work()
        #expect(subject.keyCount == 4 && subject.counts.destroyedBlobCount == 4)
        #expect(subject.counts.keptExpiredCount == 0)
        let after = subject.engine.statistics()
        #expect(after.liveByteCount == before.liveByteCount - expired)
        #expect(after.expiredByteCount == 0)
        #expect(after.logicalByteCount < before.logicalByteCount - expired)
        try subject.checkAccounts()
        // Gone, whatever the clock says.
        subject.jump(days: -1)
        for name in ["a", "b", "c", "d"] { #expect(try subject.get(name) == nil) }
        for name in ["e", "f", "g", "h"] { #expect(try subject.get(name)?.count == 900) }
        try subject.engine.close()
    }

    @Test(
        "met in a segment that is compacted for another reason, the hour counts to the nanosecond")
    func toTheNanosecond() throws {
        for isOver in [false, true] {
            var subject = try CompactionSubject()
            let expiry = subject.time(inHours: 1).advanced(by: .seconds(1))
            try subject.put("expiring", expiry: expiry)
            for _ in 0..<3 { try subject.put("again") }
            try subject.reopen()
            let due = expiry.nanosecondsSince1970 + CompactionSubject.hour
            subject.disk.nanosecondsPerStep = 0
            subject.disk.advance(nanoseconds: due - subject.disk.wallClock() - (isOver ? 0 : 1))
            try subject.work()
            #expect(subject.counts.compactionCount > 0)
            #expect(subject.counts.destroyedBlobCount == (isOver ? 1 : 0))
            try subject.checkAccounts()
            try subject.engine.close()
        }
    }

    @Test(
        "while an older version may be somewhere, an expired blob stays as a delete of its number")
    func staysAsDelete() throws {
        var subject = try CompactionSubject()
        try subject.put("old", "x", "y", "z")
        let expiry = subject.time(inHours: 1)
        try subject.put("old", expiry: expiry)
        try subject.put("p", "q", "r", expiry: expiry)
        let key = Key("old").bytes
        let version = try subject.engine.information(key.rawSpan)?.version
        try subject.reopen()
        try subject.makeHints()
        subject.pass(hours: 4)
        try subject.engine.compactOnce()
        #expect(subject.counts.destroyedBlobCount == 4)
        #expect(subject.counts.keptExpiredCount == 1)
        #expect(subject.keyCount == 3)
        subject.jump(days: -1)
        for _ in 0..<2 {
            #expect(try subject.get("old") == nil)
            try subject.checkAccounts()
        }
        let deletes = try subject.deletes()
        #expect(deletes.map(\.sequence) == [version?.sequence])
        // Where the old version goes, so does the delete.
        subject.jump(days: 1)
        try subject.delete("x", "y", "z")
        try subject.reopen()
        try subject.work()
        #expect(try subject.deletes().isEmpty)
        #expect(subject.counts.droppedDeleteCount >= 4)
        try subject.checkAccounts()
        #expect(subject.keyCount == 0)
        try subject.engine.close()
    }

    @Test("without the hint of another segment it stays as a delete")
    func missingHint() throws {
        var subject = try CompactionSubject()
        try subject.put("a", "b", "c", "d")
        try subject.put("p", "q", "r", "s", expiry: subject.time(inHours: 1))
        try subject.reopen()
        subject.pass(hours: 4)
        subject.removeHints()
        try subject.compact()
        #expect(subject.counts.destroyedBlobCount == 4)
        #expect(subject.counts.keptExpiredCount == 4)
        try subject.checkAccounts()
        try subject.engine.close()
    }

    @Test(
        "a clock that is wrong destroys nothing, however often the store is opened",
        arguments: [400, -400])
    func wrongClock(days: Int) throws {
        var subject = try CompactionSubject()
        // Expired for the wrong clock and, where that is behind, for the right one.
        let expiry = subject.time(inHours: days > 0 ? 24 : -500 * 24)
        try subject.put("a", "b", "c", "d", expiry: expiry)
        try subject.reopen()
        subject.jump(days: days)
        try subject.work()
        #expect(subject.engine.statistics().isClockDoubted)
        for _ in 0..<5 {
            try subject.reopen()
            try subject.work()
            subject.pass(hours: 1)
            try subject.work()
            #expect(subject.counts.destroyedBlobCount == 0)
            #expect(subject.engine.statistics().isClockDoubted)
        }
        subject.jump(days: -days)
        if days > 0 {
            for name in ["a", "b", "c", "d"] { #expect(try subject.get(name) != nil) }
        }
        // It had begun to be believed, and takes as long to be forgotten.
        try subject.work()
        subject.pass(hours: 24)
        try subject.work()
        #expect(subject.counts.destroyedBlobCount == 4)
        #expect(!subject.engine.statistics().isClockDoubted)
        try subject.checkAccounts()
        try subject.engine.close()
    }

    @Test("a clock that jumps while a compaction is under way ends it before its commit")
    func clockChanges() throws {
        for steps in 0..<40 {
            let subject = try CompactionSubject { $0.compactionStepByteCount = 100 }
            try subject.put("a", "b", "c", "d", "e", expiry: subject.time(inHours: 1))
            try subject.makeHints()
            _ = try subject.engine.urgentStep()
            subject.pass(hours: 4)
            for _ in 0..<steps { _ = try subject.engine.compactionStep() }
            let isCommitted = try subject.isCommitted()
            subject.jump(days: -2)
            try subject.work()
            #expect(subject.counts.destroyedBlobCount == (isCommitted ? 4 : 0))
            for name in ["a", "b", "c", "d"] {
                #expect((try subject.get(name) == nil) == isCommitted)
            }
            subject.jump(days: 2)
            try subject.work()
            #expect(subject.counts.destroyedBlobCount == 4)
            try subject.engine.close()
            if steps == 0 { #expect(!isCommitted) }
            if steps == 39 { #expect(isCommitted) }
        }
    }

    @Test("with more times of expiry than are told apart none counts early, and in the end all do")
    func manyTimes() throws {
        var subject = try CompactionSubject { $0.segmentRecordCountMaximum = 200 }
        for number in 0..<150 {
            try subject.put(
                "\(1000 + number)", byteCount: 100, expiry: subject.time(inHours: 1 + number))
        }
        try subject.reopen()
        let start = subject.disk.wallClock()
        let whole = subject.engine.statistics().liveByteCount
        var last: UInt64 = 0
        for hours in 0..<UInt64(160) {
            let wanted = start + hours * CompactionSubject.hour
            subject.disk.advance(nanoseconds: wanted - min(wanted, subject.disk.wallClock()))
            let expired = subject.engine.statistics().expiredByteCount
            #expect(expired >= last && expired * 150 <= whole * min(hours, 150), "\(hours)")
            last = expired
        }
        #expect(last == whole)
        try subject.engine.close()
    }
}
