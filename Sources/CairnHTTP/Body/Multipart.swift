// Multipart — the parts of a form that was sent as one body: RFC 7578, RFC 2046 section 5.1.
//
// The body is whole. A part is found by its name; its bytes are where they are, between two boundaries, and may
// be any. What is not of the form is an error and not skipped: a part that is not seen would be lost. Names are
// compared as they stand, with the escapes that browsers make (`%22`). No allocation but for names. Pure.

internal import CairnSystem

/// A form's body that cannot be read: 400.
package struct MalformedMultipart: Error, Equatable, Sendable {
    /// The one there is.
    package init() {}
}

/// One part of a form.
package struct FormPart: Equatable, Sendable {
    /// As it stands, without quotes and their escapes.
    package var name: [UInt8] = []
    /// Of the file that it was; nil when it was none.
    package var fileName: [UInt8]?
    /// Where the value of its `Content-Type` stands in the body.
    package var contentType: Range<Int>?
    /// Where its bytes stand in the body.
    package var bytes = 0..<0
}

/// Reads a form's parts, one after the other.
package struct Multipart: ~Escapable {
    /// Of the lines before a part.
    private static let lineCountMaximum = 16

    private let body: RawSpan
    /// With the two dashes before it.
    private let delimiter: [UInt8]
    private var position: Int

    /// The parts of a body, as its `Content-Type` says; nil when that says it is no form.
    @_lifetime(copy body)
    package init?(_ body: RawSpan, contentType: RawSpan) throws(MalformedMultipart) {
        guard contentType.startsIgnoringCase("multipart/form-data") else { return nil }
        guard let boundary = Self.boundary(contentType) else { throw MalformedMultipart() }
        self.body = body
        delimiter = Array("--".utf8) + boundary
        position = 0
        // Whatever is before the first boundary is for people who read mail.
        guard let first = Self.find(delimiter, in: body, from: 0),
            first == 0 || Self.isLineEnd(body, before: first)
        else { throw MalformedMultipart() }
        position = first + delimiter.count
    }

    /// The next part; nil behind the last one.
    package mutating func next() throws(MalformedMultipart) -> FormPart? {
        if peek(0) == UInt8(ascii: "-"), peek(1) == UInt8(ascii: "-") { return nil }
        while let byte = peek(0), byte == 0x20 || byte == 0x09 { position += 1 }
        guard takeLineEnd() else { throw MalformedMultipart() }
        var part = FormPart()
        try readHead(&part)
        let end = try endOfPart()
        part.bytes = position..<end
        position = end + 2 + delimiter.count
        return part
    }

    // MARK: Heads

    private mutating func readHead(_ part: inout FormPart) throws(MalformedMultipart) {
        var hasDisposition = false
        for _ in 0..<Self.lineCountMaximum {
            if takeLineEnd() {
                guard hasDisposition else { throw MalformedMultipart() }
                return
            }
            let line = try takeLine()
            guard let colon = body.extracting(line).firstIndex(of: UInt8(ascii: ":")) else {
                throw MalformedMultipart()
            }
            let name = body.extracting(line.lowerBound..<line.lowerBound + colon)
            let rest = line.lowerBound + colon + 1..<line.upperBound
            let trimmed = body.extracting(rest).trimmed
            let value = rest.lowerBound + trimmed.lowerBound..<rest.lowerBound + trimmed.upperBound
            if name.equalsIgnoringCase("content-disposition") {
                guard !hasDisposition else { throw MalformedMultipart() }
                hasDisposition = true
                try readDisposition(body.extracting(value), &part)
            } else if name.equalsIgnoringCase("content-type") {
                part.contentType = value
            }
        }
        throw MalformedMultipart()
    }

    private func readDisposition(
        _ text: RawSpan, _ part: inout FormPart
    ) throws(MalformedMultipart) {
        guard text.startsIgnoringCase("form-data") else { throw MalformedMultipart() }
        var parameters = ParameterReader(text, from: 9)
        var hasName = false
        while let (name, value) = try parameters.next() {
            if text.extracting(name).equalsIgnoringCase("name") {
                guard !hasName else { throw MalformedMultipart() }
                hasName = true
                part.name = value
            } else if text.extracting(name).equalsIgnoringCase("filename") {
                guard part.fileName == nil else { throw MalformedMultipart() }
                part.fileName = value
            }
        }
        guard hasName else { throw MalformedMultipart() }
    }

    private static func boundary(_ contentType: RawSpan) -> [UInt8]? {
        var parameters = ParameterReader(contentType, from: 19)
        var boundary: [UInt8]?
        do throws(MalformedMultipart) {
            while let (name, value) = try parameters.next() {
                guard contentType.extracting(name).equalsIgnoringCase("boundary") else { continue }
                guard boundary == nil else { return nil }
                boundary = value
            }
        } catch {
            return nil
        }
        guard let boundary, (1...70).contains(boundary.count), boundary.last != 0x20 else {
            return nil
        }
        return boundary
    }

    // MARK: Bytes

    private func endOfPart() throws(MalformedMultipart) -> Int {
        var start = position
        while let found = Self.find(delimiter, in: body, from: start) {
            if found >= position + 2, Self.isLineEnd(body, before: found) { return found - 2 }
            start = found + 1
        }
        throw MalformedMultipart()
    }

    private static func isLineEnd(_ body: RawSpan, before position: Int) -> Bool {
        position >= 2 && body.byte(at: position - 2) == 13 && body.byte(at: position - 1) == 10
    }

    private static func find(_ bytes: [UInt8], in body: RawSpan, from start: Int) -> Int? {
        var start = start
        while let found = body.firstIndex(of: bytes[0], from: start) {
            if found + bytes.count > body.byteCount { return nil }
            if body.extracting(found..<found + bytes.count).isEqual(to: bytes.rawSpan) {
                return found
            }
            start = found + 1
        }
        return nil
    }

    private func peek(_ distance: Int) -> UInt8? {
        position + distance < body.byteCount ? body.byte(at: position + distance) : nil
    }

    private mutating func takeLineEnd() -> Bool {
        guard peek(0) == 13, peek(1) == 10 else { return false }
        position += 2
        return true
    }

    private mutating func takeLine() throws(MalformedMultipart) -> Range<Int> {
        guard let end = body.firstIndex(of: 13, from: position), end + 1 < body.byteCount,
            body.byte(at: end + 1) == 10
        else { throw MalformedMultipart() }
        defer { position = end + 2 }
        return position..<end
    }
}

