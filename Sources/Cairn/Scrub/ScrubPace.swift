// ScrubPace — how long the scrub rests after so many bytes.
//
// Over any longer time the rate holds; time that was lost is not made up for, so that a machine that wakes
// up is not met by a burst. Short rests are put off until they are worth a wake-up. Decides only: no clock, no thread. Spec: Engine.md, "Scrub".

/// Times are nanoseconds of one monotonic clock.
package struct ScrubPace: Sendable {
    /// What may be made up for.
    private static let memory: UInt64 = 100_000_000
    /// Rests are no shorter.
    private static let least: UInt64 = 20_000_000
    private let bytesPerSecond: UInt64
    /// When what was read so far is paid for.
    private var due: UInt64 = 0

    /// The pace of so many bytes a second.
    package init(bytesPerSecond: UInt64) {
        precondition(bytesPerSecond > 0, "a scrub that reads nothing is off")
        self.bytesPerSecond = bytesPerSecond
    }

    /// The rest after so many bytes.
    package mutating func pause(after byteCount: UInt64, at now: UInt64) -> UInt64 {
        due = max(due, now - min(now, Self.memory))
        let cost = Double(byteCount) * 1e9 / Double(bytesPerSecond)
        due += cost < 1e18 ? UInt64(cost) : 1_000_000_000_000_000_000
        let rest = due - min(due, now)
        return rest < Self.least ? 0 : rest
    }
}
