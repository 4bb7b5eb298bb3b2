// HintPace — when the worker makes the next piece of a hint.
//
// A hint is worth nothing before the next opening, and takes memory bandwidth and the processor that
// the kernel writes back on. So a store that is filled at full speed makes none until many segments
// wait, and then spends a tenth of the worker's time on them; one that is written to now and then a
// fifth; an idle one all of it. Decides only: no clock, no lock, no thread. Spec: Engine.md, "Hints".

/// Where the log ends: moves fast while much is written.
package struct LogEnd: Equatable, Sendable {
    package var segmentCount = 0
    package var offset: UInt64 = 0
    /// The number that the next record gets.
    package var sequence: UInt64 = 0

    package init(segmentCount: Int = 0, offset: UInt64 = 0, sequence: UInt64 = 0) {
        self.segmentCount = segmentCount
        self.offset = offset
        self.sequence = sequence
    }
}

/// Times are nanoseconds of one clock.
package struct HintPace: Sendable {
    private enum Load: UInt64 {
        // How long hints rest after each piece, in times of what it took.
        case idle = 0
        case light = 4
        case heavy = 9
    }

    /// So many segments may wait while the load is heavy: a GiB at least, a second of scanning.
    package static let waitingCountMaximum = 64
    private static let heavyBytesPerSecond = 32_000_000
    private static let heavyRecordsPerSecond = 50_000
    private static let lookMinimum: UInt64 = 10_000_000
    private static let patience: UInt64 = 200_000_000

    /// Nothing is to be done before.
    package private(set) var due: UInt64 = 0
    private var load = Load.heavy
    private var last: (look: UInt64, end: LogEnd)?

    package init() {}

    /// Whether a piece may be made now; if not, `due` says when to ask again.
    package mutating func mayWork(at now: UInt64, waitingCount: Int, end: LogEnd) -> Bool {
        if now < due { return false }
        look(at: now, end)
        guard load == .heavy, waitingCount <= Self.waitingCountMaximum else { return true }
        due = now + Self.patience
        return false
    }

    /// A piece was made.
    package mutating func noteWork(from start: UInt64, to end: UInt64) {
        due = end + load.rawValue * (end - min(start, end))
    }

    /// Judges by what was appended since the last look; too short a time says nothing, nor does
    /// the first look.
    private mutating func look(at now: UInt64, _ end: LogEnd) {
        guard let (lastLook, lastEnd) = last else { return last = (now, end) }
        let elapsed = now - min(lastLook, now)
        guard elapsed >= Self.lookMinimum else { return }
        let milliseconds = Double(elapsed) / 1e6
        let byteCount =
            end.segmentCount == lastEnd.segmentCount
            ? Double(end.offset) - Double(lastEnd.offset) : .infinity
        let recordCount = Double(end.sequence) - Double(lastEnd.sequence)
        if end == lastEnd {
            load = .idle
        } else if byteCount * 1000 > milliseconds * Double(Self.heavyBytesPerSecond)
            || recordCount * 1000 > milliseconds * Double(Self.heavyRecordsPerSecond)
        {
            load = .heavy
        } else {
            load = .light
        }
        last = (now, end)
    }
}
