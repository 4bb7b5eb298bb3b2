// Scrubber — the store's thread that reads everything again and again, slowly.
//
// Apart from the other threads, for it waits for the disk most of its time. What it finds is told by
// its options' report and stands in the store's statistics. Stopped before the engine is closed, by
// its own thread too: a report may drop the last reference to the store.

internal import CairnSystem
internal import Synchronization

final class Scrubber: Sendable {
    private let state: ScrubberState
    private let thread: ServiceThread

    init(engine: Engine<SystemStorage>, _ options: ScrubOptions) throws(FileError) {
        let state = ScrubberState()
        self.state = state
        thread = try ServiceThread.start(name: "cairn-scrub") { state.run(engine, options) }
    }

    /// Ends the thread and waits for it. May be called again; on the thread itself it does not wait.
    func stop() {
        state.stop()
        if !thread.isCurrent { thread.join() }
    }
}

/// What the thread and its owner share.
private final class ScrubberState: Sendable {
    private let bell = Parker()
    private let isStopping = Atomic<Bool>(false)

    func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        bell.unpark()
    }

    func run(_ engine: Engine<SystemStorage>, _ options: ScrubOptions) {
        let scrub = ScrubRun(engine, options) { self.rest($0) }
        scrub.resume()
        while rest(0) {
            switch scrub.step() {
            case .worked: continue
            case .idle(let nanoseconds): _ = rest(nanoseconds)
            case .stopped: return
            }
        }
    }

    /// False: the thread is to end.
    private func rest(_ nanoseconds: UInt64) -> Bool {
        if nanoseconds > 0, !isStopping.load(ordering: .acquiring) {
            _ = bell.park(nanoseconds: nanoseconds)
        }
        return !isStopping.load(ordering: .acquiring)
    }
}
