// A blob that expired is destroyed while a write that replaces it, or shares its chunks, waits for the
// disk. One thread plays both: the writer's, stopped at the first call of its commit.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Destroying what a waiting write replaces")
struct ExpiredInFlightTests {
    private let key = Key("key").bytes
    private let value = sampleBytes(3000, salt: 2)

    /// A store in which a compaction that destroys the key's blob is committed, and has yet to take it out
    /// of the index. The clock is set back: whoever looks at the key finds its blob.
    private func committed() throws -> CompactionSubject {
        var subject = try CompactionSubject { tuning in
            tuning.segmentRecordCountMaximum = 9
            tuning.compactionStepByteCount = 200
        }
        try subject.put("key", value, expiry: subject.time(inHours: 1))
        try subject.reopen()
        try subject.work()
        // With a segment that takes records, and the next one ready, a write goes to the log at once.
        try subject.put("other", [1])
        try subject.work()
        subject.pass(hours: 4)
        try subject.engine.compact { try subject.isCommitted() }
        #expect(subject.counts.destroyedBlobCount == 0 && subject.keyCount == 2)
        subject.jump(days: -1)
        return subject
    }

    /// Runs `write`; when its record is appended and the disk is about to take it, the blob that it
    /// replaces is destroyed, and then `meanwhile` runs.
    private func write(
        _ subject: CompactionSubject, meanwhile: () throws -> Void = {}, _ write: () throws -> Void
    ) throws {
        try withoutActuallyEscaping(meanwhile) { meanwhile in
            var isMet = false
            let before = subject.engine.statistics().nextSequence
            subject.disk.stepObserver = { _ in
                if isMet { return }
                isMet = true
                // The record is in memory alone: its log is written next.
                #expect(subject.engine.statistics().nextSequence == before + 1)
                do {
                    try subject.engine.compact { subject.counts.destroyedBlobCount == 1 }
                    try meanwhile()
                } catch {
                    Issue.record("\(error)")
                }
            }
            try write()
            subject.disk.stepObserver = nil
            #expect(isMet && subject.counts.lostRaceCount == 0)
        }
        subject.jump(days: 1)
    }

    /// The key is this now, and nothing else is there, here and in whatever opens the store.
    private func check(_ subject: inout CompactionSubject, is bytes: [UInt8]?) throws {
        for _ in 0..<2 {
            try subject.work()
            #expect(try subject.get("key") == bytes)
            #expect(subject.keyCount == (bytes == nil ? 1 : 2))
            let live = subject.engine.statistics().liveByteCount
            let byteCount = UInt64(bytes?.count ?? 0)
            #expect(live >= byteCount && live < byteCount + 600)
            try subject.checkAccounts()
        }
        try subject.engine.close()
    }

    @Test("a put that waits replaces nothing then, and the key is counted once")
    func put() throws {
        var subject = try committed()
        try write(subject) {
            _ = try subject.engine.put(key.rawSpan, [7].rawSpan, WriteOptions(durability: .synced))
        }
        try check(&subject, is: [7])
    }

    @Test("a delete that waits removes nothing then, and no other key is counted off for it")
    func delete() throws {
        var subject = try committed()
        try write(subject) {
            _ = try subject.engine.delete(key.rawSpan, WriteOptions(durability: .synced))
        }
        try check(&subject, is: nil)
    }

    @Test("an update that waits takes the chunks over: they stay")
    func update() throws {
        var subject = try committed()
        try write(subject) {
            let receipt = try subject.engine.update(
                key.rawSpan, metadata: [1], expiry: .never, WriteOptions(durability: .synced))
            #expect(receipt != nil)
        }
        try check(&subject, is: value)
    }

    @Test("when another write is quicker than that update, the chunks go: they are its own by then")
    func updateThatComesToNothing() throws {
        var subject = try committed()
        let overwrite = {
            let options = WriteOptions(durability: .interval)
            _ = try subject.engine.put(key.rawSpan, [8].rawSpan, options)
        }
        try write(subject, meanwhile: overwrite) {
            _ = try subject.engine.update(
                key.rawSpan, metadata: [1], expiry: .never, WriteOptions(durability: .synced))
        }
        try subject.engine.flush()
        try check(&subject, is: [8])
    }
}
