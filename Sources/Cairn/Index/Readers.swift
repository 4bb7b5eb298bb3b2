// Readers — who may still be reading, so that memory and files are freed only behind them.
//
// A reader works between `enter` and `leave`. A writer first makes a thing unreachable, then hands
// it to `retire`; it is freed when every reader that could have reached it has left. Any thread may
// call anything; `synchronize` and a reader's own section exclude each other. Cost: enter and leave
// are one uncontended atomic addition each, on a cache line that threads below 64 do not share.
//
// Each line counts the readers inside for two parities; a reader adds to the current one and takes
// away from the same word. A batch of retired things is freed once EVERY word has been seen zero,
// each at some moment after the batch's fence. Proof. Let reader R add to word c (I, sequentially
// consistent), then load a shared word (L, sequentially consistent); let the writer unlink by a
// store W, pass the fence F, then load c (C).
//   Suppose L misses W. L comes before W, W before F: so L < F in the single order; I < L by
//   program order; hence I < F. Had C missed I, F < I would follow; so C sees I or something later.
//   If C is zero, then R's subtraction is in what C sees: it was released, C acquires, so all that
//   R did happens before the freeing. If L does see W, R cannot reach the thing at all.
// Which parity R uses plays no part in this. Parities only make progress: once the words of one
// parity have all been seen zero, new readers are sent there, and the other drains.
// On processors without a fence in the addition itself, `enter` adds one, so that acquiring loads
// serve instead of sequentially consistent ones (same proof, with R's fence in place of L).

import CairnSystem
import Synchronization

/// Counts who is reading, and frees what nobody can reach any more.
package final class Readers: Sendable {
    /// A reader's section. Not tied to a thread: another may end it.
    package struct Token: BitwiseCopyable, Sendable {
        fileprivate let word: Int
    }

    private let counters = ReaderCounters()
    private let pending = Guarded(PendingFrees())

    package init() {}

    deinit {
        for free in pending.withLock({ $0.takeAll() }) { free() }
    }

    /// Begins a section: what is reachable now stays until `leave`.
    package func enter() -> Token { enter(parity: counters.parity.load(ordering: .relaxed)) }

    /// For tests: a reader that loaded the parity a while ago.
    package func enter(parity: Int) -> Token { Token(word: counters.add(parity: parity)) }

    /// Ends the section, once for each `enter`.
    package func leave(_ token: Token) { counters.words.decrement(token.word) }

    /// Runs `free` when nobody can be inside who entered before this call: at once, in this call,
    /// if nobody is inside now; otherwise in a later call of `retire`, `reclaim`, `synchronize`,
    /// or at the end of `self`. The caller has already made the thing unreachable.
    package func retire(_ free: @escaping @Sendable () -> Void) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if counters.isIdle {
            free()
        } else {
            _ = pending.withLock { pending in pending.append(free) }
        }
        reclaim()
    }

    /// Frees what can be freed by now. Does not wait.
    package func reclaim() {
        let freed = pending.withLock { pending in pending.advance(counters) }
        for free in freed { free() }
    }

    /// Waits until everybody who is inside now has left, and what was retired before is freed.
    /// Never call it from inside a section.
    package func synchronize() {
        let number = pending.withLock { pending in pending.append({}) }
        while true {
            reclaim()
            if pending.withLock({ $0.freedCount }) >= number { return }
            yieldProcessor()
        }
    }

    /// How many retired things still wait.
    package var pendingCount: Int { pending.withLock { $0.count } }
}

/// Who is inside: for each of 64 lines a word for each parity.
private struct ReaderCounters: ~Copyable, Sendable {
    private static let lineCount = 64
    private static let wordsPerLine = 8

    let words = AtomicWords(count: lineCount * wordsPerLine)
    /// Where new readers are sent.
    let parity = Atomic<Int>(0)

    /// Counts this thread in; returns its word.
    func add(parity: Int) -> Int {
        let line = threadSlot() & (Self.lineCount - 1)
        let word = line &* Self.wordsPerLine &+ parity
        words.increment(word)
        #if !arch(x86_64)
            atomicMemoryFence(ordering: .sequentiallyConsistent)
        #endif
        return word
    }

    /// Every word was zero, each at some moment of the call.
    var isIdle: Bool {
        occupied(of: .max, parity: 0) == 0 && occupied(of: .max, parity: 1) == 0
    }

    /// Those of `lines`, a set of bits, that have readers of `parity` inside.
    func occupied(of lines: UInt64, parity: Int) -> UInt64 {
        var rest = lines
        var occupied: UInt64 = 0
        while rest != 0 {
            let line = rest.trailingZeroBitCount
            rest &= rest &- 1
            if words.load(line &* Self.wordsPerLine &+ parity) != 0 {
                occupied |= 1 &<< UInt64(truncatingIfNeeded: line)
            }
        }
        return occupied
    }
}

/// What waits to be freed.
private struct PendingFrees: Sendable {
    typealias Free = @Sendable () -> Void

    /// The batch whose fence has passed, and the lines not yet seen zero since, by parity.
    private var current: [Free] = []
    private var unseenLines: (UInt64, UInt64) = (0, 0)
    /// What was retired after that fence.
    private var waiting: [Free] = []
    private(set) var freedCount: UInt64 = 0

    var count: Int { current.count + waiting.count }

    /// Returns what `freedCount` will be once this one is freed.
    mutating func append(_ free: @escaping Free) -> UInt64 {
        waiting.append(free)
        return freedCount + UInt64(count)
    }

    /// Looks at the counters; returns what may be freed now, for the caller to free unlocked.
    mutating func advance(_ counters: borrowing ReaderCounters) -> [Free] {
        var freed: [Free] = []
        while count > 0 {
            if current.isEmpty { beginBatch() }
            guard seesEveryLine(counters) else { break }
            freed += current
            freedCount += UInt64(current.count)
            current = []
        }
        return freed
    }

    mutating func takeAll() -> [Free] {
        defer { (current, waiting) = ([], []) }
        return current + waiting
    }

    private mutating func beginBatch() {
        (current, waiting) = (waiting, [])
        unseenLines = (.max, .max)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Strikes out the lines that are zero now. True when none is left of either parity; otherwise
    /// new readers are kept away from a parity that is still to be seen, if the other is done.
    private mutating func seesEveryLine(_ counters: borrowing ReaderCounters) -> Bool {
        unseenLines.0 = counters.occupied(of: unseenLines.0, parity: 0)
        unseenLines.1 = counters.occupied(of: unseenLines.1, parity: 1)
        if unseenLines == (0, 0) { return true }
        if unseenLines.0 == 0 { counters.parity.store(0, ordering: .relaxed) }
        if unseenLines.1 == 0 { counters.parity.store(1, ordering: .relaxed) }
        return false
    }
}
