// What a backup does when something is wrong: with the destination, the disk, or the store's files.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Backup: refusals and failures")
struct BackupFailureTests {
    /// The backup is refused, and nothing of the destination changes.
    private func expectRefusal(_ subject: BackupSubject, naming words: String...) throws {
        let before = BackupSubject.files(of: subject.destination)
        let error = try #require(try storeError { try subject.backUp() })
        #expect(error.kind == .wrongDirectory)
        for word in words + ["nothing was touched"] {
            #expect(error.message.contains(word), "\(error)")
        }
        #expect(BackupSubject.files(of: subject.destination) == before)
    }

    @Test("a directory that is not its own is refused and not touched")
    func foreign() throws {
        var subject = try BackupSubject()
        try subject.put("a", [1])
        subject.destination.replaceBytes(of: "thesis.tex", in: .root, with: [1])
        try expectRefusal(subject, naming: "thesis.tex", "not empty")
        subject.destination.deleteFile("thesis.tex", in: .root)
        subject.destination.replaceBytes(of: "0000000000000001.seg", in: .segments, with: [1])
        try expectRefusal(subject, naming: "0000000000000001.seg")
        subject.destination.deleteFile("0000000000000001.seg", in: .segments)

        let store = try subject.open(subject.destination, .create)
        try expectRefusal(subject, naming: "is a store")
        try store.close()
        try expectRefusal(subject, naming: "is a store")
        subject.destination.replaceBytes(of: "STORE", in: .root, with: [1, 2, 3])
        try expectRefusal(subject, naming: "cannot be read")
    }

    @Test("another store's backup is refused, and so is the original's when it was restored")
    func others() throws {
        var subject = try BackupSubject()
        try subject.put("a", [1])
        try subject.backUp()
        let other = SimulatedDisk(seed: 9)
        let stranger = try Engine.open(other, tuning: subject.tuning)
        expectError(.wrongDirectory, naming: "another store") {
            _ = try stranger.backup(to: subject.destination)
        }
        try stranger.close()
        #expect(try subject.backedUp() == subject.model)
        try BackupRestore(storage: subject.destination, tuning: subject.tuning).run()
        try expectRefusal(subject, naming: "is a store")
    }

    @Test("a backup that is being written is in use")
    func locked() throws {
        var subject = try BackupSubject()
        try subject.put("a", [1])
        let destination = subject.destination
        let engine = subject.engine
        let tuning = subject.tuning
        var inner: [StoreError.Kind] = []
        try subject.backUp { _ in
            do throws(StoreError) {
                _ = try engine.backup(to: destination)
            } catch {
                inner.append(error.kind)
            }
            do throws(StoreError) {
                try BackupRestore(storage: destination, tuning: tuning).run()
            } catch {
                inner.append(error.kind)
            }
            return true
        }
        #expect(inner.contains(.inUse) && inner.allSatisfy { $0 == .inUse || $0 == .noStore })
        #expect(try subject.backedUp() == subject.model)
    }

