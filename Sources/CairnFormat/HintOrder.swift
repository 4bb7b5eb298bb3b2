// HintRowOrder, HintKeyOrder — sort rows by hash and keys bytewise, in steps.
//
// Both move 16 bytes an element and compare one word, looking at rows and keys only where the words
// are equal. Hashes are spread evenly, so rows are dealt into small buckets first, each sorted by
// itself. The word of a key is what follows the start that all keys share, since keys of one segment
// are often of one directory; runs of keys are sorted, then merged two by two. One thread at a time.

internal import CairnSystem

/// A row by its number, and what it is sorted by.
private struct Ranked: BitwiseCopyable {
    var word: UInt64 = 0
    var number: UInt32 = 0
}

/// The rows of a hint in the order of the table.
struct HintRowOrder {
    private static let entriesPerStep = 32 << 10
    private static let entriesPerBucket = 16
    private static let insertionMaximum = 48

    private enum Stage {
        case count
        case deal(from: Int)
        case sort(bucket: Int)
        case done
    }

    private var ranked: [Ranked]
    private let bucketBitCount: UInt64
    /// Where each bucket's next entry goes; after dealing, where it ends.
    private var ends: [UInt32]
    private var stage = Stage.count

    init(_ entries: [HintEntry]) {
        ranked = [Ranked](repeating: Ranked(), count: entries.count)
        let bucketCount = max(1, min(entries.count / Self.entriesPerBucket, 1 << 16))
        bucketBitCount = UInt64(Int.bitWidth - 1 - bucketCount.leadingZeroBitCount)
        ends = [UInt32](repeating: 0, count: 1 << Int(bucketBitCount))
    }

    /// The number of the entry whose row is `row`.
    subscript(row: Int) -> Int { Int(ranked[row].number) }

    private func bucket(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash &>> 1) &>> (63 &- bucketBitCount))
    }

    /// False when the order is complete.
    mutating func step(_ entries: [HintEntry]) -> Bool {
        switch stage {
        case .count: count(entries)
        case .deal(let start): deal(entries, from: start)
        case .sort(let bucket): sort(entries, from: bucket)
        case .done: return false
        }
        return true
    }

    private mutating func count(_ entries: [HintEntry]) {
        for entry in entries { ends[bucket(entry.hashFirst)] += 1 }
        var start: UInt32 = 0
        for bucket in ends.indices {
            let count = ends[bucket]
            ends[bucket] = start
            start += count
        }
        stage = .deal(from: 0)
    }

    private mutating func deal(_ entries: [HintEntry], from start: Int) {
        let end = min(start + Self.entriesPerStep, entries.count)
        for number in start..<end {
            let hash = entries[number].hashFirst
            let bucket = bucket(hash)
            ranked[Int(ends[bucket])] = Ranked(word: hash, number: UInt32(number))
            ends[bucket] += 1
        }
        stage = end == entries.count ? .sort(bucket: 0) : .deal(from: end)
    }

    private mutating func sort(_ entries: [HintEntry], from first: Int) {
        let start = first == 0 ? 0 : Int(ends[first - 1])
        var (bucket, lower) = (first, start)
        while bucket < ends.count, lower < start + Self.entriesPerStep {
            let upper = Int(ends[bucket])
            sort(lower..<upper, entries)
            (bucket, lower) = (bucket + 1, upper)
        }
        stage = bucket == ends.count ? .done : .sort(bucket: bucket)
    }

    private mutating func sort(_ range: Range<Int>, _ entries: [HintEntry]) {
        func precedes(_ left: Ranked, _ right: Ranked) -> Bool {
            if left.word != right.word { return left.word < right.word }
            return entries[Int(left.number)].precedes(entries[Int(right.number)])
        }
        if range.count > Self.insertionMaximum { return ranked[range].sort(by: precedes) }
        for place in range.dropFirst() {
            let moved = ranked[place]
            var hole = place
            while hole > range.lowerBound, precedes(moved, ranked[hole - 1]) {
                ranked[hole] = ranked[hole - 1]
                hole -= 1
            }
            ranked[hole] = moved
        }
    }
}

/// The rows with a user's key, by key, then by place in the table.
struct HintKeyOrder {
    private static let runCount = 4096
    private static let keysPerStep = 32 << 10

    private enum Stage {
        case rank(from: Int)
        case sort(from: Int)
        case merge(runCount: Int, from: Int)
        case done
    }

    private var ranked: [Ranked] = []
    private var merged: [Ranked] = []
    /// By entry: its row.
    private var rows: [UInt32] = []
    private var stage = Stage.done

