// Bell — wakes a loop that waits with a `Poller`, from any thread.
//
// The loop adds `rawValue` for reading and drains the bell when it is told of it, before it looks at
// what others left for it. Rings between two drains are one wake-up and one write to the kernel: the
// first sets a flag, the others see it. What was written before a ring is seen after the drain that
// takes it, and a ring that comes too late for a drain wakes the loop again; none is lost.

internal import CLinux
internal import Synchronization

/// What any thread rings and one loop hears; an eventfd.
package final class Bell: Sendable {
    private let descriptor: Descriptor
    private let isRung = Atomic(false)

    /// A bell that has not been rung. Corresponds to `eventfd(2)`.
    package init() throws(SocketError) {
        descriptor = Descriptor(owning: try SocketError.naming(.makeBell) { cairn_bell_open() })
    }

    /// The number, for a `Poller`; valid while the bell lives.
    package var rawValue: Int32 { descriptor.rawValue }

    /// Wakes the loop, unless it was woken already and has not drained the bell since.
    package func ring() {
        if isRung.exchange(true, ordering: .acquiringAndReleasing) { return }
        cairn_bell_ring(descriptor.rawValue)
    }

    /// Takes all rings so far; by the loop that waits for them.
    package func drain() {
        // In this order: a ring that sees the flag still set comes before the flag is cleared, so what it
        // announces is seen. The other way round a ring between the two would be swallowed with the
        // flag left set, and all later ones with it.
        cairn_bell_drain(descriptor.rawValue)
        _ = isRung.exchange(false, ordering: .acquiringAndReleasing)
    }
}
