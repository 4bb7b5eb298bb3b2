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
            let hintDue = hints.work(engine)
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

/// When the next piece of a hint is due. While somebody writes, a few segments may wait for their
/// hints, and then hints get a fifth of the time: a hint is worth nothing before the next opening.
private struct HintPace {
    private static let waitingCountMaximum = 8
    private static let patience: UInt64 = 10_000_000
    private static let restFactor: UInt64 = 4

    private var due: UInt64 = 0
    private var lastSequence: UInt64 = 0

    /// Does a piece if one is due; the time to look again, nil when no segment wants a hint.
    mutating func work(_ engine: Engine<SystemStorage>) -> UInt64? {
        let start = Clock.monotonicNanoseconds()
        if start < due { return due }
        let count = engine.missingHintCount
        if count == 0 { return nil }
        let sequence = engine.nextSequence
        let isBusy = sequence != lastSequence
        lastSequence = sequence
        if isBusy && count <= Self.waitingCountMaximum {
            due = start + Self.patience
            return due
        }
        do {
            guard try engine.hintStep() else { return nil }
        } catch {
            // That hint is given up; the next opening scans its segment. The others follow.
        }
        let end = Clock.monotonicNanoseconds()
        due = end + (isBusy ? Self.restFactor * (end - start) : 0)
        return due
    }
}
