// The engine's updates of MANIFEST: segments that ended, the sequence lease, and what a failure means.
//
// Each update carries the entries of segments that ended since the one before. The manifest lock orders
// them, see `ManifestKeeper`. Any thread that holds no lock but the compaction or making lock; the lead
// may be held. Spec: Engine.md, "The rules of order".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Replaces the manifest, with the entries of segments that ended since the last time.
    func updateManifest(_ change: (inout Manifest) -> Void) throws(StoreError) {
        try checkUsable()
        let ended = endedEntries()
        do {
            try segmentFiles.withDescriptors { () throws(ManifestFailure) in
                try manifest.update { manifest in
                    for entry in ended { manifest.noteEnd(entry) }
                    change(&manifest)
                }
            }
        } catch {
            throw manifestFailed(error)
        }
        lock.lock()
        state.endedEntries.removeAll { entry in ended.contains { $0.id == entry.id } }
        lock.unlock()
    }

    /// A copy of its own: the log lock guards the array's storage as well.
    func endedEntries() -> [SegmentEntry] {
        lock.lock()
        defer { lock.unlock() }
        return state.endedEntries.map { $0 }
    }

    var hasEndedEntries: Bool {
        lock.lock()
        defer { lock.unlock() }
        return !state.endedEntries.isEmpty
    }

    private func manifestFailed(_ failure: ManifestFailure) -> StoreError {
        switch failure {
        case .unchanged(let error):
            noteFull(error)
            return StoreError(error, doing: "replacing the manifest")
        case .unknown(let error):
            failForGood(error)
            return StoreError(
                .outcomeUnknown,
                "\(error); the manifest on disk may be the old or the new one: close the store "
                    + "and open it again", errno: error.code)
        }
    }

    /// Reserves more sequence numbers, durably, at least `count`.
    func renewLease(for count: Int = 1) throws(StoreError) {
        lock.lock()
        let start = max(state.leaseEnd, state.nextSequence)
        lock.unlock()
        let end = start + max(tuning.sequenceLease, UInt64(count))
        try updateManifest { $0.sequenceCeiling = max($0.sequenceCeiling, end) }
        lock.lock()
        // The worker and a writer may renew at the same time; the one that began first may end last.
        state.leaseEnd = max(state.leaseEnd, end)
        lock.unlock()
    }
}

extension SegmentEntry {
    /// Takes over counts, bounds and digest.
    mutating func describe(_ totals: SegmentTotals) {
        digest = totals.digest.crc
        recordCount = totals.recordCount
        minSequence = totals.minSequence
        maxSequence = totals.maxSequence
    }
}

extension Manifest {
    /// Lists how an open segment ended. One that was listed so before, and may have been retired
    /// since, stays as it is: who updates the manifest may have looked for ended segments long ago.
    mutating func noteEnd(_ entry: SegmentEntry) {
        guard let place = entries.firstIndex(where: { $0.id == entry.id }),
            entries[place].state == .open
        else { return }
        entries[place] = entry
    }

    /// Adds an entry at its place: ids may have been taken in another order.
    mutating func insert(_ entry: SegmentEntry) {
        let place = entries.lastIndex { $0.id < entry.id }.map { $0 + 1 } ?? 0
        entries.insert(entry, at: place)
    }
}
