// BufferPool — buffers of one size, used again: pages that are new cost more than what they carry.
//
// A few are kept; whoever takes one gives it back, or drops it. A buffer that was used holds what it held. Any
// thread.

/// Buffers to be used again.
package final class BufferPool: Sendable {
    /// Of each buffer.
    package let byteCount: Int
    private let keptCountMaximum: Int
    private let kept = Guarded<[AlignedBuffer]>([])

    /// Makes none yet, and never keeps more than so many.
    package init(byteCount: Int, keptCountMaximum: Int) {
        self.byteCount = byteCount
        self.keptCountMaximum = keptCountMaximum
    }

    /// One of any content.
    package func take() -> AlignedBuffer {
        kept.withLock { $0.popLast() } ?? AlignedBuffer(byteCount: byteCount)
    }

    /// For somebody else; the caller touches it no more.
    package func giveBack(_ buffer: AlignedBuffer) {
        precondition(buffer.byteCount == byteCount, "a buffer goes back to where it is from")
        kept.withLock { kept in
            if kept.count < keptCountMaximum { kept.append(buffer) }
        }
    }
}
