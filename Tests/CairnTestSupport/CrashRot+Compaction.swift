// CrashRot+Compaction — damage in what compaction reads: it spreads to nothing else.
//
// The store is damaged before it is opened or while it is open, then everything is compacted that
// can be. What said that it is damaged may go on saying so; everything else is whole, then and after
// the next opening. Never is a key absent, or older, because compaction did not meet its record.

internal import Cairn
internal import CairnSystem

extension CrashRot {
    /// Damages a copy of the store, compacts it, looks at it, and looks again when it was reopened.
    package func checkCompaction(_ item: RotCase, whileOpen: Bool) throws(CrashFailure) {
        let disk = SimulatedDisk(snapshot)
        if !whileOpen { item.apply(to: disk) }
        guard let engine = try? Engine.open(disk, tuning: world.tuning) else {
            count.refused += 1
            return
        }
        if whileOpen { item.apply(to: disk) }
        let (_, before) = try read(engine, item)
        try compact(engine, item)
        let (readings, after) = try read(engine, item)
        guard after.isSubset(of: before) else {
            let keys = after.subtracting(before).sorted()
            throw failure(item, "compaction damaged keys \(keys) that were whole")
        }
        try judge(readings, after, item)
        try? engine.close()
        try look(disk, item)
    }

    /// Compacts everything that can be; a store that opened for reading only, nothing.
    private func compact(
        _ engine: Engine<SimulatedDisk>, _ item: RotCase
    ) throws(CrashFailure) {
        if engine.statistics().isReadOnly { return }
        do {
            let counts = try engine.compact(target: 1.001) { _ in true }
            count.compacted += counts.replacedSegmentCount
            count.leftAlone += counts.damagedSegmentCount
        } catch {
            throw failure(item, "compacting: \(error)")
        }
    }
}
