// A backup beside a store that goes on: what is in it, what it costs, what it refuses.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Backup")
struct BackupTests {
    @Test("everything written before the call is in it, also what nobody has synced yet")
    func complete() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.put("interval", [1, 2, 3], .interval)
        try subject.put("os", [4], .os)
        let result = try subject.backUp()
        #expect(try subject.backedUp() == subject.model)
        #expect(result.copiedSegmentCount == result.segmentCount && result.segmentCount > 5)
        #expect(result.sharedSegmentCount == 0 && result.findings == [])
        let newest = try subject.engine.information(Array("os".utf8).rawSpan)?.version
        #expect(result.newestVersion == newest)
        // Nothing of it depends on a sync to come.
        subject.disk.powerCut(.loseAll)
        #expect(try subject.backedUp() == subject.model)
    }

    @Test("an empty store and one without a change since have backups too")
    func empty() throws {
        var subject = try BackupSubject()
        #expect(try subject.backUp().segmentCount == 0)
        #expect(try subject.backedUp() == [:])
        try subject.put("a", [1])
        #expect(try subject.backUp().copiedSegmentCount == 1)
        let steps = subject.disk.fileNames(in: .segments)
        #expect(try subject.backUp().reusedSegmentCount == 1)
        #expect(subject.disk.fileNames(in: .segments) == steps, "no segment is ended in vain")
    }

    @Test(
        "writes and compaction meanwhile change nothing of it, and what it holds stays until its end",
        arguments: [false, true])
    func meanwhile(sharing: Bool) throws {
        var subject = try BackupSubject()
        try subject.fill()
        let before = subject.model
        let engine = subject.engine
        var count: UInt8 = 0
        var failure: (any Error)?
        try subject.backUp(sharing: sharing) { _ in
            do {
                for name in ["a", "b", "c", "d", "new \(count)", "large"] {
                    let key = Array(name.utf8)
                    _ = try engine.put(key.rawSpan, [count].rawSpan)
                }
                _ = try engine.delete(Array("once 5".utf8).rawSpan)
                try engine.workUntilIdle()
                count += 1
            } catch {
                failure = error
            }
            return true
        }
        #expect(failure == nil && count > 5)
        #expect(engine.statistics().compaction.replacedSegmentCount > 3)
        #expect(try subject.backedUp() == before)
        // What was pinned goes now.
        let pinned = subject.disk.fileNames(in: .segments).count
        try engine.workUntilIdle()
        #expect(subject.disk.fileNames(in: .segments).count < pinned)
        try engine.close()
        #expect(subject.disk.openHandleCount == 0)
    }

    @Test("what replaced a record that compaction dropped is in it, though it was just written")
    func superseders() throws {
        var subject = try BackupSubject()
        try subject.fill()
        for name in ["a", "b", "c"] { try subject.put(name, [77], .interval) }
        try subject.engine.compactUntilIdle()
        #expect(subject.engine.statistics().compaction.compactionCount > 0)
        try subject.backUp()
        #expect(try subject.backedUp() == subject.model)
    }

    /// What a compaction beside a backup came to.
    private struct Beside {
        /// It is about to begin.
        var isStarted = false
        /// The backup is stopped while it ends the log.
        var isStopped = false
        /// It called the disk meanwhile.
        var hasActed = false
        var isAsleep = false
        var failures: [String] = []
    }

    @Test("from the end of the log to the pinning of what is listed no compaction goes on")
    func lockedFromRotationToPinning() throws {
        var subject = try BackupSubject()
        try subject.fill()
        let (disk, engine) = (subject.disk, subject.engine)
        let beside = Guarded(Beside())
        let compactor = Guarded<ServiceThread?>(nil)
        @Sendable func compact() {
            do {
                beside.withLock { $0.isStarted = true }
                try engine.compactOnce()
            } catch {
                beside.withLock { $0.failures.append("\(error)") }
            }
        }
        /// The backup waits here until the compaction acts or cannot.
        func stop() throws {
            beside.withLock { $0.isStopped = true }
            let thread = try ServiceThread.start(name: "beside backup") { compact() }
            compactor.withLock { $0 = thread }
            let isAsleep = try KernelThread.waitUntilAsleep(named: "beside backup") {
                beside.withLock { $0.hasActed || !$0.failures.isEmpty }
            }
            beside.withLock { beside in
                beside.isAsleep = isAsleep && beside.isStarted
                beside.isStopped = false
            }
        }
        let act = { beside.withLock { $0.hasActed = $0.hasActed || $0.isStopped } }
        disk.isTracing = true
        disk.readObserver = act
        disk.stepObserver = { _ in
            if compactor.withLock({ $0 != nil }) { return act() }
            // The seal is written, the list is still to come: no lock is held that planning wants.
            let last = disk.trace.last { !$0.contains(" read ") }
            guard let last, last.contains("write segments/"), !last.contains("backup: ") else {
                return
            }
            do { try stop() } catch { beside.withLock { $0.failures.append("\(error)") } }
        }
        try subject.backUp()
        try #require(compactor.withLock { $0 }).join()
        (disk.readObserver, disk.stepObserver, disk.isTracing) = (nil, nil, false)
        let outcome = beside.withLock { $0 }
        #expect(outcome.failures == [])
        #expect(outcome.isAsleep && !outcome.hasActed)
        #expect(engine.statistics().compaction.compactionCount == 1)
        #expect(try subject.backedUp() == subject.model)
        try engine.close()
    }

    @Test(
        "a second backup brings what is new and takes away what is gone", arguments: [false, true])
    func incremental(sharing: Bool) throws {
        var subject = try BackupSubject()
        try subject.fill()
        let first = try subject.backUp(sharing: sharing)
        try subject.put("new", [9])
        let second = try subject.backUp(sharing: sharing)
        #expect(second.reusedSegmentCount == first.segmentCount)
        #expect(second.segmentCount == first.segmentCount + 1)
        #expect(second.copiedSegmentCount == (sharing ? 0 : 1))
        #expect(second.sharedSegmentCount == (sharing ? second.segmentCount : 0))
        #expect(sharing || second.copiedByteCount < 6000)
        #expect(try subject.backedUp() == subject.model)
        try subject.engine.workUntilIdle()
        let third = try subject.backUp(sharing: sharing)
        #expect(third.removedFileCount > 3)
        #expect(subject.segments.count == third.segmentCount)
        #expect(try subject.backedUp() == subject.model)
    }

    @Test("a backup with bytes of its own takes none that an earlier one shared")
    func unshared() throws {
        var subject = try BackupSubject()
        try subject.fill()
        let shared = try subject.backUp(sharing: true)
        #expect(shared.sharedSegmentCount == shared.segmentCount)
        let own = try subject.backUp()
        #expect(own.reusedSegmentCount == 0 && own.copiedSegmentCount == own.segmentCount)
        for name in subject.segments {
            subject.disk.flipBit(0, at: 4130, of: name, in: .segments)
        }
        #expect(try subject.backedUp() == subject.model)
    }

    @Test("hints come along, and a backup opens by them")
    func hints() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp()
        try subject.engine.makeHintsUntilIdle()
        let result = try subject.backUp()
        #expect(result.reusedSegmentCount == result.segmentCount && result.copiedByteCount > 0)
        let reader = try subject.open(subject.destination)
        #expect(reader.hintedSegmentCount == result.segmentCount)
        #expect(try subject.contents(of: reader) == subject.model)
        try reader.close()
        #expect(try subject.backUp().copiedByteCount == 0)
    }

    @Test("the deep check finds nothing in it")
    func verified() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.engine.makeHintsUntilIdle()
        try subject.backUp()
        var findings: [CheckFinding] = []
        _ = try StoreCheck(
            subject.destination, isDeep: true, tuning: subject.tuning, progress: { _ in },
            report: { findings.append($0) }
        ).run()
        #expect(findings.filter { $0.severity == .damage } == [])
    }

    @Test("the callback learns how far it is, and ends it: the backup before stays")
    func ended() throws {
        var subject = try BackupSubject()
        try subject.fill()
        var last: BackupProgress?
        try subject.backUp { progress in
            #expect(progress.byteCount >= last?.byteCount ?? 0)
            #expect(progress.byteCount <= progress.byteTotal)
            last = progress
            return true
        }
        let end = try #require(last)
        #expect(end.byteCount == end.byteTotal && end.segmentCount == end.segmentTotal)
        let before = subject.model
        try subject.fill(rounds: 10..<14)
        for calls in 1..<12 {
            var count = 0
            let result = try subject.engine.backup(to: subject.destination) { _ in
                count += 1
                return count < calls
            }
            #expect(result == nil && count == calls)
            #expect(try subject.backedUp() == before)
        }
        try subject.backUp()
        #expect(try subject.backedUp() == subject.model)
        #expect(!subject.destination.fileNames(in: .segments).contains { $0.hasSuffix(".tmp") })
    }

    @Test("a store that takes no writes refuses to be backed up, and touches nothing")
    func unusable() throws {
        var subject = try BackupSubject()
        try subject.put("a", [1])
        try subject.engine.close()
        expectError(.closed) { try subject.backUp() }
        subject.engine = try subject.open(subject.disk)
        expectError(.readOnly) { try subject.backUp() }
        #expect(BackupSubject.files(of: subject.destination) == [:])
    }
}
