// Text — comparing bytes of a request with words of the protocol.
//
// ASCII only, as the protocol is: other bytes are equal to themselves alone. No allocation. Pure.
// Words are given in small letters where case does not count.

internal import CairnSystem

extension RawSpan {
    /// Whether these are the word's bytes; the word is in small letters, these may be in capitals.
    package func equalsIgnoringCase(_ word: StaticString) -> Bool {
        let letters = word.rawSpan
        guard byteCount == letters.byteCount else { return false }
        for place in 0..<byteCount where lowercased(byte(at: place)) != letters.byte(at: place) {
            return false
        }
        return true
    }

    /// Whether they begin with the word, in capitals or not; the word is in small letters.
    package func startsIgnoringCase(_ word: StaticString) -> Bool {
        byteCount >= word.utf8CodeUnitCount
            && extracting(0..<word.utf8CodeUnitCount).equalsIgnoringCase(word)
    }

    /// Without spaces and tabs at both ends.
    var trimmed: Range<Int> {
        var (start, end) = (0, byteCount)
        while start < end, isBlank(byte(at: start)) { start += 1 }
        while start < end, isBlank(byte(at: end - 1)) { end -= 1 }
        return start..<end
    }

    /// Whether a list of words with commas between them holds this one, in small letters.
    func listContains(_ word: StaticString) -> Bool {
        var start = 0
        while start <= byteCount {
            let end = firstIndex(of: UInt8(ascii: ","), from: start) ?? byteCount
            let item = extracting(start..<end)
            if item.extracting(item.trimmed).equalsIgnoringCase(word) { return true }
            start = end + 1
        }
        return false
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

/// The small letter of a capital one; any other byte as it is.
func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
}

/// The value of a hexadecimal digit.
func hexadecimalValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
