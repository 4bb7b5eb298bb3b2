// JSONWriter — JSON as bytes, appended from front to back, without a blank.
//
// What is written is UTF-8 whatever comes in: a byte that belongs to no character becomes U+FFFD, and
// control characters are escaped, so that a text stays one line. Commas are the writer's business; that
// what is opened is closed, and that a name stands before each value of an object, is its user's.
// No allocation but the growth of `bytes`. Plain value. Spec: RFC 8259.

internal import CairnSystem

/// A JSON text under construction.
package struct JSONWriter: Sendable {
    /// What was written.
    package private(set) var bytes: [UInt8] = []
    /// Whether what comes next stands behind a value.
    private var followsValue = false

    /// Nothing yet.
    package init() {}

    /// An object that is open.
    package static var object: JSONWriter {
        var writer = JSONWriter()
        writer.beginObject()
        return writer
    }

    /// Opens an object.
    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Closes the innermost, which is an object.
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    /// Opens an array.
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Closes the innermost, which is an array.
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// The name of the value that comes next.
    package mutating func name(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        followsValue = false
    }

    /// A text.
    package mutating func string(_ text: String) {
        beginValue()
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if Self.isPlain(byte) { bytes.append(byte) } else { append(escaped: byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// A text as its bytes, which should be UTF-8.
    package mutating func string(_ text: RawSpan) {
        beginValue()
        bytes.append(UInt8(ascii: "\""))
        var place = 0
        while place < text.byteCount {
            let count = text.characterByteCount(at: place)
            let byte = text.byte(at: place)
            if count == 0 {
                bytes += "\u{FFFD}".utf8
            } else if count == 1, !Self.isPlain(byte) {
                append(escaped: byte)
            } else {
                bytes.append(copying: text.extracting(place..<place + count))
            }
            place += max(1, count)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// A whole number.
    package mutating func number(_ value: some FixedWidthInteger) {
        beginValue()
        bytes += "\(value)".utf8
    }

    /// A number with so many decimals; 0 for what is no number.
    package mutating func number(_ value: Double, places: Int) {
        beginValue()
        bytes += Units.decimal(value, places: places).utf8
    }

    /// A number whose digits somebody made who knows what JSON takes.
    package mutating func number(digits: String) {
        beginValue()
        bytes += digits.utf8
    }

    /// True or false.
    package mutating func bool(_ value: Bool) {
        beginValue()
        bytes += (value ? "true" : "false").utf8
    }

    /// The value that is none.
    package mutating func null() {
        beginValue()
        bytes += "null".utf8
    }

    private mutating func beginValue() {
        if followsValue { bytes.append(UInt8(ascii: ",")) }
        followsValue = true
    }

    private mutating func open(_ bracket: UInt8) {
        beginValue()
        bytes.append(bracket)
        followsValue = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        followsValue = true
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") && byte != 0x7f
    }

    private mutating func append(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): bytes += #"\""#.utf8
        case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
        case UInt8(ascii: "\n"): bytes += #"\n"#.utf8
        case UInt8(ascii: "\t"): bytes += #"\t"#.utf8
        default:
            bytes += #"\u00"#.utf8
            bytes += KeyText.hexadecimal([byte]).utf8
        }
    }
}
