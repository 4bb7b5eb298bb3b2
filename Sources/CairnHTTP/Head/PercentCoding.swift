// PercentCoding — escapes of targets: RFC 3986, section 2.1. Decoded once, and never to a path of files.
//
// A zero byte is never taken, escaped or not: whoever passes a decoded name on to C would be told another
// one. In queries a plus sign stands for a space, as forms have it. No allocation. Pure.

internal import CairnSystem

/// Escapes with a percent sign.
package enum PercentCoding {
    private static var escape: UInt8 { UInt8(ascii: "%") }

    /// Whether every escape has two digits and none stands for zero.
    package static func isWellFormed(_ text: RawSpan) -> Bool {
        var place = 0
        while let found = text.firstIndex(of: escape, from: place) {
            guard value(in: text, at: found) != nil else { return false }
            place = found + 3
        }
        return true
    }

    /// Decodes into `target`, which has room for as many bytes as the text has. Returns how many it
    /// took; nil when an escape is malformed.
    package static func decode(
        _ text: RawSpan, into target: inout MutableRawSpan, plusIsSpace: Bool = false
    ) -> Int? {
        var (place, count) = (0, 0)
        while place < text.byteCount {
            var byte = text.byte(at: place)
            if byte == escape {
                guard let value = value(in: text, at: place) else { return nil }
                byte = value
                place += 2
            } else if plusIsSpace, byte == UInt8(ascii: "+") {
                byte = UInt8(ascii: " ")
            }
            target.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
            place += 1
            count += 1
        }
        return count
    }

    /// A decoded copy; nil when an escape is malformed.
    package static func decoded(_ text: RawSpan, plusIsSpace: Bool = false) -> [UInt8]? {
        // Most keys have none.
        if !plusIsSpace, text.firstIndex(of: escape) == nil { return text.copyBytes() }
        var bytes = [UInt8](repeating: 0, count: text.byteCount)
        var target = bytes.mutableRawSpan
        guard let count = decode(text, into: &target, plusIsSpace: plusIsSpace) else { return nil }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Appends the bytes as parts of a path; those that a path cannot hold are escaped, and so is a part
    /// of dots, which clients would take for a step to another path: RFC 3986, section 5.2.4.
    package static func append(escaped bytes: RawSpan, to text: inout [UInt8]) {
        var start = 0
        while true {
            let end = bytes.firstIndex(of: UInt8(ascii: "/"), from: start) ?? bytes.byteCount
            append(part: bytes.extracting(start..<end), to: &text)
            if end == bytes.byteCount { return }
            text.append(UInt8(ascii: "/"))
            start = end + 1
        }
    }

    private static func append(part bytes: RawSpan, to text: inout [UInt8]) {
        let digits = ("0123456789ABCDEF" as StaticString).rawSpan
        let isStep = isStep(bytes)
        if !isStep, bytes.isAll(.unreserved, 0..<bytes.byteCount) {
            return text.append(copying: bytes)
        }
        for place in 0..<bytes.byteCount {
            let byte = bytes.byte(at: place)
            if ByteClass.unreserved.contains(byte), !isStep {
                text.append(byte)
            } else {
                text += [escape, digits.byte(at: Int(byte >> 4)), digits.byte(at: Int(byte & 15))]
            }
        }
    }

    /// Whether this is `.` or `..`.
    private static func isStep(_ part: RawSpan) -> Bool {
        let dot = UInt8(ascii: ".")
        switch part.byteCount {
        case 1: return part.byte(at: 0) == dot
        case 2: return part.byte(at: 0) == dot && part.byte(at: 1) == dot
        default: return false
        }
    }

    /// Of the escape at `place`; nil when it is none, or zero.
    private static func value(in text: RawSpan, at place: Int) -> UInt8? {
        guard place + 2 < text.byteCount, let high = hexadecimalValue(text.byte(at: place + 1)),
            let low = hexadecimalValue(text.byte(at: place + 2)), high | low != 0
        else { return nil }
        return high << 4 | low
    }
}
