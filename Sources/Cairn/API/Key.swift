// Key — the name of a blob: 1 to 65,535 bytes of any value.
//
// A key is compared byte by byte; no normalisation, no character set. Length is checked where a
// key is used, not where it is made, so that the error names the operation.

/// The name of a blob.
public struct Key: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The longest key in bytes.
    public static let byteCountMaximum = 65_535

    /// The bytes that identify the blob, exactly as they were given.
    public let bytes: [UInt8]

    /// A key of any bytes; one that is empty or too long fails where it is used.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The UTF-8 bytes of `text`.
    public init(_ text: some StringProtocol) { self.bytes = Array(text.utf8) }

    public init(stringLiteral value: StaticString) {
        self.bytes = Array("\(value)".utf8)
    }

    /// The key as text, with bytes that are not printable ASCII as `\xNN`.
    public var description: String { escapedText(bytes) }
}

/// Bytes as text for messages: printable ASCII as it is, the rest as `\xNN`, at most 80 bytes.
package func escapedText(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    for byte in bytes.prefix(80) {
        if byte >= 0x20 && byte < 0x7f && byte != 0x5c {
            text.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            let digits = String(byte, radix: 16)
            text += "\\x" + (digits.count < 2 ? "0" : "") + digits
        }
    }
    return bytes.count > 80 ? text + "…" : text
}
