// Compactor — the store's thread that takes back dead space, in steps, behind the writers.
//
// Apart from keeper and worker, because a step may wait long for the disk, and neither interval writes
// nor the next segment must wait for that. Files that it replaced are removed by the worker. Once a second it looks whether there is something to do. An
// error is not lost: what a compaction found damaged stands in the store's statistics, a full disk or a
// failed store shows in every later write, and a compaction that failed otherwise is tried again. Stopped
// before the engine is closed, by its own thread too: a callback may drop the last reference to the store.

internal import CairnSystem
internal import Synchronization

final class Compactor: Sendable {
    private let state: CompactorState
    private let thread: ServiceThread

    init(engine: Engine<SystemStorage>, worker: Worker) throws(FileError) {
        let state = CompactorState(engine: engine, worker: worker)
        self.state = state
        thread = try ServiceThread.start(name: "cairn-compact") { state.run() }
    }

    /// Ends the thread and waits for it. May be called again; on the thread itself it does not wait.
    func stop() {
        state.stop()
        if !thread.isCurrent { thread.join() }
    }
}

/// What the thread and its owner share.
private final class CompactorState: Sendable {
    private let engine: Engine<SystemStorage>
    private let worker: Worker
    private let bell = Parker()
    private let isStopping = Atomic<Bool>(false)
    /// Replaced segments that the worker may fall behind with.
    private static let drainedCountMaximum = 8

    init(engine: Engine<SystemStorage>, worker: Worker) {
        self.engine = engine
        self.worker = worker
    }

    func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        bell.unpark()
    }

    func run() {
        var pace = CompactionPace(
            target: engine.options.spaceAmplificationTarget,
            bytesPerSecond: engine.options.compactionBytesPerSecond)
        sleep(CompactionPace.shortPause)
        while !isStopping.load(ordering: .acquiring) { sleep(step(&pace)) }
        engine.brake.set(bytesPerSecond: nil)
    }

    /// Does one step; returns how long to rest.
    private func step(_ pace: inout CompactionPace) -> UInt64 {
        let start = Clock.monotonicNanoseconds()
        do {
            let hasWorked = try engine.compactionStep(leaving: Self.drainedCountMaximum)
            if !engine.drained.isEmpty { worker.wake() }
            guard hasWorked else { return rest(&pace) }
        } catch {
            return rest(&pace)
        }
        let (now, use) = (Clock.monotonicNanoseconds(), engine.spaceUse())
        engine.brake.set(bytesPerSecond: pace.writersBytesPerSecond(at: now, use: use))
        return pace.pause(
            after: now - start, byteCount: engine.tuning.compactionStepByteCount,
            end: engine.logEnd, use: use)
    }

    /// There was nothing to do, or it failed: whoever writes does not wait for it.
    private func rest(_ pace: inout CompactionPace) -> UInt64 {
        engine.brake.set(bytesPerSecond: nil)
        return pace.pauseWithoutWork(
            end: engine.logEnd, segmentCount: engine.statistics().segmentCount)
    }

    private func sleep(_ nanoseconds: UInt64) {
        if nanoseconds > 0 { _ = bell.park(nanoseconds: nanoseconds) }
    }
}
