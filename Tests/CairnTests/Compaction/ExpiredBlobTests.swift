// Compaction and blobs that expired: when they are destroyed, what stays in their place, and what a wrong
// clock cannot do.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Destroying what expired")
struct ExpiredBlobTests {
    private static let hour: UInt64 = 3_600_000_000_000

    /// A store on the simulated disk whose segments hold four records each.
    fileprivate struct Subject {
        let disk = SimulatedDisk(seed: 1)
        let tuning: Tuning
        var engine: Engine<SimulatedDisk>

        init(change: (inout Tuning) -> Void = { _ in }) throws {
            var tuning = Tuning.small
            tuning.segmentRecordCountMaximum = 4
            tuning.segmentByteCountMinimum = 64 << 10
            tuning.segmentByteCountMaximum = 64 << 10
            change(&tuning)
            self.tuning = tuning
            disk.setWallClock(500_000 * ExpiredBlobTests.hour)
            engine = try Engine.open(disk, tuning: tuning)
        }

        /// The last moment before a whole hour, where a bucket of a histogram ends.
        func time(inHours hours: Int) -> WallTime {
            let hour = Int(disk.wallClock() / ExpiredBlobTests.hour) + hours
            return WallTime(nanosecondsSince1970: UInt64(hour) * ExpiredBlobTests.hour - 1)
        }

        func put(_ name: String, _ byteCount: Int = 900, expiry: WallTime? = nil) throws {
            let key = Array(name.utf8)
            let value = sampleBytes(byteCount, salt: 2)
            _ = try engine.put(key.rawSpan, value.rawSpan, WriteOptions(expiry: expiry))
        }

        func delete(_ name: String) throws {
            let key = Array(name.utf8)
            _ = try engine.delete(key.rawSpan)
        }

        func get(_ name: String) throws -> [UInt8]? {
            let key = Array(name.utf8)
            return try engine.get(key.rawSpan)?.bytes
        }

        func pass(hours: UInt64) { disk.advance(nanoseconds: hours * ExpiredBlobTests.hour) }

        /// The wall clock alone goes so far.
        func jump(days: Int) {
            let jump = UInt64(days.magnitude) * 24 * ExpiredBlobTests.hour
            let wall = disk.wallClock()
            disk.setWallClock(days < 0 ? wall - jump : wall + jump)
        }

        /// Makes hints and compacts until nothing is left to do.
        func compact() throws { while try engine.backgroundStep() {} }

        mutating func reopen() throws {
            try engine.close()
            engine = try Engine.open(disk, tuning: tuning)
        }

        var counts: CompactionCounts { engine.statistics().compaction }
        var keyCount: UInt64 { engine.statistics().keyCount }

        /// The counters are those of a store that is opened by scanning every record, and by hints.
        mutating func checkAccounts() throws {
            try engine.close()
            let scanned = try Engine.open(disk.withoutHints(), tuning: tuning)
            let before = engine.liveByteCounts().filter { $0.value > 0 }
            #expect(scanned.liveByteCounts().filter { $0.value > 0 } == before)
            #expect(scanned.statistics().keyCount == keyCount)
            let statistics = scanned.statistics()
            try scanned.close()
            engine = try Engine.open(disk, tuning: tuning)
            #expect(engine.liveByteCounts().filter { $0.value > 0 } == before)
            #expect(keyCount == statistics.keyCount)
            #expect(engine.statistics().expiredByteCount == statistics.expiredByteCount)
            #expect(engine.findings == [])
        }
    }

