// CompactionPace — how long compaction rests after each step.
//
// Writers go first: while they write, compaction takes a fifth of a thread's time; more as the store
// comes near its target, and all it can get above it, for it must keep up with them. While nobody
// writes it does not rest. A limit of bytes a second holds whatever else is so. Decides only: no
// clock, no lock, no thread. Spec: Engine.md, "Compaction".

/// Times are nanoseconds.
package struct CompactionPace: Sendable {
    /// How long to wait when there is nothing to do, or it failed.
    package static let idlePause: UInt64 = 1_000_000_000
    private static let pauseMaximum: UInt64 = 60_000_000_000

    private let target: Double
    private let bytesPerSecond: UInt64?
    private var lastEnd: LogEnd?

    /// The pace of a store with this target and limit.
    package init(target: Double, bytesPerSecond: UInt64?) {
        self.target = target
        self.bytesPerSecond = bytesPerSecond
    }

    /// The pause after a step that took so long and moved so many bytes.
    package mutating func pause(
        after nanoseconds: UInt64, byteCount: Int, end: LogEnd, amplification: Double
    ) -> UInt64 {
        defer { lastEnd = end }
        let isIdle = lastEnd == end
        let rest = isIdle ? 0 : restFactor(amplification) * nanoseconds
        guard let bytesPerSecond else { return min(rest, Self.pauseMaximum) }
        let due = Double(byteCount) * 1e9 / Double(bytesPerSecond)
        let limited = due < Double(Self.pauseMaximum) ? UInt64(due) : Self.pauseMaximum
        return min(max(rest, limited - min(limited, nanoseconds)), Self.pauseMaximum)
    }

    /// In times of what the step took.
    private func restFactor(_ amplification: Double) -> UInt64 {
        let pressure = (amplification - 1) / (target - 1)
        if pressure >= 0.95 { return 0 }
        return pressure >= 0.85 ? 1 : 4
    }
}
