// EntityTag — names of a blob's versions: RFC 9110, section 8.8.3.
//
// The store's tag is strong: the sequence number of the record, in quotes. Tags of others are legal and are
// never ours; so are numbers that we would write in another way, or never. Tags may hold commas, so lists
// are read tag by tag. A number without quotes is taken for a tag, as people type it. No allocation. Pure.

internal import CairnSystem

/// A tag that a client sent.
package enum EntityTag: Equatable, Sendable {
    /// The store's own: a sequence number.
    case strong(UInt64)
    /// The same with a `W/`, which whoever changes a blob's coding on its way puts there.
    case weak(UInt64)
    /// Well-formed, and no tag of this store.
    case foreign

    /// The tag that the whole text is; nil when it is none.
    package init?(_ text: RawSpan) {
        var reader = EntityTagReader(text)
        guard let tag = reader.readTag(), reader.isAtEnd else { return nil }
        self = tag
    }

    /// Appends the store's tag of a sequence number, with its quotes.
    package static func append(_ sequence: UInt64, to queue: inout ByteQueue) {
        queue.append("\"")
        queue.append(decimal: sequence)
        queue.append("\"")
    }
}

/// A field with tags that cannot be read, which is not the same as none: 400.
package struct MalformedTags: Error, Equatable, Sendable {
    /// The one there is.
    package init() {}
}

/// Reads a list of tags, one after the other.
struct EntityTagReader: ~Escapable {
    private let text: RawSpan
    private var position = 0

    @_lifetime(copy text)
    init(_ text: RawSpan) { self.text = text }

    /// Whether nothing follows.
    var isAtEnd: Bool { position == text.byteCount }

    /// Passes over blanks and commas, of which several may stand between two tags.
    mutating func skipSeparators() {
        while let byte = peek(0), isBlank(byte) || byte == UInt8(ascii: ",") { position += 1 }
    }

    /// Passes over blanks. Whether the item before them ends here.
    mutating func endItem() -> Bool {
        while let byte = peek(0), isBlank(byte) { position += 1 }
        return isAtEnd || peek(0) == UInt8(ascii: ",")
    }

    /// Passes over a star, if one stands here.
    mutating func takeStar() -> Bool {
        guard peek(0) == UInt8(ascii: "*") else { return false }
        position += 1
        return true
    }

    /// The tag that begins here; nil when none does.
    mutating func readTag() -> EntityTag? {
        guard peek(0) == UInt8(ascii: "W"), peek(1) == UInt8(ascii: "/") else {
            return peek(0) == UInt8(ascii: "\"") ? readQuoted() : readBare()
        }
        position += 2
        guard let tag = readQuoted() else { return nil }
        if case .strong(let sequence) = tag { return .weak(sequence) }
        return tag
    }

    private mutating func readQuoted() -> EntityTag? {
        guard peek(0) == UInt8(ascii: "\""),
            let end = text.firstIndex(of: UInt8(ascii: "\""), from: position + 1)
        else { return nil }
        let content = text.extracting(position + 1..<end)
        for place in 0..<content.byteCount where !isTagByte(content.byte(at: place)) { return nil }
        position = end + 1
        return sequence(content).map { .strong($0) } ?? .foreign
    }

    private mutating func readBare() -> EntityTag? {
        let start = position
        while let byte = peek(0), isDigit(byte) { position += 1 }
        return sequence(text.extracting(start..<position)).map { .strong($0) }
    }

    /// A number as the store writes it.
    private func sequence(_ digits: RawSpan) -> UInt64? {
        guard let number = digits.decimal,
            digits.byteCount == 1 || digits.byte(at: 0) != UInt8(ascii: "0")
        else { return nil }
        return number
    }

    private func peek(_ distance: Int) -> UInt8? {
        position + distance < text.byteCount ? text.byte(at: position + distance) : nil
    }

    private func isTagByte(_ byte: UInt8) -> Bool { byte > 0x20 && byte != 0x7F }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
