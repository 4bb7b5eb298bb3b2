// HintKeyIndex — where the blocks of a hint's keys are, and between which keys each begins.
//
// The separator of a block is the shortest start of its first key that is above the last key of
// the block before; where equal keys meet at the border it is the whole key. So: every key of the
// block is at or above its separator, and every key of earlier blocks at or below it. The first
// block's separator is empty. Spec: Format.md, "Hint", "Key index". Read-only view; any thread.

internal import CairnSystem

/// The verified index of the blocks of keys.
package struct HintKeyIndex: ~Escapable {
    static let fixedByteCount = 8
    static let entryByteCount = 24
    static let minimumByteCount = fixedByteCount + 4

    private let contents: RawSpan
    /// Blocks in the keys section.
    package let blockCount: Int

    /// Checks everything: `bytes` is exactly the index section.
    @_lifetime(copy bytes)
    package init(decoding bytes: RawSpan, header: HintHeader, seed: HintSeed) throws(FormatError) {
        let range = header.range(of: .keyIndex)
        try bytes.checkByteCount(Int(range.upperBound - range.lowerBound), in: .hintKeys)
        contents = try seed.contents(of: bytes, at: range.lowerBound, in: .hintKeys)
        guard contents.byteCount >= Self.fixedByteCount else {
            throw FormatError(.truncated, in: .hintKeys, at: contents.byteCount)
        }
        blockCount = Int(contents.loadUInt32(at: 0))
        guard blockCount <= (contents.byteCount - Self.fixedByteCount) / Self.entryByteCount else {
            throw FormatError(.invalidField("block count"), in: .hintKeys, at: 0)
        }
        try checkEntries(header: header)
    }

    private func checkEntries(header: HintHeader) throws(FormatError) {
        let keys = header.range(of: .keys)
        var end = keys.lowerBound
        var separatorEnd = Self.fixedByteCount + blockCount * Self.entryByteCount
        var keyCount = 0
        for index in 0..<blockCount {
            let place = self.place(index)
            let range = range(ofBlock: index)
            guard range.lowerBound == end, range.upperBound <= keys.upperBound else {
                throw FormatError(.invalidField("block range"), in: .hintKeys, at: place)
            }
            guard separatorRange(index).lowerBound == separatorEnd,
                separatorRange(index).upperBound <= contents.byteCount
            else { throw FormatError(.invalidField("separator"), in: .hintKeys, at: place + 16) }
            guard index == 0 || !separator(index).precedes(separator(index - 1)) else {
                throw FormatError(.invalidField("separator"), in: .hintKeys, at: place + 16)
            }
            end = range.upperBound
            separatorEnd = separatorRange(index).upperBound
            keyCount += self.keyCount(ofBlock: index)
        }
        guard end == keys.upperBound, separatorEnd == contents.byteCount,
            keyCount == header.keyCount
        else { throw FormatError(.invalidField("block count"), in: .hintKeys, at: 0) }
    }

    private func place(_ index: Int) -> Int {
        Self.fixedByteCount + index * Self.entryByteCount
    }

    private func separatorRange(_ index: Int) -> Range<Int> {
        let start = Int(contents.loadUInt32(at: place(index) + 16))
        return start..<start + Int(contents.loadUInt16(at: place(index) + 20))
    }
}

extension HintKeyIndex {
    /// Where a block stands in the hint, its checksum included.
    package func range(ofBlock index: Int) -> Range<UInt64> {
        let start = contents.loadUInt64(at: place(index))
        let byteCount = UInt64(contents.loadUInt32(at: place(index) + 8))
        return start..<(start > .max - byteCount ? .max : start + byteCount)
    }

    /// How many keys a block holds.
    package func keyCount(ofBlock index: Int) -> Int {
        Int(contents.loadUInt32(at: place(index) + 12))
    }

    /// The separator in front of a block.
    @_lifetime(copy self)
    package func separator(_ index: Int) -> RawSpan {
        contents.extracting(separatorRange(index))
    }

    /// The block in which to begin looking for the first key not below `key`: if it is not there,
    /// it is the first of the next block. 0 when there are no blocks.
    package func block(notBelow key: RawSpan) -> Int {
        var (low, high) = (0, blockCount)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if separator(middle).precedes(key) { low = middle } else { high = middle }
        }
        return low
    }
}
