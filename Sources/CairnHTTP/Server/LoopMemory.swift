// LoopMemory — the memory that a loop lends its connections: what a request needs, and what pieces of long answers do.
//
// The loop's thread.

internal import CairnSystem

/// Memory for those that have something to do.
struct LoopMemory {
    /// Beyond so many, buffers that nobody needed between two trims are given up.
    private static let keptCount = 16
    private static let countMaximum = 256

    private var free = Spares<LentBuffers>()
    private var pieces = PieceMemory()

    mutating func takeBuffers() -> LentBuffers { free.take() ?? LentBuffers() }

    /// They are as new, but that the output may lie in memory for pieces.
    mutating func take(back buffers: LentBuffers) {
        let reference = buffers.reference
        narrow(&reference.value)
        guard reference.value.isOrdinary, free.count < Self.countMaximum else { return }
        free.putBack(buffers)
    }

    /// Moves the output into memory for pieces, if some is left.
    mutating func widen(_ buffers: inout ConnectionBuffers) {
        if let memory = pieces.take() { buffers.widen(into: memory) }
    }

    /// Takes back memory for pieces that is empty.
    mutating func narrow(_ buffers: inout ConnectionBuffers) {
        if let memory = buffers.narrow() { pieces.take(back: memory) }
    }

    mutating func trim() {
        free.trim(keeping: Self.keptCount)
        pieces.trim()
    }
}
