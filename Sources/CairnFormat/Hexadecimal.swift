// Hexadecimal — numbers as fixed-width lower-case hexadecimal text, and back.
//
// Segment file names, uuids and error messages use it. Parsing accepts exactly what formatting
// gives: full width, lower case. Pure functions; any thread.

private func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + (value - 10)
}

private func digitValue(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    default: nil
    }
}

/// The number in hexadecimal, most significant digit first, zeros kept.
package func hexadecimal<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) -> String {
    var text = ""
    for shift in stride(from: Value.bitWidth - 4, through: 0, by: -4) {
        let nibble = UInt8(truncatingIfNeeded: value >> Value(truncatingIfNeeded: shift)) & 15
        text.unicodeScalars.append(Unicode.Scalar(digit(nibble)))
    }
    return text
}

/// The number that `hexadecimal` formats as `text`; nil for any other text.
package func parseHexadecimal(_ text: Substring) -> UInt64? {
    guard text.utf8.count == 16 else { return nil }
    var value: UInt64 = 0
    for character in text.utf8 {
        guard let nibble = digitValue(character) else { return nil }
        value = value << 4 | UInt64(nibble)
    }
    return value
}
