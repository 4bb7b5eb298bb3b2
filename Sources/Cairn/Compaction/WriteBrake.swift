// WriteBrake — slows writers while compaction does not keep up with them.
//
// The compactor says how fast all writers together may be. A write takes its bytes' time on a line that
// all of them share, and sleeps until that time has come, before it appends, with no lock and no role
// held. Never longer than a bound, so that what the compactor said last cannot stop anybody. A write
// while it is off costs one relaxed load. Any thread. Spec: Engine.md, "Compaction".

internal import CairnSystem
internal import Synchronization

/// A bound on the speed of all writers together.
package final class WriteBrake: Sendable {
    /// The longest that one write sleeps.
    package static let delayMaximum: UInt64 = 50_000_000
    /// Shorter delays are saved up: a sleep takes longer than it should.
    private static let delayMinimum: UInt64 = 1_000_000

    private let nanosecondsPerMebibyte = Atomic<UInt64>(0)
    /// When everything that was written is paid for, on the monotonic clock.
    private let paidAt = Atomic<UInt64>(0)

    /// Off.
    package init() {}

    /// Whether writers are slowed.
    @inline(__always)
    package var isOn: Bool { nanosecondsPerMebibyte.load(ordering: .relaxed) != 0 }

    /// Nil: as fast as they can.
    package func set(bytesPerSecond: Double?) {
        let cost = bytesPerSecond.map { UInt64(max(1, Double(1 << 20) * 1e9 / max($0, 1))) } ?? 0
        nanosecondsPerMebibyte.store(cost, ordering: .relaxed)
    }

    /// How long a write of so many bytes that comes `now` is to sleep first.
    package func delay(of byteCount: Int, at now: UInt64) -> UInt64 {
        let perMebibyte = Double(nanosecondsPerMebibyte.load(ordering: .relaxed))
        let cost = UInt64(
            min(
                perMebibyte * Double(byteCount) / Double(1 << 20), Double(Self.delayMaximum)))
        var known = paidAt.load(ordering: .relaxed)
        while true {
            let end = min(max(known, now) + cost, now + Self.delayMaximum)
            let (isDone, other) = paidAt.compareExchange(
                expected: known, desired: end, ordering: .relaxed)
            if isDone { return end - now < Self.delayMinimum ? 0 : end - now }
            known = other
        }
    }
}

extension Engine {
    /// Lets compaction catch up, when writers are to be slowed. No lock and no role is held.
    @inline(__always)
    func yieldToCompaction(_ byteCount: Int) {
        if brake.isOn { sleepForCompaction(byteCount) }
    }

    @inline(never)
    private func sleepForCompaction(_ byteCount: Int) {
        let delay = brake.delay(of: byteCount, at: storage.monotonicClock())
        if delay > 0 { _ = Parker().park(nanoseconds: delay) }
    }
}
