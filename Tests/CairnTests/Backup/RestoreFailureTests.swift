// A restore to another directory that fails: what it made goes again, or is named.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Restore: failures")
struct RestoreFailureTests {
    private let subject: BackupSubject

    init() throws {
        var subject = try BackupSubject()
        try subject.fill(rounds: 0..<2)
        try subject.backUp()
        self.subject = subject
    }

    private func restore(to other: SimulatedDisk) throws {
        let restoring = BackupRestore(storage: subject.destination, tuning: subject.tuning)
        _ = try restoring.run(to: other, BackupOptions()) { _ in true }
    }

    private func expectStore(_ disk: SimulatedDisk) throws {
        let store = try subject.open(disk, .existing)
        #expect(try subject.contents(of: store) == subject.model)
        try store.close()
    }

    @Test("whatever call fails, nothing is left, and doing it again makes the store")
    func everyFailure() throws {
        let files = BackupSubject.files(of: subject.destination)
        var (struck, occurrence) = (true, 1)
        while struck {
            let other = SimulatedDisk(seed: 7)
            var fault = Fault(occurrence: occurrence)
            fault.operations = SimulatedOperation.allCases
            fault.failure = [.inputOutput, .noSpace][occurrence % 2]
            other.inject(fault)
            let error = try storeError { try restore(to: other) }
            struck = (other.pendingFaults.first?.matchCount ?? 0) >= occurrence
            other.clearFaults()
            if let error {
                #expect(BackupSubject.files(of: other) == [:], "call \(occurrence): \(error)")
                #expect(!error.message.contains("backed up"), "call \(occurrence): \(error)")
                try restore(to: other)
            }
            try expectStore(other)
            occurrence += 1
        }
        #expect(occurrence > 30)
        #expect(BackupSubject.files(of: subject.destination) == files)
    }

    @Test("what cannot be taken away is named, with what to do")
    func stuck() throws {
        let other = SimulatedDisk(seed: 7)
        other.inject(Fault(.write, occurrence: 4, isSticky: true))
        other.inject(Fault(.unlink, isSticky: true))
        let error = try #require(try storeError { try restore(to: other) })
        #expect(error.message.contains("unlink"), "\(error)")
        #expect(error.message.contains("do it again, or remove"), "\(error)")
        #expect(BackupSubject.files(of: other) != [:])
        other.clearFaults()
        try restore(to: other)
        try expectStore(other)
    }
}
