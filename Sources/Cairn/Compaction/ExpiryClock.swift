// ExpiryClock — whether the wall clock may be trusted with destroying what has expired.
//
// Expiry is the one thing that goes by wall time, and a clock can be wrong by years. Reads treat an
// expired record as absent at once, and again as present when the clock goes back; compaction destroys
// it an hour later at the earliest, and not at all while the wall clock disagrees with the *believed
// time*: what MANIFEST had at the last run, and what the monotonic clock counted since. The believed time
// follows a wall clock that goes evenly, slowly: a jump is believed after a quarter of its length. What
// is written to MANIFEST is the believed time, so opening a store under a wrong clock proves nothing.
// Pure. Spec: Engine.md, "Expiry".

/// Wall and monotonic time, in nanoseconds, and what is believed of them.
package struct ExpiryClock: Equatable, Sendable {
    private static let hour: UInt64 = 3_600_000_000_000
    private static let second: UInt64 = 1_000_000_000
    /// So much of a jump is made up for in each unit of time that the clocks go evenly.
    private static let approach: UInt64 = 4

    /// Wall time as far as it is believed.
    package private(set) var believed: UInt64
    /// At the last look, or the last run's.
    package private(set) var monotonic: UInt64
    /// At the last look; nil before the first one.
    private var wall: UInt64?

    /// A clock that was believed to be at `lastRunWall` at the end of the last run.
    package init(lastRunWall: UInt64, lastRunMonotonic: UInt64) {
        believed = lastRunWall
        monotonic = lastRunMonotonic
    }

    /// From when on a record with this expiry may be destroyed.
    package static func destroyable(_ expiry: UInt64) -> UInt64 { expiry.saturatingSum(hour) }

    /// Takes a look at both clocks.
    package mutating func look(wall now: UInt64, monotonic nowMonotonic: UInt64) {
        // After a restart of the machine at least what the clock shows has passed.
        let isRestarted = nowMonotonic < monotonic
        let passed = isRestarted ? nowMonotonic : nowMonotonic - monotonic
        believed = believed.saturatingSum(passed)
        // Only time in which somebody watched: what happened while the store was closed proves nothing.
        if let wall, !isRestarted, Self.isEven(from: wall, to: now, passed) {
            let step = passed.multipliedReportingOverflow(by: Self.approach)
            follow(now, atMost: step.overflow ? .max : step.partialValue)
        }
        (wall, monotonic) = (now, nowMonotonic)
    }

    /// Whether the wall clock went as the monotonic one did; small corrections do not count.
    private static func isEven(from start: UInt64, to end: UInt64, _ passed: UInt64) -> Bool {
        end >= start && (end - start).distance(to: passed) <= min(passed / 8 + second, hour / 2)
    }

    private mutating func follow(_ wall: UInt64, atMost step: UInt64) {
        if wall > believed {
            believed += min(wall - believed, step)
        } else {
            believed -= min(believed - wall, step)
        }
    }

    /// Whether the wall clock is within an hour of the believed time.
    package var isTrusted: Bool {
        guard let wall else { return false }
        if PlantedBug.expiredDestroyedByWrongClock.isPlanted { return true }
        return wall.distance(to: believed) <= Self.hour
    }

    /// Records that expired at this time or earlier may be destroyed; 0: none may.
    package var destroyable: UInt64 {
        guard let wall, isTrusted else { return 0 }
        return wall - min(wall, Self.hour)
    }
}

extension UInt64 {
    fileprivate func distance(to other: UInt64) -> UInt64 {
        self > other ? self - other : other - self
    }

    fileprivate func saturatingSum(_ other: UInt64) -> UInt64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? .max : sum
    }
}
