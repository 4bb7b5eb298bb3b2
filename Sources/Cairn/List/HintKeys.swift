// HintKeys — the keys of one segment, read from its hint a block at a time, from any key on.
//
// In memory are the index of the blocks, some forty bytes each, and the least and the greatest key
// once they were seen; so a segment whose keys lie elsewhere is passed by without a read. Every block's
// checksum is verified each time it is read. Whatever is wrong with the hint is a doubt, never an
// answer. The file is not kept open: it may be removed or replaced at any time. Any thread.
// Spec: Engine.md, "Listing"; Format.md, "Hint".

internal import CairnFormat
internal import CairnSystem

/// The last block of a hint that was read, for who reads on from there.
struct KeyBlockCache {
    fileprivate var number = -1
    fileprivate var bytes: [UInt8] = []
}

final class HintKeys<S: Storage>: Sendable {
    private struct Block {
        let range: Range<UInt64>
        let separator: [UInt8]
    }

    private struct Bounds {
        var least: [UInt8]?
        var greatest: [UInt8]?
    }

    let segmentID: UInt64
    private let hint: HintOnDisk<S>
    private let blocks: [Block]
    private let bounds = Guarded(Bounds())

    /// Nil unless the index of the keys is intact.
    init?(_ hint: HintOnDisk<S>) {
        self.hint = hint
        segmentID = hint.header.binding.segmentID
        guard let bytes = hint.bytes(of: hint.header.range(of: .keyIndex)),
            let index = try? HintKeyIndex(
                decoding: bytes.rawSpan, header: hint.header, seed: hint.seed)
        else { return nil }
        blocks = (0..<index.blockCount).map { number in
            Block(
                range: index.range(ofBlock: number),
                separator: index.separator(number).copyBytes())
        }
    }

    /// Whether a key from `start` on and before `end` may be there.
    func mayHold(from start: [UInt8], before end: [UInt8]?) -> Bool {
        if blocks.isEmpty { return false }
        return bounds.withLock { bounds in
            if let greatest = bounds.greatest, greatest.rawSpan.precedes(start.rawSpan) {
                return false
            }
            guard let least = bounds.least, let end else { return true }
            return least.rawSpan.precedes(end.rawSpan)
        }
    }

    /// A key that no key of this hint from `start` on is before, if one above `start` is known.
    func bound(from start: [UInt8]) -> [UInt8]? {
        let least = bounds.withLock { $0.least }
        guard let least, start.rawSpan.precedes(least.rawSpan) else { return nil }
        return least
    }

    /// The block in which to begin looking for keys from `key` on.
    private func block(notBelow key: [UInt8]) -> Int {
        var (low, high) = (0, blocks.count)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            let separator = blocks[middle].separator
            if separator.rawSpan.precedes(key.rawSpan) {
                low = middle
            } else {
                high = middle
            }
        }
        return low
    }

    /// Asks the disk for the block that holds the keys from `start` on.
    func readAhead(from start: [UInt8]) { hint.readAhead(blocks[block(notBelow: start)].range) }

    /// At least `count` keys from `start` on, or all that are left; then `isLast`. All records of a
    /// key come together. Nil: the hint is unusable.
    func window(
        from start: [UInt8], count: Int, _ cache: inout KeyBlockCache
    ) -> (run: KeyRun, isLast: Bool)? {
        var run = KeyRun()
        for number in block(notBelow: start)..<blocks.count {
            if run.count >= count, !isSplit(run, before: number) { return (run, false) }
            guard load(number, &cache) else { return nil }
            do throws(FormatError) {
                if try take(number, cache.bytes, start, count, &run) { return (run, false) }
            } catch {
                return nil
            }
        }
        if let last = run.entries.indices.last {
            let greatest = run.key(last)
            bounds.withLock { $0.greatest = greatest }
        }
        return (run, true)
    }

    /// Whether a block may begin with records of the run's last key.
    private func isSplit(_ run: KeyRun, before number: Int) -> Bool {
        let separator = blocks[number].separator
        return run.compare(run.count - 1, separator.rawSpan) == 0
    }

    private func load(_ number: Int, _ cache: inout KeyBlockCache) -> Bool {
        if cache.number == number { return true }
        cache.number = -1
        guard let bytes = hint.bytes(of: blocks[number].range) else { return false }
        cache = KeyBlockCache(number: number, bytes: bytes)
        return true
    }

    /// Appends a block's keys from `start` on; true when there are enough before its end.
    private func take(
        _ number: Int, _ bytes: [UInt8], _ start: [UInt8], _ count: Int, _ run: inout KeyRun
    ) throws(FormatError) -> Bool {
        let block = try HintKeyBlock(
            decoding: bytes.rawSpan, at: blocks[number].range.lowerBound, seed: hint.seed)
        if number == 0 { try noteLeast(block) }
        var cursor = try block.cursor(notBelow: start.rawSpan)
        while cursor.hasKey {
            let key = cursor.key
            if run.count > 0 {
                let order = run.compare(run.count - 1, key.rawSpan)
                guard order <= 0 else {
                    throw FormatError(.invalidField("order of keys"), in: .hintKeys, at: number)
                }
                if order < 0, run.count >= count { return true }
            }
            run.append(key.rawSpan, offset: cursor.recordOffset, expiry: cursor.expiry)
            _ = try cursor.advance()
        }
        return false
    }

    private func noteLeast(_ block: borrowing HintKeyBlock) throws(FormatError) {
        var cursor = block.cursor()
        guard try cursor.advance() else { return }
        let least = cursor.key
        bounds.withLock { $0.least = least }
    }
}
