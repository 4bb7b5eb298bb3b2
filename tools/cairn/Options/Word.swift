// Word — a word of the command line, byte for byte as the shell gave it.
//
// A key and metadata are its bytes. Text is for what has letters only: commands, options, numbers,
// messages; it is never turned back into bytes. A path is text that stands for exactly its bytes, so
// `Invocation` refuses one that is not UTF-8. Plain value.

struct Word: Equatable {
    let bytes: [UInt8]

    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    init(_ text: String) { bytes = Array(text.utf8) }

    /// The word where it is UTF-8, and nil where it is not.
    var exactText: String? { String(validating: bytes, as: UTF8.self) }

    /// The word for people: escaped where it is not UTF-8.
    var text: String { exactText ?? KeyText.escaped(bytes) }

    func hasPrefix(_ prefix: StaticString) -> Bool { bytes.starts(with: "\(prefix)".utf8) }

    static func == (word: Word, text: String) -> Bool { word.bytes.elementsEqual(text.utf8) }

    static func != (word: Word, text: String) -> Bool { !(word == text) }
}
