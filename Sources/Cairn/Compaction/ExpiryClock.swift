// ExpiryClock — whether an expired record may be destroyed.
//
// Expiry is the one thing that goes by wall time, and a clock can be wrong by years. Reads treat an
// expired record as absent at once, and again as present when the clock goes back; compaction destroys
// it an hour later at the earliest, and not at all while wall and monotonic clocks disagree about how
// long it is since the last run. Pure. Spec: Engine.md, "Compaction".

/// What the clocks say, in nanoseconds.
package struct ExpiryClock: Equatable, Sendable {
    private let wall: UInt64
    private let monotonic: UInt64
    private let lastRunWall: UInt64
    private let lastRunMonotonic: UInt64

    /// The clocks now, and when MANIFEST was written last.
    package init(
        wall: UInt64, monotonic: UInt64, lastRunWall: UInt64, lastRunMonotonic: UInt64
    ) {
        self.wall = wall
        self.monotonic = monotonic
        self.lastRunWall = lastRunWall
        self.lastRunMonotonic = lastRunMonotonic
    }

    private static let hour: UInt64 = 3_600_000_000_000

    /// Whether the wall clock has gone on since the last run as the monotonic one has, within an
    /// hour. After a restart of the machine the monotonic clock tells nothing, and the wall clock
    /// alone must not destroy; the next manifest begins anew.
    private var isTrusted: Bool {
        guard wall >= lastRunWall, monotonic >= lastRunMonotonic else { return false }
        let (passed, real) = (wall - lastRunWall, monotonic - lastRunMonotonic)
        return max(passed, real) - min(passed, real) <= Self.hour
    }

    /// Whether a record with this expiry may be destroyed; 0 never expires.
    package func isExpired(_ expiry: UInt64) -> Bool {
        let (due, isOver) = expiry.addingReportingOverflow(Self.hour)
        return expiry != 0 && !isOver && isTrusted && due <= wall
    }
}
