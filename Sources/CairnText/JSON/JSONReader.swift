// JSONReader — reads exactly one JSON value, strictly: what RFC 8259 does not allow is an error.
//
// Also errors: a name that stands twice, half a surrogate pair, a byte order mark, bytes that are not UTF-8,
// and what the limits exclude. The stack of open arrays and objects is an array of its own, so no text
// costs the thread's stack. Linear in the text. Nothing traps, whatever the bytes. Pure.

internal import CairnSystem

extension JSONValue {
    /// The value that a whole text stands for.
    package init(reading text: RawSpan, limits: JSONLimits) throws(JSONError) {
        var reader = JSONReader(depthMaximum: limits.depthMaximum)
        guard text.byteCount <= limits.byteCountMaximum else {
            throw JSONError(.tooLong, at: limits.byteCountMaximum)
        }
        self = try reader.value(of: text)
    }
}

private struct JSONReader {
    /// An array or an object that was opened and not closed.
    private struct Frame {
        let isObject: Bool
        var names: [String] = []
        var known: Set<[UInt8]> = []
        var values: [JSONValue] = []

        var value: JSONValue {
            isObject ? .object(JSONObject(names: names, values: values)) : .array(values)
        }
    }

    private let depthMaximum: Int
    private var place = 0
    private var frames: [Frame] = []

    init(depthMaximum: Int) { self.depthMaximum = depthMaximum }

    mutating func value(of text: RawSpan) throws(JSONError) -> JSONValue {
        while true {
            guard var value = try begin(text) else { continue }
            // A value may be the last of what it stands in, and that the last in turn.
            while true {
                skipBlanks(text)
                if frames.isEmpty {
                    if place < text.byteCount { throw JSONError(.moreThanOneValue, at: place) }
                    return value
                }
                frames[frames.count - 1].values.append(value)
                guard let whole = try next(text) else { break }
                value = whole
            }
        }
    }

    /// The value that begins here; nil when it is an array or an object with something in it, whose first
    /// value comes next.
    private mutating func begin(_ text: RawSpan) throws(JSONError) -> JSONValue? {
        skipBlanks(text)
        switch try byte(text) {
        case UInt8(ascii: "{"): return try open(text, isObject: true, until: UInt8(ascii: "}"))
        case UInt8(ascii: "["): return try open(text, isObject: false, until: UInt8(ascii: "]"))
        case UInt8(ascii: "\""): return .string(try string(text))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(try number(text))
        case UInt8(ascii: "t"): return try word("true", .bool(true), text)
        case UInt8(ascii: "f"): return try word("false", .bool(false), text)
        case UInt8(ascii: "n"): return try word("null", .null, text)
        default: throw JSONError(.unexpectedByte, at: place)
        }
    }

    private mutating func open(
        _ text: RawSpan, isObject: Bool, until end: UInt8
    ) throws(JSONError) -> JSONValue? {
        if frames.count == depthMaximum { throw JSONError(.tooDeep, at: place) }
        place += 1
        skipBlanks(text)
        let frame = Frame(isObject: isObject)
        if try byte(text) == end {
            place += 1
            return frame.value
        }
        frames.append(frame)
        if isObject { try name(text) }
        return nil
    }

