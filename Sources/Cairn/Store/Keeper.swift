// Keeper — the store's own thread.
//
// It sleeps until the engine rings: then it commits what was submitted with callbacks, syncs
// interval writes when their time has come, does background steps, and appends a mark after one to
// two seconds of idleness. Errors are not lost: the engine tells those who wait, and a full disk or a
// failed store shows in every later write. Stopped before the engine is closed, by its own thread
// too: a callback may drop the last reference to the store.

internal import CairnSystem
internal import Synchronization

final class Keeper: Sendable {
    private let state: KeeperState
    private let thread: ServiceThread

    init(
        engine: Engine<SystemStorage>, bell: Parker, options: StoreOptions, tuning: Tuning
    ) throws(FileError) {
        let state = KeeperState(
            engine: engine, bell: bell,
            interval: UInt64(options.intervalMilliseconds) * 1_000_000,
            idle: tuning.idleMarkNanoseconds)
        self.state = state
        thread = try ServiceThread.start(name: "cairn-keeper") { state.run() }
    }

    /// Ends the thread and waits for it. May be called again. In a callback, on the thread itself,
    /// it does not wait: the thread ends when the callback has returned.
    func stop() {
        state.stop()
        if !thread.isCurrent { thread.join() }
    }
}

/// What the thread and its owner share.
private final class KeeperState: Sendable {
    private let engine: Engine<SystemStorage>
    private let bell: Parker
    private let interval: UInt64
    private let idle: UInt64
    private let isStopping = Atomic<Bool>(false)

    init(engine: Engine<SystemStorage>, bell: Parker, interval: UInt64, idle: UInt64) {
        self.engine = engine
        self.bell = bell
        self.interval = interval
        self.idle = idle
    }

    func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        bell.unpark()
    }

    func run() {
        var syncDue: UInt64?
        var markDue: UInt64?
        var hints = HintPace()
        while !isStopping.load(ordering: .acquiring) {
            let now = Clock.monotonicNanoseconds()
            let isDue = syncDue.map { $0 <= now } ?? false
            let duties = engine.keeperDuties(
                taking: KeeperDuty.startWriting | (isDue ? KeeperDuty.sync : 0))
            if duties & KeeperDuty.sync != 0, !isDue { syncDue = syncDue ?? now + interval }
            if duties & KeeperDuty.mark != 0 { markDue = markDue ?? now + idle }
            engine.commit()  // Calls back too, and a callback may have let go of the store.
            if isStopping.load(ordering: .acquiring) { return }
            if duties & KeeperDuty.startWriting != 0 { engine.startWriting() }
            if isDue { syncDue = engine.syncInterval() ? nil : now + interval }
            urgentWork()
            let hintDue = hintWork(&hints)
            if let due = markDue, due <= now { markDue = mark() ? nil : now + idle }
            sleep(until: [syncDue, markDue, hintDue].compactMap { $0 }.min())
        }
    }

    private func sleep(until due: UInt64?) {
        guard let due else { return bell.park() }
        let now = Clock.monotonicNanoseconds()
        if due > now { _ = bell.park(nanoseconds: due - now) }
    }

    /// What writers would else do themselves, until there is none, or until the disk refuses: then
    /// the next write finds that out for itself.
    private func urgentWork() {
        do {
            while try engine.urgentStep() {
                if isStopping.load(ordering: .acquiring) { return }
            }
        } catch {
            return
        }
    }

    /// A piece of a hint, if it is time; the time to look again, nil when no segment wants a hint.
    private func hintWork(_ pace: inout HintPace) -> UInt64? {
        let start = Clock.monotonicNanoseconds()
        if start < pace.due { return pace.due }
        let count = engine.missingHintCount
        if count == 0 { return nil }
        guard pace.mayWork(at: start, waitingCount: count, end: engine.logEnd) else {
            return pace.due
        }
        do {
            guard try engine.hintStep() else { return nil }
        } catch {
            // That hint is given up; the next opening scans its segment. The others follow.
        }
        pace.noteWork(from: start, to: Clock.monotonicNanoseconds())
        return pace.due
    }

    /// False when the log moved meanwhile, or could not be marked.
    private func mark() -> Bool {
        _ = engine.keeperDuties(taking: KeeperDuty.mark)
        do {
            if try engine.markIfIdle() { return true }
        } catch {
            return true  // The store takes no writes, or the disk is full: nothing to prove.
        }
        return false
    }
}