    @Test("a segment of expired blobs goes whole, an hour after they expired and not before")
    func goesWhole() throws {
        var subject = try Subject()
        let expiry = subject.time(inHours: 3)
        for name in ["a", "b", "c", "d"] { try subject.put(name, expiry: expiry) }
        for name in ["e", "f", "g", "h"] { try subject.put(name) }
        try subject.reopen()
        try subject.compact()
        let before = subject.engine.statistics()
        #expect(before.keyCount == 8 && before.expiredByteCount == 0)
        let until = expiry.nanosecondsSince1970 - subject.disk.wallClock()
        subject.disk.advance(nanoseconds: until + 1)
        try subject.checkAccounts()
        let expired = subject.engine.statistics().expiredByteCount
        #expect(expired > 3600 && expired * 2 <= before.liveByteCount + 400)
        subject.disk.advance(nanoseconds: Self.hour - 1_000_000_000)
        try subject.compact()
        #expect(subject.keyCount == 8 && subject.counts.destroyedBlobCount == 0)
        subject.disk.advance(nanoseconds: 1_000_000_000)
        try subject.compact()
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
            var subject = try Subject()
            let expiry = subject.time(inHours: 1).advanced(by: .seconds(1))
            try subject.put("expiring", expiry: expiry)
            for _ in 0..<3 { try subject.put("again") }
            try subject.reopen()
            let due = expiry.nanosecondsSince1970 + Self.hour
            subject.disk.nanosecondsPerStep = 0
            subject.disk.advance(nanoseconds: due - subject.disk.wallClock() - (isOver ? 0 : 1))
            try subject.compact()
            #expect(subject.counts.compactionCount > 0)
            #expect(subject.counts.destroyedBlobCount == (isOver ? 1 : 0))
            try subject.checkAccounts()
            try subject.engine.close()
        }
    }

    @Test(
        "while an older version may be somewhere, an expired blob stays as a delete of its number")
    func staysAsDelete() throws {
        var subject = try Subject()
        for name in ["old", "x", "y", "z"] { try subject.put(name) }
        let expiry = subject.time(inHours: 1)
        try subject.put("old", expiry: expiry)
        for name in ["p", "q", "r"] { try subject.put(name, expiry: expiry) }
        let key = Array("old".utf8)
        let version = try subject.engine.information(key.rawSpan)?.version
        try subject.reopen()
        while try subject.engine.hintStep() {}
        subject.pass(hours: 4)
        for _ in 0..<1000 where subject.counts.compactionCount == 0 {
            _ = try subject.engine.compactionStep()
        }
        #expect(subject.counts.destroyedBlobCount == 4)
        #expect(subject.counts.keptExpiredCount == 1)
        #expect(subject.keyCount == 3)
        subject.jump(days: -1)
        for _ in 0..<2 {
            #expect(try subject.get("old") == nil)
            try subject.checkAccounts()
        }
        let deletes = try subject.deletes()
        #expect(deletes == [version?.sequence])
        // Where the old version goes, so does the delete.
        subject.jump(days: 1)
        for name in ["x", "y", "z"] { try subject.delete(name) }
        try subject.reopen()
        try subject.compact()
        #expect(try subject.deletes() == [])
        #expect(subject.counts.droppedDeleteCount >= 4)
        try subject.checkAccounts()
        #expect(subject.keyCount == 0)
        try subject.engine.close()
    }

    @Test("without the hint of another segment it stays as a delete")
    func missingHint() throws {
        var subject = try Subject()
        for name in ["a", "b", "c", "d"] { try subject.put(name) }
        for name in ["p", "q", "r", "s"] {
            try subject.put(name, expiry: subject.time(inHours: 1))
        }
        try subject.reopen()
        subject.pass(hours: 4)
        let hints = subject.disk.fileNames(in: .segments).filter { $0.hasSuffix(".hint") }
        for name in hints { subject.disk.deleteFile(name, in: .segments) }
        while try subject.engine.compactionStep() {}
        #expect(subject.counts.destroyedBlobCount == 4)
        #expect(subject.counts.keptExpiredCount == 4)
        try subject.checkAccounts()
        try subject.engine.close()
    }

    @Test(
        "a clock that is wrong destroys nothing, however often the store is opened",
        arguments: [400, -400])
    func wrongClock(days: Int) throws {
        var subject = try Subject()
        // Expired for the wrong clock and, where that is behind, for the right one.
        let expiry = subject.time(inHours: days > 0 ? 24 : -500 * 24)
        for name in ["a", "b", "c", "d"] { try subject.put(name, expiry: expiry) }
        try subject.reopen()
        subject.jump(days: days)
        try subject.compact()
        #expect(subject.engine.statistics().isClockDoubted)
        for _ in 0..<5 {
            try subject.reopen()
            try subject.compact()
            subject.pass(hours: 1)
            try subject.compact()
            #expect(subject.counts.destroyedBlobCount == 0)
            #expect(subject.engine.statistics().isClockDoubted)
        }
        subject.jump(days: -days)
        if days > 0 {
            for name in ["a", "b", "c", "d"] { #expect(try subject.get(name) != nil) }
        }
        // It had begun to be believed, and takes as long to be forgotten.
        try subject.compact()
        subject.pass(hours: 24)
        try subject.compact()
        #expect(subject.counts.destroyedBlobCount == 4)
        #expect(!subject.engine.statistics().isClockDoubted)
        try subject.checkAccounts()
        try subject.engine.close()
    }

    @Test("a clock that jumps while a compaction is under way ends it before its commit")
    func clockChanges() throws {
        for steps in 0..<40 {
            let subject = try Subject { $0.compactionStepByteCount = 100 }
            for name in ["a", "b", "c", "d", "e"] {
                try subject.put(name, expiry: subject.time(inHours: 1))
            }
            while try subject.engine.hintStep() {}
            _ = try subject.engine.urgentStep()
            subject.pass(hours: 4)
            for _ in 0..<steps { _ = try subject.engine.compactionStep() }
            let isCommitted = try subject.isCommitted()
            subject.jump(days: -2)
            try subject.compact()
            #expect(subject.counts.destroyedBlobCount == (isCommitted ? 4 : 0))
            for name in ["a", "b", "c", "d"] {
                #expect((try subject.get(name) == nil) == isCommitted)
            }
            subject.jump(days: 2)
            try subject.compact()
            #expect(subject.counts.destroyedBlobCount == 4)
            try subject.engine.close()
            if steps == 0 { #expect(!isCommitted) }
            if steps == 39 { #expect(isCommitted) }
        }
    }

    /// What is done to an expired blob while a compaction is about to destroy it.
    enum Meanwhile: CaseIterable {
        case put, putInFlight, delete, batch, update
    }

    @Test("a write of the key wins, whenever it comes", arguments: Meanwhile.allCases)
    func races(meanwhile: Meanwhile) throws {
        for byteCount in [900, 3000] {
            for steps in 0..<45 { try race(meanwhile, byteCount, steps) }
        }
    }

    private func race(_ meanwhile: Meanwhile, _ byteCount: Int, _ steps: Int) throws {
        var subject = try Subject { tuning in
            tuning.compactionStepByteCount = 200
            tuning.segmentRecordCountMaximum = 9
        }
        for name in ["a", "b", "c"] {
            try subject.put(name, byteCount, expiry: subject.time(inHours: 1))
        }
        try subject.reopen()
        try subject.compact()
        subject.pass(hours: 4)
        for _ in 0..<steps { _ = try subject.engine.compactionStep() }
        let key = Array("b".utf8)
        var (mustBe, bytes) = (true, [7] as [UInt8])
        switch meanwhile {
        case .put: _ = try subject.engine.put(key.rawSpan, bytes.rawSpan)
        case .putInFlight:
            try subject.engine.put(key.rawSpan, bytes.rawSpan, WriteOptions()) { _ in }
        case .delete:
            _ = try subject.engine.delete(key.rawSpan)
            mustBe = false
        case .batch:
            var batch = Batch()
            batch.put(Key(key), bytes, condition: .absent)
            batch.put("other", sampleBytes(1500, salt: 4))
            _ = try subject.engine.apply(batch)
        case .update:
            // Only a clock that was set back lets it find the blob.
            subject.jump(days: -1)
            mustBe = try subject.engine.update(key.rawSpan, metadata: [1], expiry: .never) != nil
            bytes = sampleBytes(byteCount, salt: 2)
            subject.jump(days: 1)
        }
        try subject.compact()
        try subject.engine.flush()
        try subject.compact()
        #expect(try subject.get("b") == (mustBe ? bytes : nil), "\(meanwhile), \(steps) steps")
        let others: UInt64 = meanwhile == .batch ? 1 : 0
        #expect(subject.keyCount == others + (mustBe ? 1 : 0), "\(meanwhile), \(steps) steps")
        try subject.checkAccounts()
        #expect(try subject.get("b") == (mustBe ? bytes : nil))
        try subject.engine.close()
        #expect(subject.disk.openHandleCount == 0)
    }

    @Test("a large blob's chunks go with it, after the last reader")
    func large() throws {
        var subject = try Subject { tuning in
            tuning.segmentRecordCountMaximum = 1_000_000
            tuning.segmentByteCountMinimum = 8192
            tuning.segmentByteCountMaximum = 8192
        }
        try subject.put("small", 100)
        try subject.put("large", 30_000, expiry: subject.time(inHours: 1))
        try subject.reopen()
        let key = Array("large".utf8)
        let opened = try subject.engine.stream(key.rawSpan)
        let stream = try #require(opened)
        try subject.compact()
        subject.pass(hours: 4)
        #expect(subject.engine.statistics().expiredByteCount > 29_000)
        try subject.compact()
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
        try subject.compact()
        #expect(subject.engine.statistics().liveByteCount < 300)
        #expect(subject.engine.statistics().logicalByteCount < 20_000)
        try subject.checkAccounts()
        try subject.engine.close()
    }

    @Test("a large blob that expired is found after opening, by a hint and by a scan")
    func largeAfterOpening() throws {
        for isHinted in [true, false] {
            var subject = try Subject()
            try subject.put("small", 100)
            try subject.put("large", 30_000, expiry: subject.time(inHours: 1))
            try subject.reopen()
            try subject.compact()
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
        var subject = try Subject()
        let key = Array("large".utf8)
        try subject.put("large", 30_000, expiry: subject.time(inHours: 1))
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
        try subject.compact()
        #expect(subject.counts.destroyedBlobCount == 0)
        subject.pass(hours: 12)
        #expect(subject.engine.statistics().expiredByteCount > 29_000)
        try subject.compact()
        #expect(subject.counts.destroyedBlobCount == 1)
        try subject.checkAccounts()
        try subject.engine.close()
    }
}

extension ExpiredBlobTests.Subject {
    private var manifest: Manifest {
        get throws {
            let bytes = try #require(disk.bytes(of: "MANIFEST", in: .root))
            return try Manifest(decoding: bytes.rawSpan)
        }
    }

    /// Whether a compaction's output, or that there is none, is listed.
    fileprivate func isCommitted() throws -> Bool {
        try engine.statistics().compaction.compactionCount > 0
            || manifest.entries.contains { $0.state == .retired || $0.kind == .compacted }
    }

    /// The numbers of the deletes in all listed segments.
    fileprivate func deletes() throws -> [UInt64] {
        var found: [UInt64] = []
        for entry in try manifest.entries where entry.state != .retired {
            let name = SegmentFileName(entry.id).description
            let bytes = try #require(disk.bytes(of: name, in: .segments))
            var offset = SegmentHeader.byteCount
            while offset < Int(entry.logicalByteCount) {
                let record = Array(bytes[offset...])
                let header = try RecordHeader(decoding: record.rawSpan)
                if header.type == .delete { found.append(header.sequence) }
                offset += header.recordByteCount
            }
        }
        return found
    }
}
