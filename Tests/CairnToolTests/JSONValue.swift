// JSONValue — a strict reader of JSON, so that what the tool prints is checked as a program would.

import CairnTestSupport

/// A value of a JSON text.
indirect enum JSONValue: Equatable {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    case number(String)
    case bool(Bool)
    case null

    /// Nil when the text is not exactly one value.
    init?(_ text: some StringProtocol) {
        var reader = JSONReader(rest: Array(text.utf8)[...])
        guard let value = reader.value(), reader.isAtEnd else { return nil }
        self = value
    }

    subscript(_ name: String) -> JSONValue? {
        guard case .object(let fields) = self else { return nil }
        return fields[name]
    }

    var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var integer: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text)
    }
}

private struct JSONReader {
    var rest: ArraySlice<UInt8>

    var isAtEnd: Bool { rest.isEmpty }

    private mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    mutating func value() -> JSONValue? {
        if take("{") { return object() }
        if take("[") { return array() }
        if take("true") { return .bool(true) }
        if take("false") { return .bool(false) }
        if take("null") { return .null }
        if rest.first == UInt8(ascii: "\"") { return string().map { .string($0) } }
        let digits = rest.prefix { "0123456789+-.eE".utf8.contains($0) }
        rest = rest.dropFirst(digits.count)
        let text = String(decoding: digits, as: UTF8.self)
        return Double(text) == nil ? nil : .number(text)
    }

    private mutating func object() -> JSONValue? {
        var fields: [String: JSONValue] = [:]
        if take("}") { return .object(fields) }
        while true {
            guard let name = string(), take(":"), let value = value(), fields[name] == nil else {
                return nil
            }
            fields[name] = value
            if take("}") { return .object(fields) }
            guard take(",") else { return nil }
        }
    }

    private mutating func array() -> JSONValue? {
        var values: [JSONValue] = []
        if take("]") { return .array(values) }
        while true {
            guard let value = value() else { return nil }
            values.append(value)
            if take("]") { return .array(values) }
            guard take(",") else { return nil }
        }
    }

    private mutating func string() -> String? {
        guard take("\"") else { return nil }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(validating: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = escape() else { return nil }
                bytes += escaped.utf8
            case 0..<0x20: return nil
            default: bytes.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> String? {
        switch rest.popFirst() {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let digits = rest.prefix(4)
            rest = rest.dropFirst(4)
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
            return value.flatMap(Unicode.Scalar.init).map { String($0) }
        default: return nil
        }
    }
}

extension ToolResult {
    /// Every line as JSON; nil when one of them is none.
    var json: [JSONValue]? {
        let values = lines.map { JSONValue($0) }
        return values.contains { $0 == nil } ? nil : values.compactMap { $0 }
    }
}
