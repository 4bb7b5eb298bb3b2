// CrashWorld+Backup — backups in the middle of everything, into the other root of the disk.
//
// A backup shows exactly what was appended when its list was taken, which is before its callback is
// called first. From then until it has succeeded the directory may show the older one or the newer one.

internal import Cairn
internal import CairnSystem

extension CrashWorld {
    /// Makes a backup; `meanwhile` happens while it is made, an operation at a time.
    func backUp(
        sharesBytes: Bool, _ meanwhile: [CrashOperation], _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        operationName = CrashMark.cutInBackup.rawValue
        note("backup, shares bytes: \(sharesBytes)")
        var failure: CrashFailure?
        var operations = meanwhile[...]
        var hasBegun = false
        let options = BackupOptions(sharesBytes: sharesBytes)
        do {
            let result = try engine.backup(to: disk.otherRoot, options) { _ in
                do throws(CrashFailure) {
                    if !hasBegun {
                        hasBegun = true
                        try beginBackup()
                    } else if let operation = operations.popFirst() {
                        try perform(operation)
                    }
                } catch {
                    failure = error
                }
                operationName = CrashMark.cutInBackup.rawValue
                return failure == nil
            }
            if let failure { throw failure }
            note("backup: \(result.map { "\($0)" } ?? "ended")")
            guard !disk.isDead, let newest = backups.last else { return }
            backups = [newest]
            hasBackup = true
            marks.hit(.backedUp)
        } catch let error as StoreError {
            if let failure { throw failure }
            try acceptBackup(error)
        } catch let error as CrashFailure {
            throw error
        } catch {
            throw fail("\(error)")
        }
    }

    /// The list is taken: everything appended is synced, and it is what the backup shows.
    private func beginBackup() throws(CrashFailure) {
        try poll()
        if !disk.isDead && !hasFailed { oracle.promiseAll() }
        var copy = oracle
        copy.promiseAll()
        backups.append(copy)
    }

    private func acceptBackup(_ error: StoreError) throws(CrashFailure) {
        switch error.kind {
        case .inputOutput, .diskFull:
            note("the backup answered \(error)")
            guard isTroubled || disk.isDead else { throw fail("a backup: \(error)") }
            marks.hit(.backupFailed)
        default: try accept(error, doing: "a backup")
        }
    }

    // MARK: What is there

    /// Opens the backup and compares; now and then restores a copy of it.
    func checkBackup() throws(CrashFailure) {
        guard !backups.isEmpty else { return }
        guard let readings = try backupReadings(of: disk.otherRoot, .readOnly) else {
            guard !hasBackup else { throw fail("the backup is gone") }
            return marks.hit(.backupMissing)
        }
        guard let place = backups.lastIndex(where: { explains($0, readings) }) else {
            throw fail("no moment at which a backup was made explains it: \(described(readings))")
        }
        if backups.count > 1 { marks.hit(place == 0 ? .backupOlder : .backupNewer) }
        if (crashCount + disk.stepCount) % 5 == 0 { try restoreCopy(readings) }
    }

    private func explains(_ oracle: Oracle, _ readings: [OracleReading?]) -> Bool {
        var copy = oracle
        copy.now = self.oracle.now
        return (try? copy.judge(readings, afterPowerCut: true)) != nil
    }

    private func described(_ readings: [OracleReading?]) -> String {
        readings.map(Oracle.describe).joined(separator: ", ")
    }

    /// What a backup, or a store that was made of one, shows; nil: there is none.
    private func backupReadings(
        of root: SimulatedDisk, _ access: StoreOptions.Access
    ) throws(CrashFailure) -> [OracleReading?]? {
        do {
            let reader = try Engine.open(
                root, options: StoreOptions(access: access), tuning: tuning)
            guard reader.findings.isEmpty else { throw fail("a backup: \(reader.findings)") }
            var readings: [OracleReading?] = []
            for key in oracle.keys {
                readings.append(try reader.get(key.rawSpan).map { OracleReading($0) })
            }
            if access != .readOnly { try write(reader) }
            try reader.close()
            return readings
        } catch let error as StoreError {
            if error.kind == .noStore { return nil }
            throw fail("a backup: \(error)")
        } catch let error as CrashFailure {
            throw error
        } catch {
            throw fail("\(error)")
        }
    }

    /// A restored store takes writes, whose versions nobody had before.
    private func write(_ store: Engine<SimulatedDisk>) throws {
        let key: [UInt8] = Array("written after the restore".utf8)
        let receipt = try store.put(key.rawSpan, key.rawSpan)
        guard receipt.version.sequence > oracle.highestSequence else {
            throw fail("a restored store gave out the used version \(receipt.version.sequence)")
        }
        guard try store.get(key.rawSpan)?.bytes == key else {
            throw fail("a restored store does not show what was written")
        }
    }

    /// The power goes somewhere in a restore: then it is a backup or a store, and shows the same.
    private func restoreCopy(_ readings: [OracleReading?]) throws(CrashFailure) {
        let copy = SimulatedDisk(copying: disk)
        copy.capacity = nil
        var dice = TestRandom(seed: seed ^ UInt64(copy.stepCount) << 16)
        copy.crash(
            atStep: copy.stepCount + 1 + dice.below(10),
            position: CrashPosition.allCases[dice.below(3)])
        var shown = readings
        if try restore(copy) != nil {
            copy.powerCut(random: &dice)
            guard let left = try leftOfBackup(copy) else { return }
            shown = left
        }
        copy.cancelCrash()
        if let error = try restore(copy), error.kind != .wrongDirectory {
            throw fail("a restore: \(error)")
        }
        try expect(shown, copy, .existing)
        copy.powerCut(.loseAll)
        try expect(shown, copy, .existing)
        marks.hit(.backupRestored)
    }

    /// What a backup shows after a cut. It may have rested on a rename that was not durable, of a backup
    /// that failed and was killed: then an older one is there, or none where none was ever finished.
    private func leftOfBackup(
        _ copy: SimulatedDisk
    ) throws(CrashFailure) -> [OracleReading?]? {
        guard let left = try backupReadings(of: copy.otherRoot, .readOnly) else {
            guard !hasBackup else { throw fail("a finished backup is gone behind a restore") }
            return nil
        }
        guard backups.contains(where: { explains($0, left) }) else {
            throw fail("no backup explains what a cut in a restore left: \(described(left))")
        }
        return left
    }

    private func restore(_ copy: SimulatedDisk) throws(CrashFailure) -> StoreError? {
        do {
            try BackupRestore(storage: copy.otherRoot, tuning: tuning).run()
            return nil
        } catch {
            guard copy.isDead || error.kind == .wrongDirectory else {
                throw fail("a restore: \(error)")
            }
            return error
        }
    }

    private func expect(
        _ readings: [OracleReading?], _ copy: SimulatedDisk, _ access: StoreOptions.Access
    ) throws(CrashFailure) {
        let now = try backupReadings(of: copy.otherRoot, access)
        guard now == readings else {
            throw fail(
                "restored: \(now.map(described) ?? "none"), backed up: \(described(readings))")
        }
    }
}
