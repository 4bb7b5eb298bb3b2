// Writes of a key whose expired blob a compaction is about to destroy: at whatever step they come.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Destroying what expired: races")
struct ExpiredRaceTests {
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
        var subject = try CompactionSubject { tuning in
            tuning.compactionStepByteCount = 200
            tuning.segmentRecordCountMaximum = 9
        }
        for name in ["a", "b", "c"] {
            try subject.put(name, byteCount: byteCount, expiry: subject.time(inHours: 1))
        }
        try subject.reopen()
        try subject.work()
        subject.pass(hours: 4)
        for _ in 0..<steps { _ = try subject.engine.compactionStep() }
        let key = Key("b").bytes
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
        try subject.work()
        try subject.engine.flush()
        try subject.work()
        #expect(try subject.get("b") == (mustBe ? bytes : nil), "\(meanwhile), \(steps) steps")
        let others: UInt64 = meanwhile == .batch ? 1 : 0
        #expect(subject.keyCount == others + (mustBe ? 1 : 0), "\(meanwhile), \(steps) steps")
        try subject.checkAccounts()
        #expect(try subject.get("b") == (mustBe ? bytes : nil))
        try subject.engine.close()
        #expect(subject.disk.openHandleCount == 0)
    }
}
