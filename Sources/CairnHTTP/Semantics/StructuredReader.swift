// StructuredReader — dictionaries of RFC 9651, structured fields: `name=value;parameter=value, name`.
//
// Strict, and whole: members that nobody here knows must be well-formed all the same, since the standard
// knows no half of a field. Base64 is held to its padding, which the standard lets a reader overlook; a
// reader that does takes texts for digests that others refuse. Values are places in the text; nothing is
// copied. One line of a field at a time: several lines are one dictionary. Pure.

internal import CairnSystem

/// What a member of a dictionary is, as far as anybody here asks.
enum StructuredValue {
    case integer(Int)
    /// Of bytes, in base64, which was looked at.
    case bytes(Range<Int>)
    case other
}

/// Reads the members of a dictionary, one after the other.
struct StructuredReader: ~Escapable {
    private let text: RawSpan
    private var position = 0

    @_lifetime(copy text)
    init(_ text: RawSpan) { self.text = text }

    /// Whether nothing follows.
    var isAtEnd: Bool { position == text.byteCount }

    /// The next member, and what separates it from one behind it; nil when the text is no dictionary.
    mutating func readMember() -> (name: Range<Int>, value: StructuredValue)? {
        guard let name = readKey() else { return nil }
        var value = StructuredValue.other
        if take("=") {
            guard let found = peek() == UInt8(ascii: "(") ? readList() : readItem() else {
                return nil
            }
            value = found
        }
        guard skipParameters(), endMember() else { return nil }
        return (name, value)
    }

    /// Passes over the comma behind a member; false when neither that nor the end is there, or when nothing
    /// follows the comma.
    private mutating func endMember() -> Bool {
        skipBlanks()
        if isAtEnd { return true }
        guard take(",") else { return false }
        skipBlanks()
        return !isAtEnd
    }

    private mutating func skipBlanks() { skip { $0 == 0x20 || $0 == 0x09 } }

    // MARK: Parts of a member

    private mutating func readKey() -> Range<Int>? {
        let start = position
        guard let first = peek(), isSmall(first) || first == UInt8(ascii: "*") else { return nil }
        skip { byte in
            switch byte {
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "*"): true
            default: isSmall(byte) || isDigit(byte)
            }
        }
        return start..<position
    }

    private mutating func skipParameters() -> Bool {
        while take(";") {
            skip { $0 == 0x20 }
            guard readKey() != nil else { return false }
            if take("="), readItem() == nil { return false }
        }
        return true
    }

    private mutating func readList() -> StructuredValue? {
        guard take("(") else { return nil }
        while true {
            skip { $0 == 0x20 }
            if take(")") { return .other }
            guard readItem() != nil, skipParameters(),
                peek() == 0x20 || peek() == UInt8(ascii: ")")
            else { return nil }
        }
    }

    private mutating func readItem() -> StructuredValue? {
        guard let first = peek() else { return nil }
        switch first {
        case UInt8(ascii: ":"): return readBytes()
        case UInt8(ascii: "\""): return readString()
        case UInt8(ascii: "%"): return readDisplayString()
        case UInt8(ascii: "?"):
            position += 1
            return take("0") || take("1") ? .other : nil
        case UInt8(ascii: "@"):
            position += 1
            if case .integer = readNumber() { return .other }
            return nil
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return readNumber()
        default: return readToken()
        }
    }

    private mutating func readBytes() -> StructuredValue? {
        let start = position + 1
        guard let end = text.firstIndex(of: UInt8(ascii: ":"), from: start),
            Base64.isValid(text.extracting(start..<end))
        else { return nil }
        position = end + 1
        return .bytes(start..<end)
    }

    /// An integer, or a decimal number, which is `other`.
    private mutating func readNumber() -> StructuredValue? {
        let sign = take("-") ? -1 : 1
        let whole = readDigits()
        guard take(".") else {
            guard (1...15).contains(whole.byteCount), let number = whole.decimal else { return nil }
            return .integer(sign * Int(number))
        }
        let fraction = readDigits()
        return (1...12).contains(whole.byteCount) && (1...3).contains(fraction.byteCount)
            ? .other : nil
    }

    @_lifetime(copy self)
    private mutating func readDigits() -> RawSpan {
        let start = position
        skip(isDigit)
        return text.extracting(start..<position)
    }

    private mutating func readString() -> StructuredValue? {
        position += 1
        while let byte = peek(), isPrintable(byte) {
            position += 1
            if byte == UInt8(ascii: "\"") { return .other }
            guard byte == UInt8(ascii: "\\") else { continue }
            guard take("\"") || take("\\") else { return nil }
        }
        return nil
    }

    private mutating func readDisplayString() -> StructuredValue? {
        position += 1
        guard take("\"") else { return nil }
        while let byte = peek(), isPrintable(byte) {
            position += 1
            if byte == UInt8(ascii: "\"") { return .other }
            guard byte == UInt8(ascii: "%") else { continue }
            guard takeHexadecimal(), takeHexadecimal() else { return nil }
        }
        return nil
    }

    private mutating func readToken() -> StructuredValue? {
        guard let first = peek(), isSmall(lowercased(first)) || first == UInt8(ascii: "*") else {
            return nil
        }
        skip { byte in
            ByteClass.token.contains(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "/")
        }
        return .other
    }

    // MARK: Bytes

    private func peek() -> UInt8? { isAtEnd ? nil : text.byte(at: position) }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func takeHexadecimal() -> Bool {
        guard let byte = peek(), isDigit(byte) || (0x61...0x66).contains(byte) else { return false }
        position += 1
        return true
    }

    private mutating func skip(_ isPassed: (UInt8) -> Bool) {
        while let byte = peek(), isPassed(byte) { position += 1 }
    }
}

private func isSmall(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
}

private func isPrintable(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F }
