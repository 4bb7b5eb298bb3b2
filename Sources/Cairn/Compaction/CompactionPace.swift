// CompactionPace — how long compaction rests after each step, and how fast writers may be meanwhile.
//
// Writers go first: while they write, compaction takes a fifth of a thread's time; more as the room up to
// the target gets short, and all it can get when little is left. Then writers are slowed, too: to the pace
// at which compaction gives space back, more the less room is left, so that the bound holds and nobody is
// stopped. While nobody writes compaction does not rest. A limit of bytes a second holds whatever else is
// so; who set one prefers it to the bound, and writers are not slowed. Decides only: no clock, no lock, no
// thread. Spec: Engine.md, "Compaction".

/// What a store takes, and may take, while it is compacted.
package struct SpaceUse: Equatable, Sendable {
    /// Record bytes that the index holds.
    package var liveByteCount: UInt64 = 0
    /// Of all hints that are there.
    package var hintByteCount: UInt64 = 0
    /// Of all segments and hints; what a compaction under way has got back by now counts as gone.
    package var byteCount: UInt64 = 0
    /// How long a segment is, as a rule.
    package var segmentByteCount: UInt64 = 16 << 20
    /// What compaction got back since the store was opened, the one under way included.
    package var reclaimedByteCount: UInt64 = 0

    /// A store that takes nothing.
    package init() {}

    /// What segments and hints may take: by the target, or where that cannot be kept, because hints are as
    /// long as records or because the store is a few segments long, what can.
    package func byteCountAllowed(target: Double) -> Double {
        let live = Double(liveByteCount)
        let segments = Double(segmentByteCount) * 4
        return max(live * target, live * 4 / 3 + Double(hintByteCount), live + segments)
    }

    /// What may still be added, in segments. Beside it stays room for a compaction's output, which is there
    /// together with its inputs for a moment; they are a segment long, about.
    package func room(target: Double) -> Double {
        let left = byteCountAllowed(target: target) - Double(byteCount)
        return left / Double(segmentByteCount) - 1
    }
}

/// Times are nanoseconds.
package struct CompactionPace: Sendable {
    /// How long to wait when there is nothing to do, or it failed, and nobody writes.
    package static let idlePause: UInt64 = 1_000_000_000
    /// The same while somebody writes.
    package static let shortPause: UInt64 = 50_000_000
    private static let pauseMaximum: UInt64 = 60_000_000_000
    /// Segments of room below which writers are slowed.
    package static let brakeRoom = 0.5
    /// Nobody is slowed below this many bytes a second.
    private static let writerMinimum = 1e6

    private let target: Double
    private let bytesPerSecond: UInt64?
    private var lastEnd: LogEnd?
    private var rate = ReclaimRate()

    /// The pace of a store with this target and limit.
    package init(target: Double, bytesPerSecond: UInt64?) {
        self.target = target
        self.bytesPerSecond = bytesPerSecond
    }

    /// The pause when there was nothing to do. Where there are many segments each look takes long, and
    /// it takes writers long to change much.
    package mutating func pauseWithoutWork(end: LogEnd, segmentCount: Int) -> UInt64 {
        defer { lastEnd = end }
        rate = ReclaimRate()
        if lastEnd == end { return Self.idlePause }
        return min(Self.idlePause, Self.shortPause * UInt64(1 + segmentCount / 1024))
    }

    /// The pause after a step that took so long and moved so many bytes.
    package mutating func pause(
        after nanoseconds: UInt64, byteCount: Int, end: LogEnd, use: SpaceUse
    ) -> UInt64 {
        defer { lastEnd = end }
        let isIdle = lastEnd == end
        let rest = isIdle ? 0 : restFactor(use.room(target: target)) * nanoseconds
        guard let bytesPerSecond else { return min(rest, Self.pauseMaximum) }
        let due = Double(byteCount) * 1e9 / Double(bytesPerSecond)
        let limited = due < Double(Self.pauseMaximum) ? UInt64(due) : Self.pauseMaximum
        return min(max(rest, limited - min(limited, nanoseconds)), Self.pauseMaximum)
    }

    /// In times of what the step took.
    private func restFactor(_ room: Double) -> UInt64 {
        if room < 2 * Self.brakeRoom { return 0 }
        return room < 4 * Self.brakeRoom ? 1 : 4
    }

    /// Bytes that writers may append in a second, after a step that ended now; nil: as many as they can.
    package mutating func writersBytesPerSecond(at now: UInt64, use: SpaceUse) -> Double? {
        rate.note(use.reclaimedByteCount, at: now)
        let room = use.room(target: target)
        guard bytesPerSecond == nil, room < Self.brakeRoom, let reclaimed = rate.bytesPerSecond
        else { return nil }
        // In balance when half of the room is left.
        let share = min(max(room / Self.brakeRoom, 0.05), 1)
        return max(reclaimed * 2 * share, Self.writerMinimum)
    }
}

/// How fast space was got back lately.
struct ReclaimRate {
    /// What lies longer back than this counts little.
    private static let memory = 500e6
    /// Less than this tells nothing yet.
    private static let least = 20e6
    private var last: (byteCount: UInt64, time: UInt64)?
    private var byteCount = 0.0
    private var nanoseconds = 0.0

    mutating func note(_ total: UInt64, at now: UInt64) {
        defer { last = (total, now) }
        guard let last, now > last.time else { return }
        let passed = Double(now - last.time)
        let kept = Self.memory / (Self.memory + passed)
        // What was given up counts as nothing.
        byteCount = byteCount * kept + Double(total - min(total, last.byteCount))
        nanoseconds = nanoseconds * kept + passed
    }

    var bytesPerSecond: Double? {
        nanoseconds < Self.least ? nil : byteCount * 1e9 / nanoseconds
    }
}
