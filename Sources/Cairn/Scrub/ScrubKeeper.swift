// ScrubKeeper — what the engine knows of its scrub: the place, what was found, what was counted.
//
// The place is that of the file SCRUB, or newer. What was found stays until its segment is read again or is
// gone. One lock, never held across a system call. Any thread.

internal import CairnFormat
internal import CairnSystem

/// What is under way and what was found.
final class ScrubKeeper: Sendable {
    /// Findings that are shown of one segment.
    private static let shownCountMaximum = 20

    private struct State {
        var place: ScrubPlace
        var found: [UInt64: [String]] = [:]
        /// Of the segment that is being read.
        var segmentByteCount: UInt64 = 0
        var byteCount: UInt64 = 0
        var damageCount: UInt64 = 0
        /// Nothing is known of what the last pass found but how much it was.
        var isOfEarlierLife = false
    }

    private let state: Guarded<State>

    init(uuid: StoreUUID) { state = Guarded(State(place: ScrubPlace(uuid: uuid))) }

    var place: ScrubPlace { state.withLock { $0.place } }

    /// What an earlier life of the store left.
    func take(_ place: ScrubPlace) {
        state.withLock { state in
            state.place = place
            state.isOfEarlierLife = true
        }
    }

    /// A pass over all segments below `end` begins.
    func begin(at time: UInt64, end: UInt64) -> ScrubPlace {
        state.withLock { state in
            state.place.beganAt = time
            (state.place.nextSegmentID, state.place.endSegmentID) = (0, end)
            (state.place.readByteCount, state.place.damageCount) = (0, 0)
            return state.place
        }
    }

    /// So much more was read, in the pass or beside it.
    func add(byteCount: UInt64, isOfPass: Bool) {
        state.withLock { state in
            state.byteCount += byteCount
            if isOfPass { state.segmentByteCount += byteCount }
        }
    }

    /// What was read of a segment does not count: it was not read to its end.
    func forgetSegment() { state.withLock { $0.segmentByteCount = 0 } }

    /// A segment was read to its end; id 0 stands for STORE and MANIFEST. Returns what is damaged.
    func note(_ id: UInt64, found: [CheckFinding]) -> UInt64 {
        let damage = found.filter { $0.severity == .damage }
        // A hint is made anew, and costs nobody anything.
        let lines = damage.filter { $0.kind != .hint }.map(\.error.message)
        state.withLock { state in
            state.damageCount += UInt64(damage.count)
            state.found[id] = lines.isEmpty ? nil : lines
        }
        return UInt64(damage.count)
    }

    /// The pass that `place` is of has come beyond a segment. Nothing when it was overtaken: all was read
    /// meanwhile.
    func pass(_ id: UInt64, damageCount: UInt64, in place: ScrubPlace) {
        state.withLock { state in
            defer { state.segmentByteCount = 0 }
            guard state.place.isUnderWay, state.place.beganAt == place.beganAt else { return }
            state.place.readByteCount += state.segmentByteCount
            state.place.damageCount += damageCount
            state.place.nextSegmentID = id + 1
        }
    }

    /// The pass came to its end; returns what it had found.
    func end(at time: UInt64) -> UInt64 {
        state.withLock { state in
            (state.place.nextSegmentID, state.place.endSegmentID) = (0, 0)
            state.place.endedAt = time
            state.place.endedDamageCount = state.place.damageCount
            state.isOfEarlierLife = false
            return state.place.damageCount
        }
    }

    /// All was read at once, since `beganAt`: that was a pass, too.
    func noteWhole(from beganAt: UInt64, to time: UInt64, damageCount: UInt64) {
        state.withLock { state in
            state.place.beganAt = beganAt
            state.place.damageCount = damageCount
        }
        _ = end(at: time)
    }

    /// Segments in which something is damaged.
    var damagedIDs: Set<UInt64> { state.withLock { Set($0.found.keys.filter { $0 > 0 }) } }

    /// Lines about what is damaged; these segments are gone.
    func findings(without gone: Set<UInt64>) -> [String] {
        state.withLock { state in
            for id in gone { state.found[id] = nil }
            let count = state.place.endedDamageCount
            if state.isOfEarlierLife, count > 0, state.found.isEmpty {
                return [
                    "the last scrub found damage in \(count) places; scrub again to have them named"
                ]
            }
            return state.found.sorted { $0.key < $1.key }.flatMap { _, lines in
                let more = lines.count - Self.shownCountMaximum
                return lines.prefix(Self.shownCountMaximum)
                    + (more > 0 ? ["and \(more) more in that segment"] : [])
            }
        }
    }

    /// Counts at this moment; `unread` is what the segments of the pass have still to be read.
    func statistics(unread: UInt64) -> ScrubStatistics {
        let state = state.withLock { $0 }
        var statistics = ScrubStatistics()
        statistics.isUnderWay = state.place.isUnderWay
        statistics.beganAt = Self.time(state.place.beganAt)
        statistics.passByteCount = state.place.readByteCount + state.segmentByteCount
        statistics.passByteTotal = max(
            state.place.readByteCount + unread, statistics.passByteCount)
        statistics.lastFullPass = Self.time(state.place.endedAt)
        statistics.lastFullPassDamageCount = state.place.endedDamageCount
        statistics.byteCount = state.byteCount
        statistics.damageCount = state.damageCount
        return statistics
    }

    private static func time(_ nanoseconds: UInt64) -> WallTime? {
        nanoseconds == 0 ? nil : WallTime(nanosecondsSince1970: nanoseconds)
    }
}
