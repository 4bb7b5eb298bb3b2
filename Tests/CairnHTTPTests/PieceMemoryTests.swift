// Memory for the pieces of long answers: how much is lent, and what is kept.

import CairnHTTP
import CairnSystem
import Testing

@Suite("Piece memory") struct PieceMemoryTests {
    @Test("only so much is lent, and again when it comes back") func bound() {
        var memory = PieceMemory()
        var lent: [ByteQueue] = []
        while let queue = memory.take() { lent.append(queue) }
        #expect(lent.count == PieceMemory.lentCountMaximum)
        #expect(lent.allSatisfy { $0.isEmpty && $0.capacity > PieceMemory.pieceByteCount })
        memory.take(back: lent.removeLast())
        let (again, more) = (memory.take(), memory.take())
        #expect(again != nil && more == nil)
    }

    @Test("what came back last is lent first, until nobody has needed it between two trims")
    func reuse() throws {
        var memory = PieceMemory()
        let (one, other) = (memory.take(), memory.take())
        let (first, second) = (try #require(one), try #require(other))
        memory.take(back: first)
        memory.take(back: second)
        let third = memory.take()
        let again = try #require(third)
        #expect(again.takeStorage() === second.takeStorage())
        memory.trim()
        memory.take(back: again)
        memory.trim()
        #expect(memory.freeCount == 1)
        memory.trim()
        #expect(memory.freeCount == 0)
    }

    @Test("what an answer has made larger is not kept") func enlarged() throws {
        var memory = PieceMemory()
        let lent = memory.take()
        var queue = try #require(lent)
        queue.append(upTo: 2 * PieceMemory.pieceByteCount) { _ in 0 }
        memory.take(back: queue)
        #expect(memory.freeCount == 0)
    }
}
