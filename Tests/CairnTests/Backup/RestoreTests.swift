// From a backup to a store of its own: what it shows, what it writes, what it never does again.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Restore")
struct RestoreTests {
    private func restore(_ subject: BackupSubject) throws {
        try BackupRestore(storage: subject.destination, tuning: subject.tuning).run()
    }

    private func identity(of disk: SimulatedDisk) throws -> StoreIdentity {
        let bytes = try #require(disk.bytes(of: "STORE", in: .root))
        return try StoreIdentity(decoding: bytes.rawSpan)
    }

    @Test("a backup opens for reading only, until it is restored")
    func readOnly() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp()
        let files = BackupSubject.files(of: subject.destination)
        for access in [StoreOptions.Access.create, .existing] {
            expectError(.isBackup, naming: "restore") {
                _ = try subject.open(subject.destination, access)
            }
        }
        let reader = try subject.open(subject.destination)
        expectError(.readOnly) { _ = try reader.put([1].rawSpan, [1].rawSpan) }
        try reader.close()
        #expect(BackupSubject.files(of: subject.destination) == files)
        try restore(subject)
        let store = try subject.open(subject.destination, .existing)
        _ = try store.put([1].rawSpan, [1].rawSpan)
        try store.close()
    }

    @Test("a restored store shows the same versions, by the same hints, and rewrites no segment")
    func same() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.engine.makeHintsUntilIdle()
        try subject.backUp(sharing: true)
        let original = try identity(of: subject.disk)
        let segments = BackupSubject.files(of: subject.destination).filter {
            $0.key.hasPrefix("segments/")
        }
        try restore(subject)
        let restored = try identity(of: subject.destination)
        #expect(restored.uuid != original.uuid && !restored.isBackup)
        #expect(restored.ancestors.map(\.uuid) == [original.uuid])
        for access in [StoreOptions.Access.readOnly, .existing, .existing] {
            let store = try subject.open(subject.destination, access)
            #expect(store.findings == [] && store.refusedHintCount == 0)
            #expect(store.hintedSegmentCount > 0)
            for name in subject.model.keys {
                let key = Array(name.utf8)
                #expect(
                    try store.information(key.rawSpan)?.version
                        == subject.engine.information(key.rawSpan)?.version)
            }
            #expect(try subject.contents(of: store) == subject.model)
            try store.close()
        }
        let now = BackupSubject.files(of: subject.destination)
        for (name, bytes) in segments where name.hasSuffix(".seg") { #expect(now[name] == bytes) }
    }

    @Test("new versions and segments are nobody else's, though the original went on")
    func numbers() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp()
        try restore(subject)
        var used: Set<UInt64> = []
        for round in UInt8(0)..<80 {
            let key = Array("a".utf8)
            used.insert(try subject.engine.put(key.rawSpan, [round].rawSpan).version.sequence)
        }
        let store = try subject.open(subject.destination, .existing)
        for round in UInt8(0)..<80 {
            let receipt = try store.put(Array("b".utf8).rawSpan, [round].rawSpan)
            #expect(!used.contains(receipt.version.sequence))
            #expect(receipt.version.sequence >= 1 << 48)
        }
        try store.close()
        let identity = try identity(of: subject.destination)
        let highest = try #require(identity.ancestors.first?.highestSegmentID)
        for name in subject.segments {
            let id = try #require(SegmentFileName(parsing: name)?.id)
            let bytes = try #require(subject.destination.bytes(of: name, in: .segments))
            let header = try SegmentHeader(decoding: bytes.rawSpan)
            #expect((header.uuid == identity.uuid) == (id > highest))
        }
    }

    @Test("a restored store is compacted, checked, backed up and restored like any other")
    func life() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp(sharing: true)
        try restore(subject)
        let store = try subject.open(subject.destination, .existing)
        var model = subject.model
        for round in UInt8(0)..<9 {
            for name in ["a", "b", "e"] {
                model[name] = Array(repeating: round, count: 300)
                _ = try store.put(
                    Array(name.utf8).rawSpan, Array(repeating: round, count: 300).rawSpan)
            }
        }
        try store.workUntilIdle()
        #expect(store.statistics().compaction.replacedSegmentCount > 3)
        let third = SimulatedDisk(seed: 3)
        _ = try #require(try store.backup(to: third))
        try store.close()
        let again = try subject.open(subject.destination, .existing)
        #expect(again.findings == [])
        #expect(try subject.contents(of: again) == model)
        try again.close()
        // The original has lost nothing to it.
        #expect(try subject.contents(of: subject.engine) == subject.model)

        try BackupRestore(storage: third, tuning: subject.tuning).run()
        #expect(try identity(of: third).ancestors.count == 2)
        let grandchild = try subject.open(third, .existing)
        #expect(grandchild.findings == [] && grandchild.refusedHintCount == 0)
        #expect(try subject.contents(of: grandchild) == model)
        try grandchild.close()
        var findings: [CheckFinding] = []
        _ = try StoreCheck(
            third, isDeep: true, tuning: subject.tuning, progress: { _ in },
            report: { findings.append($0) }
        ).run()
        #expect(findings.filter { $0.severity == .damage } == [])
    }

    @Test("a backup that is being written is not restored, here or elsewhere, and stays as it is")
    func inUse() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp()
        let files = BackupSubject.files(of: subject.destination)
        let other = SimulatedDisk(seed: 9)
        let restoring = BackupRestore(storage: subject.destination, tuning: subject.tuning)
        _ = try subject.destination.lock()
        expectError(.inUse, naming: "being written", "try again") { try restore(subject) }
        expectError(.inUse, naming: "being written", "try again") {
            _ = try restoring.run(to: other, BackupOptions()) { _ in true }
        }
        subject.destination.unlock()
        #expect(BackupSubject.files(of: subject.destination) == files)
        #expect(BackupSubject.files(of: other) == [:])
        try restore(subject)
    }

    @Test("what is no backup is not restored: a store, one restored before, an unfinished one")
    func refusals() throws {
        var subject = try BackupSubject()
        try subject.fill()
        expectError(.noStore) { try restore(subject) }
        expectError(.wrongDirectory, naming: "no backup") {
            try BackupRestore(storage: subject.disk, tuning: subject.tuning).run()
        }
        #expect(try subject.engine.backup(to: subject.destination) { _ in false } == nil)
        expectError(.noStore, naming: "never finished") { try restore(subject) }
        expectError(.noStore, naming: "never finished") {
            _ = try subject.open(subject.destination)
        }
        try subject.backUp()
        let name = try #require(subject.segments.first)
        let bytes = try #require(subject.destination.bytes(of: name, in: .segments))
        subject.destination.deleteFile(name, in: .segments)
        expectError(.damaged, naming: name) { try restore(subject) }
        subject.destination.replaceBytes(of: name, in: .segments, with: bytes)
        try restore(subject)
        let files = BackupSubject.files(of: subject.destination)
        expectError(.wrongDirectory, naming: "restored before") { try restore(subject) }
        #expect(BackupSubject.files(of: subject.destination) == files)
    }

    @Test("what a later backup left that was cut short is not in the restored store")
    func leftovers() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp()
        let before = subject.model
        let names = subject.segments
        try subject.fill(rounds: 10..<14)
        #expect(
            try subject.engine.backup(to: subject.destination) {
                $0.segmentCount + 1 < $0.segmentTotal
            } == nil)
        #expect(subject.segments.count > names.count)
        try restore(subject)
        #expect(subject.segments == names)
        let store = try subject.open(subject.destination, .existing)
        #expect(store.findings == [])
        #expect(try subject.contents(of: store) == before)
        try store.close()
    }

    @Test("no list is believed whose sync failed", arguments: 1..<8, UInt64(1)..<7)
    func failedList(occurrence: Int, seed: UInt64) throws {
        var subject = try BackupSubject(seed: seed)
        try subject.fill()
        try subject.backUp()
        let older = subject.model
        try subject.fill(rounds: 10..<14)
        try subject.engine.workUntilIdle()
        subject.disk.inject(
            Fault(.synchronizeDirectory, occurrence: occurrence, directory: .root))
        let error = try storeError { try subject.backUp() }
        subject.disk.clearFaults()
        subject.disk.kill()
        try restore(subject)
        subject.disk.powerCut(.loseAll)
        let store = try subject.open(subject.destination, .existing)
        #expect(store.findings == [])
        let contents = try subject.contents(of: store)
        #expect(contents == subject.model || error != nil && contents == older)
        try store.close()
    }

    @Test("a store is made elsewhere, as often as wanted, and the backup stays a backup")
    func elsewhere() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp()
        let files = BackupSubject.files(of: subject.destination)
        let restoring = BackupRestore(storage: subject.destination, tuning: subject.tuning)
        var uuids: Set<StoreUUID> = []
        for seed in UInt64(10)..<12 {
            let other = SimulatedDisk(seed: seed)
            let ended = try restoring.run(to: other, BackupOptions()) { $0.segmentCount < 2 }
            #expect(ended == nil)
            expectError(.noStore, naming: "never finished") { _ = try subject.open(other) }
            let result = try #require(
                try restoring.run(to: other, BackupOptions(), progress: { _ in true }))
            #expect(result.reusedSegmentCount == 2)
            uuids.insert(try identity(of: other).uuid)
            let store = try subject.open(other, .existing)
            #expect(try subject.contents(of: store) == subject.model)
            try store.close()
            expectError(.wrongDirectory, naming: "is a store") {
                _ = try restoring.run(to: other, BackupOptions(), progress: { _ in true })
            }
        }
        #expect(uuids.count == 2)
        #expect(BackupSubject.files(of: subject.destination) == files)
        let second = SimulatedDisk(seed: 20)
        _ = try #require(try subject.engine.backup(to: second))
        expectError(.wrongDirectory, naming: "backup of this store already") {
            _ = try restoring.run(to: second, BackupOptions(), progress: { _ in true })
        }
        expectError(.isBackup) { _ = try subject.open(second, .existing) }
    }

    @Test("a store is made of a backup on a medium that cannot be written")
    func unwritable() throws {
        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp()
        subject.destination.deleteFile("LOCK", in: .root)
        var fault = Fault(failure: .readOnlyFileSystem, isSticky: true)
        fault.operations = SimulatedOperation.allCases.filter {
            ![.read, .open, .listNames].contains($0)
        }
        subject.disk.inject(fault)
        let other = SimulatedDisk(seed: 10)
        _ = try #require(
            try BackupRestore(storage: subject.destination, tuning: subject.tuning).run(
                to: other, BackupOptions(), progress: { _ in true }))
        let store = try subject.open(other, .existing)
        #expect(try subject.contents(of: store) == subject.model)
        try store.close()
        expectError(.inputOutput, naming: "lock") { try restore(subject) }
    }

    @Test("whatever call fails while it is restored, it is a backup or a store, and goes on")
    func everyFailure() throws {
        var start = try BackupSubject()
        try start.fill(rounds: 0..<2)
        try start.backUp()
        try start.engine.close()
        let snapshot = start.disk.snapshot()
        var struck = true
        var occurrence = 1
        while struck {
            start.disk.restore(snapshot)
            var fault = Fault(occurrence: occurrence)
            fault.operations = SimulatedOperation.allCases
            start.disk.inject(fault)
            let error = try storeError { try restore(start) }
            struck = (start.disk.pendingFaults.first?.matchCount ?? 0) >= occurrence
            start.disk.clearFaults()
            if occurrence % 2 == 0 { start.disk.powerCut(.loseAll) }
            #expect(try start.backedUp() == start.model, "call \(occurrence)")
            if try identity(of: start.destination).isBackup {
                #expect(error != nil)
                try restore(start)
            }
            let store = try start.open(start.destination, .existing)
            #expect(try start.contents(of: store) == start.model)
            try store.close()
            occurrence += 1
        }
        #expect(occurrence > 10)
    }
}
