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

    private let blockByteCount: Int
    private let seed: HintSeed
    /// Where the next block stands in the file.
    private(set) var end: UInt64
    private var block: [UInt8] = []
    private var restarts: [UInt32] = []
    private var keyCount = 0
    private var lastKey: [UInt8] = []
    private var separator: [UInt8] = []
    private var places: [BlockPlace] = []

    init(start: UInt64, blockByteCount: Int, seed: HintSeed) {
        end = start
        self.blockByteCount = blockByteCount
        self.seed = seed
    }

    private var isAtRestart: Bool { keyCount % HintKeyBlock.restartInterval == 0 }

    private func sharedByteCount(_ key: RawSpan) -> Int {
        isAtRestart ? 0 : key.commonPrefixByteCount(with: lastKey.rawSpan)
    }

    /// Whether the open block has room for the key.
    func fits(_ key: RawSpan, _ target: HintKeyTarget) -> Bool {
        guard keyCount > 0 else { return true }
        let shared = sharedByteCount(key)
        let unshared = key.byteCount - shared
        let entry =
            VariableInteger.byteCount(UInt32(shared)) + VariableInteger.byteCount(UInt32(unshared))
            + VariableInteger.byteCount(target.row) + VariableInteger.byteCount(target.place)
            + (target.expiry == 0 ? 0 : 8) + unshared
        let restartByteCount = (restarts.count + (isAtRestart ? 1 : 0)) * 4
        return block.count + entry + restartByteCount + 8 <= blockByteCount
    }

    mutating func append(_ key: RawSpan, _ target: HintKeyTarget) {
        if keyCount == 0, !places.isEmpty {
            let shared = key.commonPrefixByteCount(with: lastKey.rawSpan)
            separator = key.extracting(0..<min(shared + 1, key.byteCount)).copyBytes()
        }
        let shared = sharedByteCount(key)
        if isAtRestart { restarts.append(UInt32(block.count)) }
        VariableInteger.append(UInt32(shared), to: &block)
        VariableInteger.append(UInt32(key.byteCount - shared), to: &block)
        VariableInteger.append(target.row, to: &block)
        VariableInteger.append(target.place, to: &block)
        if target.expiry != 0 { Self.append(target.expiry, to: &block) }
        block.append(copying: key.extracting(shared..<key.byteCount))
        lastKey.removeAll(keepingCapacity: true)
        lastKey.append(copying: key)
        keyCount += 1
    }

    /// Completes the open block, if it holds a key, and hands it out.
    mutating func endBlock<Failure: Error>(
        _ write: (RawSpan, UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        guard keyCount > 0 else { return }
        for restart in restarts { Self.append(restart, to: &block) }
        Self.append(UInt32(restarts.count), to: &block)
        seed.seal(&block, at: end)
        try write(block.rawSpan, end)
        let next = end + UInt64(block.count)
        places.append(BlockPlace(range: end..<next, keyCount: keyCount, separator: separator))
        end = next
        block.removeAll(keepingCapacity: true)
        restarts.removeAll(keepingCapacity: true)
        keyCount = 0
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

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