    @Test(
        "whatever call fails, the destination has the older backup, the newer one, or none",
        arguments: [false, true], [false, true])
    func everyFailure(sharing: Bool, isIncremental: Bool) throws {
        var start = try BackupSubject()
        try start.fill(rounds: 0..<2)
        if isIncremental { try start.backUp(sharing: sharing) }
        let older = start.model
        try start.fill(rounds: 2..<4)
        try start.engine.close()
        let snapshot = start.disk.snapshot()
        var struck = true
        var occurrence = 1
        while struck {
            start.disk.restore(snapshot)
            var subject = start
            subject.engine = try start.open(start.disk, .existing)
            var fault = Fault()
            fault.operations = SimulatedOperation.allCases
            fault.failure = [.inputOutput, .noSpace][occurrence % 2]
            fault.occurrence = occurrence
            subject.disk.inject(fault)
            let error = try storeError { try subject.backUp(sharing: sharing) }
            struck = (subject.disk.pendingFaults.first?.matchCount ?? 0) >= occurrence
            subject.disk.clearFaults()
            let reading = try? subject.backedUp()
            if error == nil { #expect(reading == subject.model, "call \(occurrence)") }
            #expect(
                reading == subject.model || reading == (isIncremental ? older : nil),
                "call \(occurrence): \(String(describing: error))")
            // Nothing is left pinned or locked, and it goes on.
            let goesOn = !subject.engine.statistics().isReadOnly
            if goesOn {
                try subject.put("more", [1])
                try subject.backUp(sharing: sharing)
                #expect(try subject.backedUp() == subject.model, "call \(occurrence)")
            }
            subject.disk.powerCut(.loseAll)
            let after = try? subject.backedUp()
            if goesOn || error == nil { #expect(after == subject.model, "call \(occurrence)") }
            occurrence += 1
        }
        #expect(occurrence > 30)
    }

    @Test("no room at the destination is told as such, and is not the store's trouble")
    func noRoom() throws {
        var subject = try BackupSubject()
        try subject.fill()
        let small = SimulatedDisk(seed: 5)
        _ = try #require(try subject.engine.backup(to: small))
        let before = subject.model
        let fileCount = small.fileNames(in: .segments).count
        try subject.fill(rounds: 10..<16)
        small.capacity = small.usedByteCount + 8192
        expectError(.diskFull, naming: "backup in") { _ = try subject.engine.backup(to: small) }
        try subject.put("still takes writes", [1])
        let reader = try subject.open(small)
        #expect(try subject.contents(of: reader) == before)
        try reader.close()
        #expect(small.fileNames(in: .segments).count < fileCount + 4)
        small.capacity = nil
        _ = try #require(try subject.engine.backup(to: small))
        let newer = try subject.open(small)
        #expect(try subject.contents(of: newer) == subject.model)
        try newer.close()
    }

    @Test("a segment whose last padding a crash took is whole", arguments: [false, true])
    func paddingLost(sharing: Bool) throws {
        var subject = try BackupSubject()
        try subject.put("a", [1, 2, 3])
        let name = try #require(
            subject.disk.fileNames(in: .segments).first { $0.hasSuffix(".seg") })
        subject.disk.kill()
        subject.disk.setByteCount(4096 + 44, of: name, in: .segments)
        subject.engine = try subject.open(subject.disk, .existing)
        try subject.backUp(sharing: sharing)
        #expect(try subject.backedUp() == subject.model)
        #expect(subject.destination.byteCount(of: name, in: .segments) == (sharing ? 4140 : 4144))
        #expect(try subject.backUp(sharing: sharing).reusedSegmentCount == 1)
        var damage: [CheckFinding] = []
        _ = try StoreCheck(
            subject.destination, isDeep: true, tuning: subject.tuning,
            report: { if $0.severity == .damage { damage.append($0) } }
        ).run()
        #expect(damage == [])
        try BackupRestore(storage: subject.destination, tuning: subject.tuning).run()
        let store = try subject.open(subject.destination, .existing)
        #expect(store.findings == [])
        #expect(try subject.contents(of: store) == subject.model)
        try store.close()
    }

    @Test("a segment that is missing or short ends it, names itself, and the backup before stays")
    func damagedSource() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp()
        let before = subject.model
        try subject.fill(rounds: 10..<12)
        let name = try #require(
            subject.disk.fileNames(in: .segments).filter { $0.hasSuffix(".seg") }.dropFirst(3).first
        )
        let whole = try #require(subject.disk.bytes(of: name, in: .segments))
        let id = SegmentFileName(parsing: name)?.id
        for sharing in [false, true] {
            subject.disk.setByteCount(UInt64(whole.count - 8), of: name, in: .segments)
            let error = expectError(.damaged, naming: name, "too early") {
                try subject.backUp(sharing: sharing)
            }
            #expect(error?.segmentID == id)
            #expect(try subject.backedUp() == before)
            subject.disk.replaceBytes(of: name, in: .segments, with: whole)
        }
        subject.disk.deleteFile(name, in: .segments)
        expectError(.damaged, naming: name, "missing") { try subject.backUp() }
        subject.disk.replaceBytes(of: name, in: .segments, with: whole)
        subject.disk.flipBit(3, at: 20, of: name, in: .segments)
        let told = try subject.backUp().findings
        #expect(told.contains { $0.contains(name) && $0.contains("header") })
        let reader = try subject.open(subject.destination)
        #expect(try subject.contents(of: reader) == subject.model)
        try reader.close()
    }
}
