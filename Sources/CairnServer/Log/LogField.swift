// LogField — a name and a value of a log line.
//
// There is no kind for secrets: a token never comes this far, only the name that its file gives it. Text of
// strangers, keys first, is shown escaped, as the tools show it. Plain values.

internal import CairnText

/// A named value of a log line.
package struct LogField: Sendable {
    enum Value {
        /// Escaped already.
        case text(String)
        case number(String)
        case bool(Bool)
    }

    let name: String
    let value: Value

    /// A text.
    package static func text(_ name: String, _ text: String) -> LogField {
        LogField(name: name, value: .text(KeyText.escaped(Array(text.utf8))))
    }

    /// A key, or other bytes of which nobody knows whether they are text.
    package static func bytes(_ name: String, _ bytes: [UInt8]) -> LogField {
        LogField(name: name, value: .text(KeyText.escaped(bytes)))
    }

    /// A whole number.
    package static func number(_ name: String, _ number: some FixedWidthInteger) -> LogField {
        LogField(name: name, value: .number("\(number)"))
    }

    /// A time, in seconds with six decimals.
    package static func seconds(_ name: String, nanoseconds: UInt64) -> LogField {
        let fraction = String(String(nanoseconds % 1_000_000_000 / 1000 + 1_000_000).dropFirst())
        return LogField(
            name: name, value: .number("\(nanoseconds / 1_000_000_000).\(fraction)"))
    }

    /// True or false.
    package static func bool(_ name: String, _ value: Bool) -> LogField {
        LogField(name: name, value: .bool(value))
    }
}
