// WallTime — a moment of the calendar's time, for blobs that expire.
//
// Nanoseconds since 1970, without a time zone and without leap seconds, as the system clock counts. The
// only use of wall time in a store; nothing is ordered by it. A plain value; any thread.

internal import CairnSystem

/// A moment of wall time.
public struct WallTime: Hashable, Comparable, Sendable {
    /// Since 1970-01-01 00:00 UTC; 584 years of them.
    public let nanosecondsSince1970: UInt64

    /// So many nanoseconds after 1970 began.
    public init(nanosecondsSince1970: UInt64) {
        self.nanosecondsSince1970 = nanosecondsSince1970
    }

    /// What the system clock says.
    public static var now: WallTime { WallTime(nanosecondsSince1970: Clock.wallNanoseconds()) }

    /// So long after now; a time that has passed when `duration` is negative.
    public static func after(_ duration: Duration) -> WallTime { now.advanced(by: duration) }

    /// So much later, or earlier; never before 1970, and at most the last moment there is.
    public func advanced(by duration: Duration) -> WallTime {
        let (seconds, attoseconds) = duration.components
        let isEarlier = seconds < 0 || attoseconds < 0
        let (whole, isTooLong) = seconds.magnitude.multipliedReportingOverflow(by: 1_000_000_000)
        let (amount, isOver) = whole.addingReportingOverflow(
            attoseconds.magnitude / 1_000_000_000)
        let (moment, isOut) =
            isEarlier
            ? nanosecondsSince1970.subtractingReportingOverflow(amount)
            : nanosecondsSince1970.addingReportingOverflow(amount)
        let isBeyond = isTooLong || isOver || isOut
        return WallTime(nanosecondsSince1970: isBeyond ? (isEarlier ? 0 : .max) : moment)
    }

    public static func < (left: WallTime, right: WallTime) -> Bool {
        left.nanosecondsSince1970 < right.nanosecondsSince1970
    }
}

/// What becomes of a blob's expiry when the blob is updated.
public enum ExpiryChange: Hashable, Sendable {
    /// It stays as it is.
    case keep
    /// The blob no longer expires.
    case never
    /// The blob counts as absent from this moment on.
    case at(WallTime)
}
