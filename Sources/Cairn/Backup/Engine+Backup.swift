// Backups of a store that goes on: the log is ended, the list taken and pinned, the files follow.
//
// Invariants: (1) the list is taken while no compaction can commit, behind a rotation: so whatever
// replaced a record that a compaction dropped lies in a listed segment, and the list is the state of
// one moment; (2) it is taken and its segments are pinned in one critical section of the manifest
// lock, and they stay pinned to the end, however that comes; (3) nothing of the source changes but
// that its log goes on in the next segment. No lock is held while files are made or `progress` runs.
// Any thread. Spec: Engine.md, "Backup".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Makes the directory behind `destination` a backup of what was written before the call. Nil when
    /// `progress` ended it by false: then the backup that was there before still is.
    package func backup(
        to destination: S, _ options: BackupOptions = BackupOptions(),
        progress: (BackupProgress) -> Bool = { _ in true }
    ) throws(StoreError) -> BackupResult? {
        lock.lock()
        let refusal = state.refusal()
        lock.unlock()
        if let refusal { throw refusal }
        let directory = BackupDirectory(
            storage: destination, identity: identity.ofBackup, purpose: .backup)
        try directory.claim()
        defer { destination.unlock() }
        try directory.begin()
        let list = try pinnedList()
        defer { segmentPins.unpin(list.entries.map(\.id)) }
        var filling = BackupFilling(
            source: storage, directory: directory, list: list, options: options)
        filling.result.findings = damagedSegments
        guard try filling.fill(progress) else { return nil }
        let isLate = PlantedBug.backupListReadLast.isPlanted
        return try filling.finish(isLate ? manifest.current.ofBackup : list)
    }

    /// What compaction found, a segment each.
    private var damagedSegments: [String] {
        lock.lock()
        defer { lock.unlock() }
        return state.compactionFindings.map { $0 }
    }

    /// What a backup holds, pinned.
    private func pinnedList() throws(StoreError) -> Manifest {
        // Ending the log may have completed writes.
        defer { deliver() }
        compactionLock.lock()
        defer { compactionLock.unlock() }
        do throws(StoreError) {
            try endLog()
        } catch {
            // The first attempt gave up the reserve, the second may use it.
            guard error.kind == .diskFull else { throw error }
            try endLog()
        }
        return manifest.withCurrent { manifest in
            let list = manifest.ofBackup
            segmentPins.pin(list.entries.map(\.id))
            return list
        }
    }

    /// Ends the active segment if there is a record in it, and lists what has ended.
    private func endLog() throws(StoreError) {
        acquireLead()
        defer { releaseLead() }
        try withStoppedLog { () throws(StoreError) in
            let point = lockedPoint()
            if !point.isOpen || point.totals.recordCount > 0 { try endActive() }
        }
        if hasEndedEntries { try updateManifest { _ in } }
    }
}

extension Manifest {
    /// How far behind the store's own numbers those begin that are given out after a restore: more than
    /// a store gives out in a lifetime, so that no version names two things, not even when the original
    /// went on after its backup.
    static let restoreGap: UInt64 = 1 << 48

    /// What a backup of a store with this list holds: its ended segments.
    var ofBackup: Manifest {
        var list = self
        list.entries.removeAll { $0.state != .sealed && $0.state != .recovered }
        let (ceiling, overflows) = sequenceCeiling.addingReportingOverflow(Self.restoreGap)
        list.sequenceCeiling = overflows ? sequenceCeiling : ceiling
        return list
    }
}
