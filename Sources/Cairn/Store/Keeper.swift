// Keeper — the store's own thread.
//
// It sleeps until the engine rings: then it commits what was submitted with callbacks, syncs
// interval writes when their time has come, appends a mark after one to two seconds of idleness, and
// wakes the worker when there may be work for it. Errors are not lost: the engine tells those who
// wait, and a full disk or a failed store shows in every later write. Stopped before the engine is
// closed, by its own thread too: a callback may drop the last reference to the store.

internal import CairnSystem
internal import Synchronization

final class Keeper: Sendable {
    private let state: KeeperState
    private let thread: ServiceThread

    init(
        engine: Engine<SystemStorage>, bell: Parker, worker: Worker, options: StoreOptions,
        tuning: Tuning
    ) throws(FileError) {
        let state = KeeperState(
            engine: engine, bell: bell, worker: worker,
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
    private let worker: Worker
    private let interval: UInt64
    private let idle: UInt64
    private let isStopping = Atomic<Bool>(false)

    init(
        engine: Engine<SystemStorage>, bell: Parker, worker: Worker, interval: UInt64, idle: UInt64
    ) {
        self.engine = engine
        self.bell = bell
        self.worker = worker
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
        while !isStopping.load(ordering: .acquiring) {
            let now = Clock.monotonicNanoseconds()
            let isDue = syncDue.map { $0 <= now } ?? false
            let duties = engine.keeperDuties(
                taking: KeeperDuty.startWriting | KeeperDuty.step | KeeperDuty.flush
                    | (isDue ? KeeperDuty.sync : 0))
            if duties & KeeperDuty.sync != 0, !isDue { syncDue = syncDue ?? now + interval }
            if duties & KeeperDuty.mark != 0 { markDue = markDue ?? now + idle }
            if duties & KeeperDuty.flush != 0 { engine.flushFull() }
            engine.commit()  // Calls back too, and a callback may have let go of the store.
            if isStopping.load(ordering: .acquiring) { return }
            if duties & KeeperDuty.startWriting != 0 { engine.startWriting() }
            if isDue { syncDue = engine.syncInterval() ? nil : now + interval }
            if isDue || Self.concernsWorker(duties) { worker.wake() }
            if let due = markDue, due <= now { markDue = mark() ? nil : now + idle }
            sleep(until: [syncDue, markDue].compactMap { $0 }.min())
        }
    }

    /// Whether there may be work for it. A buffer becomes full a thousand times a second, which is none.
    private static func concernsWorker(_ duties: Int) -> Bool {
        duties & (KeeperDuty.startWriting | KeeperDuty.step) != 0
            || duties != 0 && duties & KeeperDuty.flush == 0
    }

    private func sleep(until due: UInt64?) {
        guard let due else { return bell.park() }
        let now = Clock.monotonicNanoseconds()
        if due > now { _ = bell.park(nanoseconds: due - now) }
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
