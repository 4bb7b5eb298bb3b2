// CrashWorld+Beside — a read in whose midst a compaction goes on: what it has found must stay there.
//
// One thread does both, so every seed repeats them: the disk calls compaction when the read comes to
// it, between the look at the index and the bytes.

internal import Cairn
internal import CairnSystem

/// What a compaction in the midst of a read came to.
// The simulation has one thread.
private final class CompactionBeside: @unchecked Sendable {
    var readsLeft: Int
    var error: StoreError?

    init(atRead number: Int) { readsLeft = number }
}

extension CrashWorld {
    /// Reads a key; at the n-th read of the disk so many steps of compaction are done.
    func readBeside(
        _ key: Int, atRead number: Int, _ steps: Int, _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        // Compaction settles the log: what waits would become visible in the midst of the read.
        operationName = CrashMark.cutInCommit.rawValue
        try flush(engine)
        try poll()
        guard waiting.isEmpty, !disk.isDead, !hasFailed else { return }
        operationName = CrashMark.cutInCompaction.rawValue
        note("\(steps) steps of compaction at read \(number) of key \(key)")
        let beside = CompactionBeside(atRead: number)
        let before = compaction.compactionCount
        observeReads(beside, steps, engine)
        defer { disk.readObserver = nil }
        let found = try reading(key, engine)
        disk.readObserver = nil
        if let error = beside.error { try accept(error, doing: "compaction") }
        noteCompaction(engine)
        if compaction.compactionCount > before { marks.hit(.readBesideCompaction) }
        guard let found else { return }
        note("key \(key) reads as \(Oracle.describe(found))")
        try check(found, key)
    }

    private func observeReads(
        _ beside: CompactionBeside, _ steps: Int, _ engine: Engine<SimulatedDisk>
    ) {
        disk.readObserver = { [unowned disk] in
            beside.readsLeft -= 1
            guard beside.readsLeft == 0 else { return }
            // Compaction reads, too.
            let observer = disk.readObserver
            disk.readObserver = nil
            defer { disk.readObserver = observer }
            do {
                for _ in 0..<steps {
                    guard try engine.compactionStep() else { break }
                }
            } catch let error as StoreError {
                beside.error = error
            } catch {
                preconditionFailure("compaction throws store errors only")
            }
        }
    }
}