    /// Behind a value: nil when another one follows, else what is closed here.
    private mutating func next(_ text: RawSpan) throws(JSONError) -> JSONValue? {
        let isObject = frames[frames.count - 1].isObject
        let byte = try byte(text)
        if byte == UInt8(ascii: ",") {
            place += 1
            skipBlanks(text)
            if isObject { try name(text) }
            return nil
        }
        guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            throw JSONError(.unexpectedByte, at: place)
        }
        place += 1
        return frames.removeLast().value
    }

    /// A name and its colon.
    private mutating func name(_ text: RawSpan) throws(JSONError) {
        let start = place
        guard try byte(text) == UInt8(ascii: "\"") else {
            throw JSONError(.unexpectedByte, at: place)
        }
        let name = try string(text)
        guard frames[frames.count - 1].known.insert(Array(name.utf8)).inserted else {
            throw JSONError(.repeatedName, at: start)
        }
        frames[frames.count - 1].names.append(name)
        skipBlanks(text)
        guard try byte(text) == UInt8(ascii: ":") else {
            throw JSONError(.unexpectedByte, at: place)
        }
        place += 1
    }

    // MARK: Pieces

    private func byte(_ text: RawSpan) throws(JSONError) -> UInt8 {
        if place == text.byteCount { throw JSONError(.endsEarly, at: place) }
        return text.byte(at: place)
    }

    private mutating func skipBlanks(_ text: RawSpan) {
        while place < text.byteCount, [0x20, 0x0a, 0x0d, 0x09].contains(text.byte(at: place)) {
            place += 1
        }
    }

    private mutating func word(
        _ word: StaticString, _ value: JSONValue, _ text: RawSpan
    ) throws(JSONError) -> JSONValue {
        let word = word.rawSpan
        for offset in 0..<word.byteCount {
            guard try byte(text) == word.byte(at: offset) else {
                throw JSONError(.unexpectedByte, at: place)
            }
            place += 1
        }
        return value
    }

    private mutating func number(_ text: RawSpan) throws(JSONError) -> JSONNumber {
        let start = place
        _ = take(text, "-")
        // A zero stands alone.
        if !take(text, "0") { try digits(text) }
        if take(text, ".") { try digits(text) }
        if take(text, "e") || take(text, "E") {
            _ = take(text, "+") || take(text, "-")
            try digits(text)
        }
        let digits = text.extracting(start..<place).copyBytes()
        return JSONNumber(String(decoding: digits, as: UTF8.self))
    }

    private mutating func take(_ text: RawSpan, _ byte: Unicode.Scalar) -> Bool {
        guard place < text.byteCount, text.byte(at: place) == UInt8(ascii: byte) else {
            return false
        }
        place += 1
        return true
    }

    private mutating func digits(_ text: RawSpan) throws(JSONError) {
        let start = place
        while place < text.byteCount,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text.byte(at: place))
        { place += 1 }
        if place == text.byteCount, place == start { throw JSONError(.endsEarly, at: place) }
        if place == start { throw JSONError(.malformedNumber, at: place) }
    }

    // MARK: Strings

    private mutating func string(_ text: RawSpan) throws(JSONError) -> String {
        place += 1
        var bytes: [UInt8] = []
        while true {
            let byte = try byte(text)
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"): bytes += try escape(text)
            case 0..<0x20: throw JSONError(.controlByte, at: place)
            case 0x20..<0x80:
                bytes.append(byte)
                place += 1
            default:
                let count = text.characterByteCount(at: place)
                if count == 0 { throw JSONError(.notUTF8, at: place) }
                bytes.append(copying: text.extracting(place..<place + count))
                place += count
            }
        }
    }

    private mutating func escape(_ text: RawSpan) throws(JSONError) -> [UInt8] {
        let start = place
        place += 1
        let letter = try byte(text)
        place += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(try scalar(text, from: start)).utf8)
        default: throw JSONError(.malformedEscape, at: start)
        }
    }

    /// Behind `\u`: a number, and the other half of a pair where it is the first.
    private mutating func scalar(
        _ text: RawSpan, from start: Int
    ) throws(JSONError) -> Unicode.Scalar {
        let first = try unit(text, from: start)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, take(text, "\\"), take(text, "u") else {
            throw JSONError(.loneSurrogate, at: start)
        }
        let second = try unit(text, from: place - 2)
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw JSONError(.loneSurrogate, at: start) }
        return scalar
    }

    private mutating func unit(_ text: RawSpan, from start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = try byte(text)
            guard let digit = KeyText.value(ofDigit: byte) else {
                throw JSONError(.malformedEscape, at: start)
            }
            value = value << 4 | UInt32(digit)
            place += 1
        }
        return value
    }
}
