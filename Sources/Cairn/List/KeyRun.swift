// KeyRun — keys in bytewise order, each with the place of a record: a window of a hint, or what a
// segment without a hint holds.
//
// A key with several records stands there once for each. Sorting compares one word of each key, taken
// behind what all keys share, and looks at the keys only where the words are equal. A value; what is
// copied is shared until it is changed. Spec: Engine.md, "Listing".

internal import CairnFormat
internal import CairnSystem

/// Sorted keys with their records' places.
struct KeyRun: Sendable {
    /// A key and a record of it.
    struct Entry: BitwiseCopyable, Sendable {
        fileprivate let keyStart: UInt32
        fileprivate let offsetUnits: UInt32
        /// Nanoseconds since 1970; 0: the record does not expire.
        let expiry: UInt64
        fileprivate let keyByteCount: UInt16

        /// Where the record stands in its segment.
        var offset: UInt64 { UInt64(offsetUnits) * 8 }
        fileprivate var keyRange: Range<Int> {
            Int(keyStart)..<Int(keyStart) + Int(keyByteCount)
        }
    }

    private var bytes: [UInt8] = []
    private(set) var entries: [Entry] = []

    var count: Int { entries.count }

    /// The key of the entry `number`.
    func key(_ number: Int) -> [UInt8] { Array(bytes[entries[number].keyRange]) }

    /// Order of a key among other bytes: negative, zero or positive.
    @inline(__always)
    func compare(_ number: Int, _ other: RawSpan) -> Int {
        let (bytes, range) = (bytes, entries[number].keyRange)
        return bytes.rawSpan.extracting(range).compare(other)
    }

    /// Order of a key of this run and one of another.
    @inline(__always)
    func compare(_ number: Int, _ other: KeyRun, _ otherNumber: Int) -> Int {
        let (bytes, range) = (other.bytes, other.entries[otherNumber].keyRange)
        return compare(number, bytes.rawSpan.extracting(range))
    }

    /// Takes up a record; the caller keeps the order, or sorts.
    mutating func append(_ key: RawSpan, offset: UInt64, expiry: UInt64) {
        var start = UInt32(bytes.count)
        if let last = entries.indices.last, compare(last, key) == 0 {
            start = entries[last].keyStart
        } else {
            bytes.append(copying: key)
        }
        entries.append(
            Entry(
                keyStart: start, offsetUnits: UInt32(offset / 8), expiry: expiry,
                keyByteCount: UInt16(key.byteCount)))
    }

    /// The first entry from `start` on whose key is not below `key`; the count when there is none.
    func place(notBelow key: RawSpan, from start: Int = 0) -> Int {
        var (low, high) = (start, count)
        while low < high {
            let middle = low + (high - low) / 2
            if compare(middle, key) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

// MARK: - Order

extension KeyRun {
    private struct Ranked: BitwiseCopyable {
        let word: UInt64
        let number: UInt32
    }

    /// Puts the entries in order.
    mutating func sort() {
        guard count > 1 else { return }
        let shared = sharedByteCount
        var ranked = entries.indices.map { number in
            Ranked(word: word(entries[number].keyRange, from: shared), number: UInt32(number))
        }
        let run = self
        ranked.sort { left, right in
            if left.word != right.word { return left.word < right.word }
            let order = run.compare(Int(left.number), run, Int(right.number))
            return order == 0 ? left.number < right.number : order < 0
        }
        entries = ranked.map { run.entries[Int($0.number)] }
    }

    /// How many bytes all keys share at their start.
    private var sharedByteCount: Int {
        let (bytes, first) = (bytes, entries[0].keyRange)
        var shared = first.count
        for entry in entries where shared > 0 {
            let key = bytes.rawSpan.extracting(entry.keyRange)
            shared = min(
                shared,
                key.commonPrefixByteCount(
                    with: bytes.rawSpan.extracting(first.lowerBound..<first.lowerBound + shared)))
        }
        return shared
    }

    /// Eight bytes of a key as a number that sorts like them; missing ones are zero, which a
    /// comparison of whole keys then tells from real ones.
    private func word(_ range: Range<Int>, from shared: Int) -> UInt64 {
        let start = range.lowerBound + shared
        if start + 8 <= range.upperBound {
            let bytes = bytes
            return bytes.rawSpan.loadUInt64(at: start).byteSwapped
        }
        var word: UInt64 = 0
        for place in start..<start + 8 {
            word = word << 8 | (place < range.upperBound ? UInt64(bytes[place]) : 0)
        }
        return word
    }

    /// All entries of two runs, in order.
    init(merging first: KeyRun, _ second: KeyRun) {
        bytes.reserveCapacity(first.bytes.count + second.bytes.count)
        entries.reserveCapacity(first.count + second.count)
        var (left, right) = (0, 0)
        while left < first.count || right < second.count {
            let takesLeft =
                right == second.count
                || left < first.count && first.compare(left, second, right) <= 0
            if takesLeft {
                append(entry: left, of: first)
                left += 1
            } else {
                append(entry: right, of: second)
                right += 1
            }
        }
    }

    private mutating func append(entry number: Int, of run: KeyRun) {
        let (bytes, entry) = (run.bytes, run.entries[number])
        append(
            bytes.rawSpan.extracting(entry.keyRange), offset: entry.offset, expiry: entry.expiry)
    }
}
