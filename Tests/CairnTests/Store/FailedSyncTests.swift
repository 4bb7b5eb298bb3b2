// A failed sync is final: the store takes no more writes, what was not durable is never shown as
// absent or as there, and opening again decides.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Failed sync")
struct FailedSyncTests {
    private func write(
        _ engine: Engine<SimulatedDisk>, _ key: Key, _ value: [UInt8],
        _ durability: Durability = .synced
    ) throws -> StoreError? {
        try storeError {
            _ = try engine.put(
                key.bytes.rawSpan, value.rawSpan, WriteOptions(durability: durability))
        }
    }

    @Test("its writers are told that the outcome is unknown, and so is every later one")
    func latched() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .smallChunks)
        #expect(try write(engine, "old", [1]) == nil)
        disk.inject(Fault(.synchronizeFile))
        let first = try write(engine, "new", [2])
        #expect(first?.kind == .outcomeUnknown)
        #expect(first?.errno == 5)
        #expect(first?.message.contains("open it again") == true, "\(String(describing: first))")
        #expect(engine.statistics().isReadOnly)
        let steps = disk.stepCount
        #expect(try write(engine, "later", [3])?.kind == .outcomeUnknown)
        #expect(try write(engine, "later", [3], .interval)?.kind == .outcomeUnknown)
        #expect(try storeError { try engine.flush() }?.kind == .outcomeUnknown)
        #expect(disk.stepCount == steps)
        // What was durable is served; what was not is neither there nor absent.
        #expect(try engine.get(Key("old").bytes.rawSpan)?.bytes == [1])
        #expect(
            try storeError { _ = try engine.get(Key("new").bytes.rawSpan) }?.kind
                == .outcomeUnknown)
        #expect(try storeError { try engine.close() }?.kind == .outcomeUnknown)
    }

    @Test("acknowledged os and interval writes and deletes above it answer unknown too")
    func unsynced() throws {
        for durability in [Durability.os, .interval] {
            let disk = SimulatedDisk()
            let engine = try Engine.open(disk, tuning: .smallChunks)
            #expect(try write(engine, "kept", [1]) == nil)
            #expect(try write(engine, "deleted", [1]) == nil)
            #expect(try write(engine, "unsynced", [2], durability) == nil)
            _ = try engine.delete(
                Key("deleted").bytes.rawSpan, WriteOptions(durability: durability))
            #expect(try engine.get(Key("unsynced").bytes.rawSpan)?.bytes == [2])
            disk.inject(Fault(.synchronizeFile))
            #expect(try write(engine, "new", [3])?.kind == .outcomeUnknown)
            for key in [Key("unsynced"), "deleted", "new"] {
                let error = try storeError { _ = try engine.get(key.bytes.rawSpan) }
                #expect(error?.kind == .outcomeUnknown, "\(durability) \(key)")
                let information = try storeError {
                    _ = try engine.information(key.bytes.rawSpan)
                }
                #expect(information?.kind == .outcomeUnknown)
            }
            #expect(try engine.get(Key("kept").bytes.rawSpan)?.bytes == [1])
        }
    }

    @Test("opening again decides, once and for all")
    func reopened() throws {
        for seed in UInt64(0)..<20 {
            let disk = SimulatedDisk(seed: seed)
            let engine = try Engine.open(disk, tuning: .smallChunks)
            #expect(try write(engine, "key", [1]) == nil)
            disk.inject(Fault(.synchronizeFile))
            #expect(try write(engine, "key", [2]) != nil)
            if seed % 2 == 0 { disk.kill() } else { disk.powerCut(.random(seed)) }
            let again = try Engine.open(disk, tuning: .smallChunks)
            let found = try #require(try again.get(Key("key").bytes.rawSpan)).bytes
            #expect(found == [1] || found == [2])
            try again.close()
            disk.powerCut(.random(seed))
            let last = try Engine.open(disk, tuning: .smallChunks)
            #expect(try last.get(Key("key").bytes.rawSpan)?.bytes == found)
            try last.close()
        }
    }

    @Test("a failed sync of MANIFEST or of its directory is final: nothing is written after it")
    func manifest() throws {
        let faults = [
            Fault(.synchronizeFile, directory: .root, namePrefix: "MANIFEST"),
            Fault(.synchronizeDirectory, directory: .root),
        ]
        for fault in faults {
            let disk = SimulatedDisk()
            let engine = try Engine.open(disk, tuning: .small)
            #expect(try write(engine, "old", [1]) == nil)
            disk.inject(fault)
            // The next segment is made, and to be listed.
            let error = try storeError { try engine.workUntilIdle() }
            #expect(error?.kind == .outcomeUnknown, "\(String(describing: error))")
            let steps = disk.stepCount
            #expect(try write(engine, "new", [2])?.kind == .outcomeUnknown)
            #expect(try storeError { _ = try engine.backgroundStep() } == nil)
            #expect(try storeError { try engine.close() }?.kind == .outcomeUnknown)
            #expect(disk.stepCount == steps)
            let again = try Engine.open(disk, tuning: .small)
            #expect(try again.get(Key("old").bytes.rawSpan)?.bytes == [1])
            #expect(again.findings == [])
            try again.close()
        }
    }

    @Test("a sync of MANIFEST that fails for want of space is not tried again, in RESERVE's either")
    func manifestWithoutSpace() throws {
        let fault = Fault(
            .synchronizeFile, failure: .noSpace, directory: .root, namePrefix: "MANIFEST")
        let disk = SimulatedDisk()
        try Engine.open(disk, tuning: .small).close()
        disk.inject(fault)
        #expect(try storeError { _ = try Engine.open(disk, tuning: .small) } != nil)
        #expect(disk.pendingFaults.first?.matchCount == 1)
        disk.clearFaults()
        let engine = try Engine.open(disk, tuning: .small)
        // All but the last of them are dead: compaction, too, wants a new list.
        for _ in 0..<12 { #expect(try write(engine, "key", sampleBytes(900)) == nil) }
        try engine.doUrgentUntilIdle()
        disk.inject(fault)
        let error = try storeError { try engine.compactUntilIdle() }
        #expect(error?.kind == .outcomeUnknown, "\(String(describing: error))")
        #expect(disk.pendingFaults.first?.matchCount == 1)
        #expect(try storeError { try engine.close() }?.kind == .outcomeUnknown)
        #expect(disk.pendingFaults.first?.matchCount == 1)
    }

    @Test("a failed sync while unlisted files are put away ends the opening")
    func quarantine() throws {
        for directory in [StoreDirectory.quarantine, .segments] {
            let disk = SimulatedDisk()
            try Engine.open(disk, tuning: .small).close()
            disk.replaceBytes(of: "notes", in: .segments, with: [1, 2, 3])
            // The first sync of segments/ is that at the beginning.
            disk.inject(
                Fault(
                    .synchronizeDirectory, occurrence: directory == .segments ? 2 : 1,
                    directory: directory))
            let error = try storeError { _ = try Engine.open(disk, tuning: .small) }
            #expect(error?.kind == .inputOutput, "\(String(describing: error))")
            disk.clearFaults()
            let again = try Engine.open(disk, tuning: .small)
            _ = try again.put(Key("key").bytes.rawSpan, [1].rawSpan)
            try again.close()
        }
    }

    @Test(
        "a failed sync of a new segment is told to the write that wants it and to all that wait",
        arguments: [
            Fault(.synchronizeFile, namePrefix: "0000000000000002"),
            Fault(.synchronizeDirectory, directory: .segments),
        ])
    func newSegment(fault: Fault) throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .small)
        #expect(try write(engine, "durable", sampleBytes(900)) == nil)
        for number in 0..<3 {
            #expect(try write(engine, .numbered(number), sampleBytes(900), .os) == nil)
        }
        let outcome = Guarded<WriteOutcome?>(nil)
        try engine.put(Key("waiting").bytes.rawSpan, [1].rawSpan, WriteOptions()) { result in
            outcome.withLock { $0 = result }
        }
        disk.inject(fault)
        // Does not fit any more.
        let last = try write(engine, "last", sampleBytes(900), .os)
        #expect(last?.kind == .outcomeUnknown && last?.errno == 5, "\(String(describing: last))")
        engine.deliver()
        guard case .failure(let error) = outcome.withLock({ $0 }) else {
            Issue.record("the write that waits for its sync was not told of the failure")
            return
        }
        #expect(error.kind == .outcomeUnknown)
        #expect(try engine.get(Key("durable").bytes.rawSpan)?.bytes == sampleBytes(900))
        for key in [Key("waiting"), .numbered(0)] {
            let error = try storeError { _ = try engine.get(key.bytes.rawSpan) }
            #expect(error?.kind == .outcomeUnknown, "\(key)")
        }
    }

    @Test("a sync of the log that is under way then is believed: its writers are told of success")
    func syncUnderWay() throws {
        let disk = SimulatedDisk()
        var tuning = Tuning.small
        tuning.zeroAheadByteCount = 0
        let engine = try Engine.open(disk, tuning: tuning)
        #expect(try write(engine, "old", [1]) == nil)
        let late = Guarded<WriteOutcome?>(nil)
        var stepsToSync = 2
        disk.stepObserver = { _ in
            stepsToSync -= 1
            guard stepsToSync == 0 else { return }
            // The record is written, its sync begins: now the next segment fails to be made.
            disk.inject(Fault(.synchronizeFile, namePrefix: "0000000000000002"))
            expectError(.outcomeUnknown) {
                try engine.put(Key("late").bytes.rawSpan, [3].rawSpan, WriteOptions()) { result in
                    late.withLock { $0 = result }
                }
                try engine.workUntilIdle()
            }
        }
        #expect(try write(engine, "covered", [2]) == nil)
        disk.stepObserver = nil
        #expect(try engine.get(Key("covered").bytes.rawSpan)?.bytes == [2])
        engine.deliver()
        guard case .failure(let error) = late.withLock({ $0 }) else {
            Issue.record("the write behind the sync was not told of the failure")
            return
        }
        #expect(error.kind == .outcomeUnknown)
        let unknown = try storeError { _ = try engine.get(Key("late").bytes.rawSpan) }
        #expect(unknown?.kind == .outcomeUnknown)
        #expect(try write(engine, "never", [4])?.kind == .outcomeUnknown)
        disk.powerCut(.loseAll)
        let again = try Engine.open(disk, tuning: tuning)
        #expect(try again.get(Key("covered").bytes.rawSpan)?.bytes == [2])
        try again.close()
    }

    @Test("a failed read is an error and never an absence; the next one may succeed")
    func failedRead() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .smallChunks)
        #expect(try write(engine, "key", [1]) == nil)
        // One failure is retried.
        disk.inject(Fault(.read))
        #expect(try engine.get(Key("key").bytes.rawSpan)?.bytes == [1])
        disk.clearFaults()
        disk.inject(Fault(.read, isSticky: true))
        let error = try storeError { _ = try engine.get(Key("key").bytes.rawSpan) }
        #expect(error?.kind == .inputOutput && error?.errno == 5)
        #expect(error?.segmentID == 1 && error?.offset == 4096)
        disk.clearFaults()
        #expect(try engine.get(Key("key").bytes.rawSpan)?.bytes == [1])
        try engine.close()
    }

    @Test("three failed writes in a row end the store's writing; one that succeeds begins anew")
    func failedInARow() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .smallChunks)
        func fail(count: Int) throws {
            for number in 1...count {
                #expect(!engine.statistics().isReadOnly)
                // From the second on a segment is made first, and its header written.
                disk.inject(Fault(.write, occurrence: min(number, 2), directory: .segments))
                #expect(try write(engine, .numbered(number), [2])?.kind == .inputOutput)
                disk.clearFaults()
            }
        }
        #expect(try write(engine, "first", [1]) == nil)
        try fail(count: 2)
        #expect(try write(engine, "between", [1]) == nil)
        try fail(count: 3)
        #expect(engine.statistics().isReadOnly)
        #expect(try write(engine, "later", [3])?.kind == .outcomeUnknown)
        #expect(try engine.get(Key("between").bytes.rawSpan)?.bytes == [1])
        #expect(try storeError { try engine.close() }?.kind == .outcomeUnknown)
        let again = try Engine.open(disk, tuning: .smallChunks)
        #expect(again.findings == [] && again.statistics().keyCount == 2)
        try again.close()
    }

    @Test("a failed write ends its segment, and the next write goes to another")
    func failedWrite() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .smallChunks)
        #expect(try write(engine, "old", [1]) == nil)
        disk.inject(Fault(.write, directory: .segments))
        #expect(try write(engine, "failed", [2])?.kind == .inputOutput)
        #expect(try engine.get(Key("failed").bytes.rawSpan) == nil)
        #expect(try write(engine, "next", [3]) == nil)
        #expect(engine.statistics().segmentCount == 2)
        #expect(try engine.get(Key("next").bytes.rawSpan)?.bytes == [3])
        #expect(try engine.get(Key("old").bytes.rawSpan)?.bytes == [1])
        try engine.close()
        let again = try Engine.open(disk, tuning: .smallChunks)
        #expect(again.findings == [])
        #expect(again.statistics().keyCount == 2)
        try again.close()
    }
}
