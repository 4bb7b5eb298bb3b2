// PieceMemory — memory for the pieces of long answers, which are large while clients take them at once.
//
// One send of 512 KiB costs the kernel little more than half of four of 128 KiB, each of which wakes the client
// (GETs of 1 MiB, CPU seconds for 100,000: 35 → 20). But what a client does not take stays in memory, so only a
// few connections have such pieces under way, and all others smaller ones. The loop's thread.

/// Lends memory for pieces.
package struct PieceMemory {
    /// Of a piece in this memory.
    package static let pieceByteCount = 512 << 10
    /// A piece, and the head before it.
    private static let byteCount = pieceByteCount + (16 << 10)
    /// How many are lent at a time.
    package static let lentCountMaximum = 16

    private var free = Spares<ByteQueue>()
    private var lentCount = 0

    /// None yet.
    package init() {}

    /// How much is kept for the next ones.
    package var freeCount: Int { free.count }

    /// An empty queue; nil: enough are lent.
    package mutating func take() -> ByteQueue? {
        guard lentCount < Self.lentCountMaximum else { return nil }
        lentCount += 1
        return free.take() ?? ByteQueue(byteCount: Self.byteCount)
    }

    /// What was lent, empty; it is not kept when an answer has made it larger.
    package mutating func take(back queue: ByteQueue) {
        precondition(queue.isEmpty, "memory comes back when what was in it has gone")
        lentCount -= 1
        if queue.capacity == Self.byteCount { free.putBack(queue) }
    }

    /// Gives up what nobody needed since this was called last.
    package mutating func trim() { free.trim() }
}
