// ScrubRun — the scrub of an open store: passes over all ended segments, one segment at a time.
//
// A pass reads STORE, MANIFEST, and what was ended when it began, segment by segment and each with its
// hint, in order of their ids; what ends later, compaction's outputs among it, was verified as it was
// written and is the next pass's. Behind each segment the place is kept, so that a restart costs the
// rest of one segment. Holds no lock while it reads, reads from the disk itself and leaves the page cache
// alone. One thread, which lends its clock and its sleep. Spec: Engine.md, "Scrub"; Format.md, "SCRUB".

internal import CairnFormat
internal import CairnSystem

/// What a step of the scrub came to.
package enum ScrubStep: Equatable, Sendable {
    /// There may be more to do at once.
    case worked
    /// Nothing is to be done for so many nanoseconds.
    case idle(UInt64)
    /// It was told to end.
    case stopped
}

/// A scrub under way.
package final class ScrubRun<S: Storage> {
    private let engine: Engine<S>
    private let options: ScrubOptions
    private let wait: (UInt64) -> Bool
    private var pace: ScrubPace
    /// Read and not yet paid for.
    private var unpaid: UInt64 = 0
    private var known: UInt64 = 0
    private var found: [CheckFinding] = []

    /// A scrub of an engine. `wait` sleeps for so many nanoseconds, also none; false: it is to end.
    package init(
        _ engine: Engine<S>, _ options: ScrubOptions, wait: @escaping (UInt64) -> Bool
    ) {
        self.engine = engine
        self.options = options
        self.wait = wait
        pace = ScrubPace(bytesPerSecond: options.bytesPerSecond)
    }

    /// Takes up what an earlier life of the store left. Before the first step.
    package func resume() {
        do throws(StoreError) {
            try engine.loadScrubPlace()
        } catch {
            options.report(.placeLost(error))
        }
        if engine.scrubs.place.isUnderWay { options.report(.begun(isContinued: true)) }
    }

    /// Begins a pass that is due, reads a segment, or ends the pass behind the last one.
    package func step() -> ScrubStep {
        var place = engine.scrubs.place
        if !place.isUnderWay {
            let rest = untilDue(place)
            if rest > 0 { return .idle(rest) }
            place = begin()
        }
        if place.nextSegmentID == 0 {
            let check = check()
            check.checkBesideFiles()
            return take(0, check, place)
        }
        guard let entry = engine.scrubbedEntry(from: place.nextSegmentID, to: place.endSegmentID)
        else {
            end(place)
            return .worked
        }
        let check = check()
        _ = check.checkSegment(entry, isProven: true)
        return take(entry.id, check, place)
    }

    // MARK: A pass

    /// A clock that went back must not put it off for long.
    private func untilDue(_ place: ScrubPlace) -> UInt64 {
        let now = engine.storage.wallClock()
        let began = WallTime(nanosecondsSince1970: place.beganAt)
        let due = began.advanced(by: options.interval).nanosecondsSince1970
        return place.beganAt == 0 || now < place.beganAt ? 0 : due - min(due, now)
    }

    private func begin() -> ScrubPlace {
        options.report(.begun(isContinued: false))
        let manifest = engine.manifest.current
        return engine.scrubs.begin(
            at: engine.storage.wallClock(), end: manifest.nextSegmentID)
    }

    private func end(_ place: ScrubPlace) {
        let now = engine.storage.wallClock()
        let count = engine.scrubs.end(at: max(now, place.beganAt))
        keepPlace()
        options.report(.ended(damageCount: count))
    }

    private func keepPlace() {
        do throws(StoreError) {
            try engine.keepScrubPlace()
        } catch {
            options.report(.placeLost(error))
        }
    }

    // MARK: A segment

    private func check() -> StoreCheck<S> {
        found = []
        known = 0
        return StoreCheck(
            beside: engine, progress: { [unowned self] in pay($0.byteCount) },
            report: { [unowned self] in note($0) })
    }

    private func note(_ finding: CheckFinding) {
        found.append(finding)
        if finding.severity == .damage { options.report(.damaged(finding.error)) }
    }

    /// `byteCount` since the segment's beginning.
    private func pay(_ byteCount: UInt64) -> Bool {
        engine.scrubs.add(byteCount: byteCount - known, isOfPass: true)
        unpaid += byteCount - known
        known = byteCount
        return unpaid < engine.tuning.scanByteCount / 16 || rest()
    }

    private func rest() -> Bool {
        let rest = pace.pause(after: unpaid, at: engine.storage.monotonicClock())
        unpaid = 0
        return wait(rest)
    }

    private func take(_ id: UInt64, _ check: StoreCheck<S>, _ place: ScrubPlace) -> ScrubStep {
        if check.isEnding {
            engine.scrubs.forgetSegment()
            return .stopped
        }
        engine.scrubs.pass(id, damageCount: engine.noteScrubbed(id, found), in: place)
        keepPlace()
        return rest() ? .worked : .stopped
    }
}
