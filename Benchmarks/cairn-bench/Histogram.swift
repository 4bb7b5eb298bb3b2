// Histogram — how long operations took, in 976 counters of constant relative width.
//
// Sixteen counters for each power of two of nanoseconds: a percentile is right within 3 %, the
// maximum exactly. Adding allocates nothing. One thread at a time; `merge` brings several together.

final class Histogram {
    private var counts = [UInt64](repeating: 0, count: 976)
    private(set) var count: UInt64 = 0
    private(set) var maximum: UInt64 = 0

    @inline(__always)
    func add(_ nanoseconds: UInt64) {
        counts[Self.place(of: nanoseconds)] &+= 1
        count &+= 1
        if nanoseconds > maximum { maximum = nanoseconds }
    }

    func merge(_ other: Histogram) {
        for place in counts.indices { counts[place] += other.counts[place] }
        count += other.count
        maximum = max(maximum, other.maximum)
    }

    /// The nanoseconds that so large a part of the operations stayed below; 0 without operations.
    func percentile(_ part: Double) -> Double {
        let wanted = UInt64(Double(count) * part)
        var seen: UInt64 = 0
        for place in counts.indices {
            seen += counts[place]
            if seen > wanted { return min(Self.middle(of: place), Double(maximum)) }
        }
        return Double(maximum)
    }

    private static func place(of value: UInt64) -> Int {
        let shift = max(0, 59 &- value.leadingZeroBitCount)
        return shift &* 16 &+ Int(truncatingIfNeeded: value &>> UInt64(shift))
    }

    private static func middle(of place: Int) -> Double {
        let shift = max(0, place / 16 - 1)
        let low = UInt64(place - shift * 16) << UInt64(shift)
        return Double(low) + Double((UInt64(1) << UInt64(shift)) - 1) / 2
    }
}
