// HintKeyEncoder — writes sorted keys as blocks of differences, and the index of the blocks.
//
// Keys come in ascending order. A block ends before it would outgrow the block size, unless it
// holds a single key. Spec: Format.md, "Hint", "Keys". One thread at a time.

internal import CairnSystem

/// What stands beside a key.
struct HintKeyTarget {
    let row: UInt32
    /// The record's offset in units of eight bytes, times two; the lowest bit says that it expires.
    let place: UInt32
    let expiry: UInt64

    init(_ entry: HintEntry, row: Int, expiry: UInt64) {
        self.row = UInt32(row)
        place = entry.offsetUnits << 1 | (expiry == 0 ? 0 : 1)
        self.expiry = expiry
    }
}

/// Writes the keys section of a hint.
struct HintKeyEncoder {
    private struct BlockPlace {
        let range: Range<UInt64>
        let keyCount: Int
        let separator: [UInt8]
    }

    /// A key as it will stand in the block.
    private struct Entry {
        let shared: UInt32
        let unshared: UInt32
        let target: HintKeyTarget

        var byteCount: Int {
            VariableInteger.byteCount(shared) + VariableInteger.byteCount(unshared)
                + VariableInteger.byteCount(target.row) + VariableInteger.byteCount(target.place)
                + (target.expiry == 0 ? 0 : 8) + Int(unshared)
        }
    }

    private let blockByteCount: Int
    private let seed: HintSeed
    /// Where the next block stands in the file.
    private(set) var end: UInt64
    /// As long as the longest block up to now.
    private var block: [UInt8]
    private var usedByteCount = 0
    private var restarts: [UInt32] = []
    private var keyCount = 0
    private var lastKey: [UInt8] = []
    private var lastKeyByteCount = 0
    private var separator: [UInt8] = []
    private var places: [BlockPlace] = []

    init(start: UInt64, blockByteCount: Int, seed: HintSeed) {
        end = start
        self.blockByteCount = blockByteCount
        self.seed = seed
        block = [UInt8](repeating: 0, count: blockByteCount)
    }

    private var isAtRestart: Bool { keyCount % HintKeyBlock.restartInterval == 0 }

    private func sharedByteCount(_ key: RawSpan) -> Int {
        key.commonPrefixByteCount(with: lastKey.rawSpan.extracting(0..<lastKeyByteCount))
    }

    /// Takes up a key; false, and nothing is done, when the open block holds keys and has no room for it.
    mutating func append(_ key: RawSpan, _ target: HintKeyTarget) -> Bool {
        let shared = isAtRestart ? 0 : sharedByteCount(key)
        let entry = Entry(
            shared: UInt32(shared), unshared: UInt32(key.byteCount - shared), target: target)
        let byteCount = entry.byteCount
        guard keyCount == 0 || hasRoom(for: byteCount) else { return false }
        if keyCount == 0, !places.isEmpty {
            let common = sharedByteCount(key)
            separator = key.extracting(0..<min(common + 1, key.byteCount)).copyBytes()
        }
        if isAtRestart { restarts.append(UInt32(usedByteCount)) }
        store(entry, byteCount, key.extracting(shared..<key.byteCount))
        note(key)
        return true
    }

    private func hasRoom(for byteCount: Int) -> Bool {
        let restartByteCount = (restarts.count + (isAtRestart ? 1 : 0)) * 4
        return usedByteCount + byteCount + restartByteCount + 8 <= blockByteCount
    }

    private mutating func store(_ entry: Entry, _ byteCount: Int, _ rest: RawSpan) {
        reserve(byteCount)
        var place = usedByteCount
        var bytes = block.mutableRawSpan
        VariableInteger.store(entry.shared, into: &bytes, at: &place)
        VariableInteger.store(entry.unshared, into: &bytes, at: &place)
        VariableInteger.store(entry.target.row, into: &bytes, at: &place)
        VariableInteger.store(entry.target.place, into: &bytes, at: &place)
        if entry.target.expiry != 0 {
            bytes.store(entry.target.expiry, at: place)
            place += 8
        }
        bytes.copy(from: rest, to: place)
        usedByteCount += byteCount
    }

    private mutating func reserve(_ byteCount: Int) {
        let missing = usedByteCount + byteCount - block.count
        if missing > 0 { block.append(contentsOf: repeatElement(0, count: missing)) }
    }

    private mutating func note(_ key: RawSpan) {
        let missing = key.byteCount - lastKey.count
        if missing > 0 { lastKey.append(contentsOf: repeatElement(0, count: missing)) }
        var bytes = lastKey.mutableRawSpan
        bytes.copy(from: key, to: 0)
        lastKeyByteCount = key.byteCount
        keyCount += 1
    }

    /// Completes the open block, if it holds a key, and hands it out.
    mutating func endBlock<Failure: Error>(
        _ write: (RawSpan, UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        guard keyCount > 0 else { return }
        let byteCount = sealBlock()
        try write(block.rawSpan.extracting(0..<byteCount), end)
        let next = end + UInt64(byteCount)
        places.append(BlockPlace(range: end..<next, keyCount: keyCount, separator: separator))
        end = next
        usedByteCount = 0
        restarts.removeAll(keepingCapacity: true)
        keyCount = 0
    }

    /// Writes what ends the open block; returns how long it is then.
    private mutating func sealBlock() -> Int {
        let byteCount = usedByteCount + restarts.count * 4 + 8
        reserve(byteCount - usedByteCount)
        let (numbers, start, seed) = (restarts + [UInt32(restarts.count)], end, seed)
        var place = usedByteCount
        var bytes = block.mutableRawSpan
        for number in numbers {
            bytes.store(number, at: place)
            place += 4
        }
        seed.seal(&bytes, byteCount: byteCount, at: start)
        return byteCount
    }

    /// The index of the blocks handed out, which stands at `end`.
    func encodedIndex() -> [UInt8] {
        let entriesEnd =
            HintKeyIndex.fixedByteCount + places.count * HintKeyIndex.entryByteCount
        let separatorByteCount = places.reduce(0) { $0 + $1.separator.count }
        var index = [UInt8](repeating: 0, count: entriesEnd + separatorByteCount)
        index.withMutableRawSpan { encodeIndex(into: &$0, separatorsAt: entriesEnd) }
        seed.seal(&index, at: end)
        return index
    }

    private func encodeIndex(into bytes: inout MutableRawSpan, separatorsAt start: Int) {
        bytes.store(UInt32(places.count), at: 0)
        var separatorOffset = start
        for (number, place) in places.enumerated() {
            let offset = HintKeyIndex.fixedByteCount + number * HintKeyIndex.entryByteCount
            bytes.store(place.range.lowerBound, at: offset)
            bytes.store(UInt32(place.range.upperBound - place.range.lowerBound), at: offset + 8)
            bytes.store(UInt32(place.keyCount), at: offset + 12)
            bytes.store(UInt32(separatorOffset), at: offset + 16)
            bytes.store(UInt16(place.separator.count), at: offset + 20)
            bytes.copy(from: place.separator.rawSpan, to: separatorOffset)
            separatorOffset += place.separator.count
        }
    }
}
