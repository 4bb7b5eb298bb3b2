// Worker — the store's thread for work that nobody waits for.
//
// It does the engine's background steps: what writers would else do themselves (the next segment,
// MANIFEST entries, the lease), the removal of replaced segments, then pieces of hints at their pace. Apart from the keeper, so that no
// commit and no callback waits behind a step. Woken by the keeper when something was written; it
// never calls back. Errors are not lost: a full disk or a failed store shows in every later write.

internal import CairnSystem
internal import Synchronization

final class Worker: Sendable {
    private let state: WorkerState
    private let thread: ServiceThread

    init(engine: Engine<SystemStorage>) throws(FileError) {
        let state = WorkerState(engine: engine)
        self.state = state
        thread = try ServiceThread.start(name: "cairn-worker") { state.run() }
    }

    /// Says that there may be work.
    func wake() { state.bell.unpark() }

    /// Ends the thread and waits for the step that is under way. May be called again; on the thread
    /// itself it does not wait: what the step held may have been the last reference to the store.
    func stop() {
        state.isStopping.store(true, ordering: .sequentiallyConsistent)
        state.bell.unpark()
        if !thread.isCurrent { thread.join() }
    }
}

/// What the thread and its owner share.
private final class WorkerState: Sendable {
    let bell = Parker()
    let isStopping = Atomic<Bool>(false)
    private let engine: Engine<SystemStorage>

    init(engine: Engine<SystemStorage>) { self.engine = engine }

    func run() {
        var pace = HintPace()
        while !isStopping.load(ordering: .acquiring) {
            urgentWork()
            sleep(until: hintWork(&pace))
        }
    }

    private func sleep(until due: UInt64?) {
        // A reader that lets go of a replaced blob wakes nobody.
        guard let due = due ?? engine.deadChunksDue else { return bell.park() }
        let now = Clock.monotonicNanoseconds()
        if due > now { _ = bell.park(nanoseconds: due - now) }
    }

    /// What writers and the compactor would else do themselves, until there is none, or until the disk refuses: then
    /// the next write finds that out for itself.
    private func urgentWork() {
        do {
            while try engine.urgentStep() || engine.removeDrained() {
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
}
