// HintBuilder+Order — sorts rows by hash and keys bytewise, a million in about a second.
//
// Both sorts move 16 bytes an element and compare one word, looking at rows and keys only where
// the words are equal. The word of a key is what follows the start that all keys share, since keys
// of one segment are often of one directory. One thread at a time.

internal import CairnSystem

extension HintBuilder {
    /// A row by its number, and what it is sorted by.
    private struct Ranked {
        let word: UInt64
        let number: UInt32
    }

    /// The rows, by their place in the table: element i is the row added that stands at i.
    func rowsByHash() -> [Int] {
        var ranked = rows.indices.map { Ranked(word: rows[$0].hashFirst, number: UInt32($0)) }
        ranked.sort { left, right in
            if left.word != right.word { return left.word < right.word }
            return rows[Int(left.number)].precedes(rows[Int(right.number)])
        }
        return ranked.map { Int($0.number) }
    }

    /// The places in the table of the rows with a user's key, by key, then by place.
    func placesByKey(in order: [Int]) -> [Int] {
        let places = order.indices.filter { rows[order[$0]].type != .chunk }
        let shared = sharedByteCount(of: places, in: order)
        var ranked = places.map { place in
            Ranked(word: word(of: order[place], from: shared), number: UInt32(place))
        }
        ranked.sort { left, right in
            if left.word != right.word { return left.word < right.word }
            let comparison = compare(order[Int(left.number)], order[Int(right.number)])
            return comparison == 0 ? left.number < right.number : comparison < 0
        }
        return ranked.map { Int($0.number) }
    }

    private func compare(_ left: Int, _ right: Int) -> Int {
        let bytes = keys.rawSpan
        return bytes.extracting(keyRange(left)).compare(bytes.extracting(keyRange(right)))
    }

    /// How many bytes all keys have in common at their start.
    private func sharedByteCount(of places: [Int], in order: [Int]) -> Int {
        guard let first = places.first else { return 0 }
        let bytes = keys.rawSpan
        let sample = bytes.extracting(keyRange(order[first]))
        return places.reduce(sample.byteCount) { shared, place in
            let key = bytes.extracting(keyRange(order[place]))
            return min(shared, key.commonPrefixByteCount(with: sample))
        }
    }

    /// Eight bytes of a key as a number that sorts like them; missing ones are zero, which a
    /// comparison of whole keys then tells from real ones.
    private func word(of row: Int, from start: Int) -> UInt64 {
        let range = keyRange(row)
        let bytes = keys.rawSpan
        var word: UInt64 = 0
        for index in 0..<8 {
            let place = range.lowerBound + start + index
            word = word << 8 | (place < range.upperBound ? UInt64(bytes.loadUInt8(at: place)) : 0)
        }
        return word
    }
}
