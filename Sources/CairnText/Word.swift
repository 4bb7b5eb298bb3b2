// Word — a word of the command line, byte for byte as the shell gave it.
//
// A key and metadata are its bytes. Text is for what has letters only: commands, options, numbers,
// messages; it is never turned back into bytes. A path is text that stands for exactly its bytes, so
// whoever takes paths refuses one that is not UTF-8. Plain value.

/// A word of the command line.
package struct Word: Equatable, Sendable {
    /// As they were given.
    package let bytes: [UInt8]

    /// The word of these bytes.
    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// The word of this text.
    package init(_ text: String) { bytes = Array(text.utf8) }

    /// The word where it is UTF-8, and nil where it is not.
    package var exactText: String? { String(validating: bytes, as: UTF8.self) }

    /// The word for people: escaped where it is not UTF-8.
    package var text: String { exactText ?? KeyText.escaped(bytes) }

    /// Whether its first bytes are those.
    package func hasPrefix(_ prefix: StaticString) -> Bool { bytes.starts(with: "\(prefix)".utf8) }

    /// Whether it is the text, byte for byte.
    package static func == (word: Word, text: String) -> Bool {
        word.bytes.elementsEqual(text.utf8)
    }

    /// Whether it is anything but the text.
    package static func != (word: Word, text: String) -> Bool { !(word == text) }

    /// An option's name and what stands behind its first equals sign, if there is one.
    package var nameAndValue: (name: Word, value: Word?) {
        let parts = bytes.split(
            separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false
        ).map { Word($0) }
        return (parts[0], parts.count > 1 ? parts[1] : nil)
    }
}