    init() {}

    init(_ builder: HintBuilder, rows order: HintRowOrder) {
        rows = [UInt32](repeating: 0, count: builder.entries.count)
        for row in rows.indices { rows[order[row]] = UInt32(row) }
        ranked.reserveCapacity(builder.header.keyCount)
        stage = .rank(from: 0)
    }

    var count: Int { ranked.count }

    /// The number of the entry whose key stands at `place`.
    func number(at place: Int) -> Int { Int(ranked[place].number) }

    /// The row of an entry.
    func row(of number: Int) -> Int { Int(rows[number]) }

    /// False when the order is complete.
    mutating func step(_ builder: HintBuilder) -> Bool {
        switch stage {
        case .rank(let start): rank(builder, from: start)
        case .sort(let start): sort(builder, from: start)
        case .merge(let runCount, let start): merge(builder, runCount, from: start)
        case .done: return false
        }
        return true
    }

    private mutating func rank(_ builder: HintBuilder, from start: Int) {
        let end = min(start + Self.keysPerStep, builder.entries.count)
        let shared = builder.sharedKeyByteCount
        for number in start..<end where builder.entries[number].type != .chunk {
            let word = Self.word(builder.keys, builder.entries[number].keyRange, from: shared)
            ranked.append(Ranked(word: word, number: UInt32(number)))
        }
        stage = end == builder.entries.count ? .sort(from: 0) : .rank(from: end)
    }

    /// Eight bytes of a key as a number that sorts like them; missing ones are zero, which a
    /// comparison of whole keys then tells from real ones.
    private static func word(_ keys: [UInt8], _ range: Range<Int>, from shared: Int) -> UInt64 {
        let bytes = keys.rawSpan
        let start = range.lowerBound + shared
        if start + 8 <= range.upperBound { return bytes.loadUInt64(at: start).byteSwapped }
        var word: UInt64 = 0
        for place in start..<start + 8 {
            word = word << 8 | (place < range.upperBound ? UInt64(bytes.loadUInt8(at: place)) : 0)
        }
        return word
    }

    private mutating func sort(_ builder: HintBuilder, from start: Int) {
        let end = min(start + Self.keysPerStep, ranked.count)
        let rows = rows
        for start in stride(from: start, to: end, by: Self.runCount) {
            let range = start..<min(start + Self.runCount, ranked.count)
            ranked[range].sort { Self.precedes($0, $1, builder, rows) }
        }
        guard end == ranked.count else { return stage = .sort(from: end) }
        merged = ranked
        stage = .merge(runCount: Self.runCount, from: 0)
    }

    private static func precedes(
        _ left: Ranked, _ right: Ranked, _ builder: HintBuilder, _ rows: [UInt32]
    ) -> Bool {
        if left.word != right.word { return left.word < right.word }
        let bytes = builder.keys.rawSpan
        let comparison = bytes.extracting(builder.entries[Int(left.number)].keyRange).compare(
            bytes.extracting(builder.entries[Int(right.number)].keyRange))
        return comparison == 0
            ? rows[Int(left.number)] < rows[Int(right.number)] : comparison < 0
    }

    /// Merges pairs of runs until enough was done, or all runs of this length are merged.
    private mutating func merge(_ builder: HintBuilder, _ runCount: Int, from start: Int) {
        guard runCount < ranked.count else { return finish() }
        var lower = start
        while lower < ranked.count, lower - start < Self.keysPerStep {
            let middle = min(lower + runCount, ranked.count)
            let upper = min(middle + runCount, ranked.count)
            merge(builder, lower..<middle, middle..<upper)
            lower = upper
        }
        guard lower == ranked.count else { return stage = .merge(runCount: runCount, from: lower) }
        swap(&ranked, &merged)
        stage = .merge(runCount: runCount * 2, from: 0)
    }

    private mutating func merge(
        _ builder: HintBuilder, _ first: Range<Int>, _ second: Range<Int>
    ) {
        var (left, right) = (first.lowerBound, second.lowerBound)
        for place in first.lowerBound..<second.upperBound {
            let takesLeft =
                right == second.upperBound
                || left < first.upperBound
                    && !Self.precedes(ranked[right], ranked[left], builder, rows)
            merged[place] = takesLeft ? ranked[left] : ranked[right]
            if takesLeft { left += 1 } else { right += 1 }
        }
    }

    private mutating func finish() {
        merged = []
        stage = .done
    }
}
