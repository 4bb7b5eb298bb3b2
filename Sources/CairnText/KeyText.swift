// KeyText — keys as text, for printing and for typing: any bytes, and back to exactly those.
//
// The escaped form shows letters, digits and marks of any script as they are, and every other byte,
// the backslash included, as \xNN; so it is safe on a terminal, one word in a script when quoted, and
// never ambiguous. Reading it also takes \\, \n, \r, \t and \0. Pure.

/// Keys as text.
package enum KeyText {
    private static let digits = Array("0123456789abcdef".utf8)

    /// The escaped form.
    package static func escaped(_ bytes: [UInt8]) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return bytes.reduce(into: "") { text, byte in
                if (0x20..<0x7f).contains(byte), byte != UInt8(ascii: "\\") {
                    text.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    text += escape(byte)
                }
            }
        }
        return text.unicodeScalars.reduce(into: "") { text, scalar in
            if isShown(scalar) {
                text.unicodeScalars.append(scalar)
            } else {
                text += String(scalar).utf8.map(escape).joined()
            }
        }
    }

    private static func escape(_ byte: UInt8) -> String {
        String(
            decoding: [0x5c, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)]], as: UTF8.self)
    }

    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7f && scalar != "\\" }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator, .nonspacingMark, .enclosingMark:
            return false
        default: return true
        }
    }

    /// Two digits a byte.
    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// What the escaped form stands for; nil when it is none.
    package static func bytes(escaped text: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "n"): bytes.append(0x0a)
            case UInt8(ascii: "r"): bytes.append(0x0d)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "0"): bytes.append(0)
            case UInt8(ascii: "x"):
                guard let value = value(rest.prefix(2)) else { return nil }
                rest = rest.dropFirst(2)
                bytes.append(value)
            default: return nil
            }
        }
        return bytes
    }

    /// What pairs of hexadecimal digits stand for; nil for any other text.
    package static func bytes(hexadecimal text: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text[...]
        while !rest.isEmpty {
            guard let value = value(rest.prefix(2)) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    private static func value(_ pair: ArraySlice<UInt8>) -> UInt8? {
        guard pair.count == 2, let high = value(ofDigit: pair[pair.startIndex]),
            let low = value(ofDigit: pair[pair.startIndex + 1])
        else { return nil }
        return high << 4 | low
    }

    /// Of a hexadecimal digit, small or capital; nil for any other byte.
    package static func value(ofDigit byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
