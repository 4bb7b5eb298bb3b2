// LogLine — a message with its fields as the bytes of one line, for people or as a JSON object.
//
// A line has at most 4,096 bytes, its end included: a pipe takes so many whole, whoever else writes into it.
// Of what would be longer the values are cut, then the last fields left out; what was cut ends with "…".
// Nothing in a line can end it, or move the cursor of a terminal. Pure.

internal import CairnText

/// A line to be logged.
package struct LogLine: Sendable {
    /// Bytes of the longest line; what pipe(7) calls PIPE_BUF.
    package static let byteCountMaximum = 4096

    private let wallNanoseconds: UInt64
    private let level: LogLevel
    private let message: String
    private let fields: [LogField]

    /// A message at a time since 1970.
    package init(
        _ level: LogLevel, _ message: String, _ fields: [LogField], wallNanoseconds: UInt64
    ) {
        self.wallNanoseconds = wallNanoseconds
        self.level = level
        self.message = KeyText.escaped(Array(message.utf8))
        self.fields = fields
    }

    /// The bytes of the line and its end.
    package func bytes(asJSON: Bool) -> [UInt8] {
        for (valueMaximum, fieldCount) in [(2048, fields.count), (256, fields.count), (64, 16)] {
            let fields = fields.prefix(fieldCount)
            let line = asJSON ? json(fields, valueMaximum) : text(fields, valueMaximum)
            if line.count < Self.byteCountMaximum { return line + [0x0a] }
        }
        return (asJSON ? json([], 64) : text([], 64)) + [0x0a]
    }

    /// "2026-11-28T12:34:56.789Z".
    private var time: String {
        let seconds = Units.date(nanoseconds: wallNanoseconds).dropLast()
        let milliseconds = String(wallNanoseconds / 1_000_000 % 1000 + 1000).dropFirst()
        return "\(seconds).\(milliseconds)Z"
    }

    private func json(_ fields: ArraySlice<LogField>, _ valueMaximum: Int) -> [UInt8] {
        var object = JSONWriter.object
        object.name("time")
        object.string(time)
        object.name("level")
        object.string(level.rawValue)
        object.name("message")
        object.string(Self.cut(message, to: valueMaximum))
        for field in fields {
            object.name(field.name)
            switch field.value {
            case .text(let text): object.string(Self.cut(text, to: valueMaximum))
            case .number(let digits): object.number(digits: digits)
            case .bool(let value): object.bool(value)
            }
        }
        object.endObject()
        return object.bytes
    }

    private func text(_ fields: ArraySlice<LogField>, _ valueMaximum: Int) -> [UInt8] {
        let level = level.rawValue
        let margin = String(repeating: " ", count: 7 - level.count)
        var line = "\(time) \(level)\(margin) \(Self.cut(message, to: valueMaximum))"
        for field in fields {
            line += " \(field.name)="
            switch field.value {
            case .text(let text): line += Self.word(Self.cut(text, to: valueMaximum))
            case .number(let digits): line += digits
            case .bool(let value): line += value ? "true" : "false"
            }
        }
        return Array(line.utf8)
    }

    /// In quotes where it would not be seen as one word otherwise.
    private static func word(_ text: String) -> String {
        let isWord = !text.isEmpty && !text.utf8.contains { [0x20, 0x22, 0x3d].contains($0) }
        return isWord ? text : "\"\(text.replacing("\"", with: "\\x22"))\""
    }

    private static func cut(_ text: String, to byteCount: Int) -> String {
        if text.utf8.count <= byteCount { return text }
        var cut = String.UnicodeScalarView()
        var left = byteCount - 3
        for scalar in text.unicodeScalars {
            left -= UTF8.width(scalar)
            if left < 0 { break }
            cut.append(scalar)
        }
        return String(cut) + "…"
    }
}
