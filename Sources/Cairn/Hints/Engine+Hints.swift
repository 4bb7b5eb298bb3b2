// Hints in the background: segments that ended, and such that opening had to scan, get theirs.
//
// Nothing waits for a hint, and nothing is read-only without one: it makes the next opening fast,
// no more. Not while the disk is full, not after a failure. Any thread, without locks.
// Spec: Engine.md, "Hints".

internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Does one piece of the work on hints, of a few milliseconds; false when there is none.
    package func hintStep() throws(StoreError) -> Bool {
        lock.lock()
        let refusal = state.refusal()
        lock.unlock()
        guard refusal == nil, !isDiskFull.load(ordering: .relaxed) else { return false }
        return try hints.step()
    }

    /// How many segments wait for their hints.
    package var missingHintCount: Int { hints.waitingCount }

    /// Where the log ends at this moment.
    package var logEnd: LogEnd {
        lock.lock()
        defer { lock.unlock() }
        return LogEnd(
            segmentCount: state.activationCount, offset: state.tail, sequence: state.nextSequence)
    }

    /// Writes the hints that are still missing, for so long at most, so that the next opening need
    /// not scan. What is left then, or cannot be written, costs that opening the scan.
    func finishHints() {
        let end = storage.monotonicClock() + tuning.hintNanosecondsAtClose
        do {
            while try hintStep(), storage.monotonicClock() < end {}
        } catch {
            // The store is whole without its hints; closing fails for what may be lost only.
        }
        hints.stop()
    }
}
