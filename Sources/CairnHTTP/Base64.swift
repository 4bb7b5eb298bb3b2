// Base64 — bytes as letters and digits: RFC 4648, section 4, with padding.
//
// Read strictly, so that bytes have one text and a text has one meaning: nothing but the alphabet, whole
// groups of four, padding where it belongs, and no bits behind the last byte. Line ends are no part of it.
// Pure. Budget: one allocation where an array is returned, else none.

internal import CairnSystem

/// The standard alphabet's coding.
package enum Base64 {
    private static var alphabet: StaticString {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    }
    private static var padding: UInt8 { UInt8(ascii: "=") }
    /// What no letter stands for.
    private static var none: UInt32 { 64 }

    // MARK: Writing

    /// How long the text of so many bytes is.
    package static func encodedByteCount(_ byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

    /// The text of bytes.
    package static func encoded(_ bytes: RawSpan) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: encodedByteCount(bytes.byteCount))
        var target = text.mutableRawSpan
        _ = encode(bytes, into: &target)
        return text
    }

    /// Appends the text of bytes.
    package static func append(_ bytes: RawSpan, to queue: inout ByteQueue) {
        queue.append(upTo: encodedByteCount(bytes.byteCount)) { encode(bytes, into: &$0) }
    }

    /// Writes the text of bytes to the front of a target that has room for it; returns how long it is.
    package static func encode(_ bytes: RawSpan, into target: inout MutableRawSpan) -> Int {
        let letters = alphabet.rawSpan
        var (place, end) = (0, 0)
        while place < bytes.byteCount {
            let count = min(3, bytes.byteCount - place)
            var group: UInt32 = 0
            for step in 0..<3 {
                group = group << 8 | (step < count ? UInt32(bytes.byte(at: place + step)) : 0)
            }
            for step in 0..<4 {
                let letter = letters.byte(at: Int(group >> UInt32(18 - 6 * step) & 63))
                target.storeBytes(
                    of: step <= count ? letter : padding, toByteOffset: end + step, as: UInt8.self)
            }
            place += count
            end += 4
        }
        return end
    }

    // MARK: Reading

    /// The bytes that a text stands for; nil when it is no such text.
    package static func decoded(_ text: RawSpan) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: text.byteCount / 4 * 3)
        var target = bytes.mutableRawSpan
        guard let count = decode(text, into: &target) else { return nil }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Decodes to the front of a target with room for three bytes for each four of the text. Returns how
    /// many it took; nil when the text is none, and then what the target holds has no meaning.
    package static func decode(_ text: RawSpan, into target: inout MutableRawSpan) -> Int? {
        guard text.byteCount % 4 == 0 else { return nil }
        let lastCount = byteCountOfLastGroup(text)
        let lastStart = text.byteCount - 4
        var (place, end) = (0, 0)
        while place < text.byteCount {
            let count = place == lastStart ? lastCount : 3
            guard let group = group(text, at: place, count) else { return nil }
            for step in 0..<count {
                target.storeBytes(
                    of: UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * step)),
                    toByteOffset: end + step, as: UInt8.self)
            }
            place += 4
            end += count
        }
        return end
    }

    /// Whether the text stands for bytes.
    package static func isValid(_ text: RawSpan) -> Bool {
        guard text.byteCount % 4 == 0 else { return false }
        let lastCount = byteCountOfLastGroup(text)
        for place in stride(from: 0, to: text.byteCount, by: 4) {
            let count = place == text.byteCount - 4 ? lastCount : 3
            if group(text, at: place, count) == nil { return false }
        }
        return true
    }

    private static func byteCountOfLastGroup(_ text: RawSpan) -> Int {
        guard text.byteCount >= 4, text.byte(at: text.byteCount - 1) == padding else { return 3 }
        return text.byte(at: text.byteCount - 2) == padding ? 1 : 2
    }

    /// The 24 bits of four letters, of which the last ones are padding when they stand for fewer than three
    /// bytes; bits that no byte has must be zero.
    @inline(__always)
    private static func group(_ text: RawSpan, at place: Int, _ byteCount: Int) -> UInt32? {
        var group: UInt32 = 0
        for step in 0...byteCount {
            let value = value(text.byte(at: place + step))
            if value == none { return nil }
            group |= value << UInt32(18 - 6 * step)
        }
        let unused: UInt32 = byteCount == 3 ? 0 : 0xFF_FFFF >> UInt32(8 * byteCount)
        return group & unused == 0 ? group : nil
    }

    @inline(__always)
    private static func value(_ byte: UInt8) -> UInt32 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: none
        }
    }
}