/// Reads `; name=value` again and again, with values in quotes or without.
private struct ParameterReader: ~Escapable {
    private let text: RawSpan
    private var position: Int

    @_lifetime(copy text)
    init(_ text: RawSpan, from position: Int) {
        self.text = text
        self.position = position
    }

    mutating func next() throws(MalformedMultipart) -> (name: Range<Int>, value: [UInt8])? {
        skipBlanks()
        guard position < text.byteCount else { return nil }
        guard take(UInt8(ascii: ";")) else { throw MalformedMultipart() }
        skipBlanks()
        let start = position
        while position < text.byteCount, ByteClass.token.contains(text.byte(at: position)) {
            position += 1
        }
        let name = start..<position
        guard !name.isEmpty, take(UInt8(ascii: "=")) else { throw MalformedMultipart() }
        return (name, take(UInt8(ascii: "\"")) ? try takeQuoted() : takePlain())
    }

    /// Behind the first quote. A backslash is one, as in names of files, unless a quote follows.
    private mutating func takeQuoted() throws(MalformedMultipart) -> [UInt8] {
        var value: [UInt8] = []
        while position < text.byteCount {
            let byte = text.byte(at: position)
            position += 1
            if byte == UInt8(ascii: "\"") { return value }
            if byte == UInt8(ascii: "\\"), take(UInt8(ascii: "\"")) {
                value.append(UInt8(ascii: "\""))
            } else {
                value.append(byte)
            }
        }
        throw MalformedMultipart()
    }

    private mutating func takePlain() -> [UInt8] {
        let start = position
        while position < text.byteCount, text.byte(at: position) != UInt8(ascii: ";") {
            position += 1
        }
        let plain = text.extracting(start..<position)
        return plain.extracting(plain.trimmed).copyBytes()
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < text.byteCount, text.byte(at: position) == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while position < text.byteCount, [0x20, 0x09].contains(text.byte(at: position)) {
            position += 1
        }
    }
}
