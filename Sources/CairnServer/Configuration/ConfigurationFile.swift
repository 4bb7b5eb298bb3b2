// ConfigurationFile — lines of `name = value`, in UTF-8.
//
// A line is a setting, empty, or a comment that begins with `#`, blanks before it not counted; what stands
// behind a value is part of it, a `#` too. Blanks around name and value do not count. Pure.

internal import CairnSystem
internal import CairnText

/// A file of settings.
enum ConfigurationFile {
    /// Bytes of the longest one.
    static let byteCountMaximum = 1 << 20

    struct Line: Equatable {
        let number: Int
        let name: String
        let value: String
    }

    /// The settings of a file in its order; the path is for messages alone.
    static func lines(of bytes: [UInt8], path: String) throws(ConfigurationError) -> [Line] {
        var lines: [Line] = []
        let all = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, bytes) in zip(1..., all) {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw ConfigurationError("\(path), line \(number): is not UTF-8")
            }
            let line = withoutBlanks(text.unicodeScalars[...])
            if line.isEmpty || line.hasPrefix("#") { continue }
            let scalars = line.unicodeScalars
            guard let sign = scalars.firstIndex(of: "=") else {
                throw ConfigurationError(
                    "\(path), line \(number): \"\(KeyText.escaped(Array(line.utf8)))\" is no line "
                        + "of name = value")
            }
            lines.append(
                Line(
                    number: number, name: withoutBlanks(scalars[..<sign]),
                    value: withoutBlanks(scalars[scalars.index(after: sign)...])))
        }
        return lines
    }

    /// Whether a value would be read back from a file as it is.
    static func canHold(_ value: String) -> Bool {
        let isText = value.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        return isText && withoutBlanks(value.unicodeScalars[...]) == value
    }

    private static func withoutBlanks(_ text: Substring.UnicodeScalarView) -> String {
        func isBlank(_ scalar: Unicode.Scalar) -> Bool { [" ", "\t", "\r"].contains(scalar) }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return String(Substring(text))
    }
}
