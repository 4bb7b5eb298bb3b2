// HintKeyBlock — a block of a hint's keys: sorted bytewise, each stored as its difference from the
// one before.
//
// An entry is shared, unshared, row, place as variable integers, the expiry if there is one, then the
// unshared bytes. Every 16th entry shares nothing: a restart point. The restart offsets stand behind the entries, for binary
// search. The checksum is verified at init; entries are checked one by one as a cursor walks over
// them, so that a block written by a faulty program is an error and not a trap.
// Spec: Format.md, "Hint", "Keys". Read-only view; any thread.

internal import CairnSystem

/// A verified block of the keys section.
package struct HintKeyBlock: ~Escapable {
    static let restartInterval = 16

    private let contents: RawSpan
    private let entriesEnd: Int
    /// Restart points; at least one.
    package let restartCount: Int

    /// Checks the checksum of a block that stands at `offset` of the hint; `bytes` is exactly it.
    @_lifetime(copy bytes)
    package init(decoding bytes: RawSpan, at offset: UInt64, seed: HintSeed) throws(FormatError) {
        contents = try seed.contents(of: bytes, at: offset, in: .hintKeys)
        let end = contents.byteCount - 4
        guard end >= 0 else { throw FormatError(.truncated, in: .hintKeys, at: 0) }
        restartCount = Int(contents.loadUInt32(at: end))
        guard restartCount >= 1, restartCount <= end / 4 else {
            throw FormatError(.invalidField("restart count"), in: .hintKeys, at: end)
        }
        entriesEnd = end - restartCount * 4
        try checkRestarts()
    }

    private func checkRestarts() throws(FormatError) {
        var previous = -1
        for index in 0..<restartCount {
            let offset = restartOffset(index)
            let isInOrder = index == 0 ? offset == 0 : offset > previous
            guard isInOrder, offset < entriesEnd else {
                throw FormatError(
                    .invalidField("restart offset"), in: .hintKeys, at: entriesEnd + index * 4)
            }
            previous = offset
        }
    }

    private var entries: RawSpan {
        @_lifetime(copy self) get { contents.extracting(0..<entriesEnd) }
    }

    private func restartOffset(_ index: Int) -> Int {
        Int(contents.loadUInt32(at: entriesEnd + index * 4))
    }

    /// A cursor before the block's first key.
    @_lifetime(copy self)
    package func cursor() -> HintKeyCursor { HintKeyCursor(entries: entries, at: 0) }

    /// A cursor on the block's first key that is not below `key`; at the end when there is none.
    @_lifetime(copy self)
    package func cursor(notBelow key: RawSpan) throws(FormatError) -> HintKeyCursor {
        var cursor = HintKeyCursor(entries: entries, at: try restart(before: key))
        while try cursor.advance(), cursor.key.rawSpan.precedes(key) {}
        return cursor
    }

    /// The offset of the last restart point whose key is below `key`; else of the first.
    private func restart(before key: RawSpan) throws(FormatError) -> Int {
        var (low, high) = (0, restartCount)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            var probe = HintKeyCursor(entries: entries, at: restartOffset(middle))
            guard try probe.advance() else { break }
            if probe.key.rawSpan.precedes(key) { low = middle } else { high = middle }
        }
        return restartOffset(low)
    }
}
