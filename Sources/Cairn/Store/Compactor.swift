// Compactor — the store's thread that takes back dead space, in steps, behind the writers.
//
// Apart from keeper and worker, because a step may wait long for the disk, and neither interval writes
// nor the next segment must wait for that. Once a second it looks whether there is something to do. An
// error is not lost: what a compaction found damaged stands in the store's statistics, a full disk or a
// failed store shows in every later write, and a compaction that failed otherwise is tried again. Stopped
// before the engine is closed, by its own thread too: a callback may drop the last reference to the store.

internal import CairnSystem
internal import Synchronization

final class Compactor: Sendable {
    private let state: CompactorState
    private let thread: ServiceThread

    init(engine: Engine<SystemStorage>) throws(FileError) {
        let state = CompactorState(engine: engine)
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
    private let bell = Parker()
    private let isStopping = Atomic<Bool>(false)

    init(engine: Engine<SystemStorage>) { self.engine = engine }

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
            guard try engine.compactionStep() else { return rest(&pace) }
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
