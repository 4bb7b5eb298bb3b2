// Characters — which bytes are a character in UTF-8, and which are none.
//
// Well-formed is what table 3-7 of the Unicode standard lists: no surrogates, nothing longer than it
// need be, nothing beyond U+10FFFF. No allocation, nothing traps. Pure.

internal import CairnSystem

extension RawSpan {
    /// How many bytes the character that begins at `place` has: 1 to 4, or 0 when none begins there.
    package func characterByteCount(at place: Int) -> Int {
        let first = byte(at: place)
        if first < 0x80 { return 1 }
        let (count, second) = Self.shape(of: first)
        guard count > 0, count <= byteCount - place, second.contains(byte(at: place + 1)) else {
            return 0
        }
        for next in place + 2..<place + count where !(0x80...0xBF).contains(byte(at: next)) {
            return 0
        }
        return count
    }

    /// What a first byte that is not ASCII says: how many there are, and what the second may be.
    private static func shape(of first: UInt8) -> (count: Int, second: ClosedRange<UInt8>) {
        switch first {
        case 0xC2...0xDF: (2, 0x80...0xBF)
        case 0xE0: (3, 0xA0...0xBF)
        case 0xED: (3, 0x80...0x9F)
        case 0xE1...0xEF: (3, 0x80...0xBF)
        case 0xF0: (4, 0x90...0xBF)
        case 0xF1...0xF3: (4, 0x80...0xBF)
        case 0xF4: (4, 0x80...0x8F)
        default: (0, 0x80...0xBF)
        }
    }

    /// Where the first byte stands that belongs to no character; nil when all is UTF-8.
    package var firstOffsetOfNoCharacter: Int? {
        var place = 0
        while place < byteCount {
            let count = characterByteCount(at: place)
            if count == 0 { return place }
            place += count
        }
        return nil
    }
}
