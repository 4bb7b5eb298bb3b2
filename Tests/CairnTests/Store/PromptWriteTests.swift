// Writes that may not wait for the disk: they are taken, or nothing is done.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Prompt writes")
struct PromptWriteTests {
    private func key(_ name: String) -> [UInt8] { Key(name).bytes }

    /// Segments of 16 KiB that end by their length.
    private func subject() throws -> CompactionSubject {
        try CompactionSubject { tuning in
            tuning.endSegmentsByLength()
            tuning.segmentByteCountMinimum = 16 << 10
            tuning.segmentByteCountMaximum = 16 << 10
        }
    }

    /// What came of it, and what was called back by now.
    private final class Outcome: Sendable {
        let receipts = Guarded<[WriteReceipt]>([])

        func note(_ outcome: WriteOutcome) {
            guard case .success(let receipt) = outcome else {
                Issue.record("no write of this fails: \(outcome)")
                return
            }
            receipts.withLock { $0.append(receipt) }
        }

        var count: Int { receipts.withLock { $0.count } }
    }

    private func put(
        _ name: String, _ value: [UInt8], _ durability: Durability, _ subject: CompactionSubject,
        _ outcome: Outcome = Outcome()
    ) throws -> PromptWrite {
        try subject.engine.putPromptly(
            key(name).rawSpan, value.rawSpan, WriteOptions(durability: durability)
        ) { outcome.note($0) }
    }

    private func delete(_ name: String, _ subject: CompactionSubject) throws -> PromptWrite {
        let outcome = Outcome()
        return try subject.engine.deletePromptly(
            key(name).rawSpan, WriteOptions(durability: .interval)
        ) { outcome.note($0) }
    }

    @Test(
        "an interval write is over at once and calls nobody; others call back when they are durable"
    )
    func outcomes() throws {
        let subject = try subject()
        try subject.put("first", [0])
        let outcome = Outcome()
        guard case .done(let receipt) = try put("a", [1], .interval, subject, outcome) else {
            Issue.record("it waits for nothing")
            return
        }
        #expect(!receipt.replaced && outcome.count == 0)
        for (place, durability) in [Durability.os, .synced].enumerated() {
            guard case .submitted = try put("a", [2], durability, subject, outcome) else {
                Issue.record("it is to be written first")
                return
            }
            #expect(outcome.count == place)
            subject.engine.commit()
            #expect(outcome.count == place + 1)
        }
        #expect(outcome.receipts.withLock { $0.allSatisfy(\.replaced) })
        #expect(try subject.get("a") == [2])
        guard case .done(let gone) = try delete("a", subject) else {
            Issue.record("it waits for nothing")
            return
        }
        #expect(gone.replaced)
        #expect(try subject.get("a") == nil)
        try subject.engine.close()
    }

    @Test("an old record that is not in memory is not waited for, and one that is suffices")
    func coldRecord() throws {
        var subject = try subject()
        try subject.put("k", [1])
        try subject.reopen()
        // A segment to write to.
        try subject.put("other", [0])
        subject.disk.isNothingCached = true
        guard case .wouldWait = try put("k", [2], .interval, subject),
            case .wouldWait = try delete("k", subject),
            case .done = try put("new", [3], .interval, subject)
        else {
            Issue.record("only what is not in memory has to be waited for")
            return
        }
        #expect(try subject.get("k") == [1])
        subject.disk.isNothingCached = false
        guard case .done = try put("k", [4], .interval, subject) else {
            Issue.record("the record is in memory")
            return
        }
        #expect(try subject.get("k") == [4])
        try subject.engine.close()
    }

    @Test("an old record that looks damaged is left to a write that may look twice")
    func damagedRecord() throws {
        var subject = try subject()
        try subject.put("k", sampleBytes(40))
        try subject.reopen()
        let name = try #require(try subject.disk.names(in: .segments).first)
        subject.disk.flipBit(0, at: 4096 + 20, of: name, in: .segments)
        guard case .wouldWait = try put("k", [2], .interval, subject) else {
            Issue.record("the record is damaged")
            return
        }
        _ = try subject.engine.put(key("k").rawSpan, [3].rawSpan)
        #expect(try subject.get("k") == [3])
        try subject.engine.close()
    }

    @Test(
        "neither the end of a segment is waited for, nor a full buffer, and nothing is lost or doubled"
    )
    func room() throws {
        let subject = try subject()
        let value = sampleBytes(900, salt: 2)
        var waits = 0
        for number in 0..<60 {
            let name = "k\(number)"
            let keyCount = subject.keyCount
            guard case .wouldWait = try put(name, value, .interval, subject) else { continue }
            waits += 1
            #expect(subject.keyCount == keyCount)
            #expect(try subject.get(name) == nil)
            try subject.put(name, value)
        }
        #expect(waits > 2)
        for number in 0..<60 { #expect(try subject.get("k\(number)") == value) }
        try subject.engine.close()
    }

    @Test("while writers are slowed or the disk is full puts would wait")
    func refusals() throws {
        let subject = try subject()
        for name in ["a", "b", "c"] { try subject.put(name, [1]) }
        subject.engine.brake.set(bytesPerSecond: 1e6)
        guard case .wouldWait = try put("a", [2], .interval, subject),
            case .done = try delete("a", subject)
        else {
            Issue.record("the brake holds puts, and nothing else")
            return
        }
        subject.engine.brake.set(bytesPerSecond: nil)
        subject.disk.capacity = subject.disk.usedByteCount
        let error = try storeError {
            for number in 0..<200 { try subject.put("f\(number)", byteCount: 900) }
        }
        #expect(error?.kind == .diskFull)
        guard case .wouldWait = try put("b", [2], .interval, subject) else {
            Issue.record("whether the disk is still full is seen by one that waits")
            return
        }
        subject.disk.capacity = nil
        subject.disk.advance(nanoseconds: 1_000_000_000)
        try subject.engine.close()
    }
}
