// JSON as it is read: texts that are and that are not, each with what it is or where it goes wrong.

import CairnSystem
import CairnTestSupport
import CairnText
import Testing

private func read(
    _ bytes: [UInt8], _ limits: JSONLimits = JSONLimits(byteCountMaximum: 1 << 20)
) throws(JSONError) -> JSONValue {
    try JSONValue(reading: bytes.rawSpan, limits: limits)
}

private func failure(
    _ bytes: [UInt8], _ limits: JSONLimits = JSONLimits(byteCountMaximum: 1 << 20)
) -> JSONError? {
    do throws(JSONError) {
        _ = try read(bytes, limits)
        return nil
    } catch {
        return error
    }
}

/// Writes a value again, in the shortest form.
private func write(_ value: JSONValue, _ writer: inout JSONWriter) {
    switch value {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .number: writer.number(value.integer ?? 0)
    case .string(let text): writer.string(text)
    case .array(let values):
        writer.beginArray()
        for value in values { write(value, &writer) }
        writer.endArray()
    case .object(let object):
        writer.beginObject()
        for (name, value) in zip(object.names, object.values) {
            writer.name(name)
            write(value, &writer)
        }
        writer.endObject()
    }
}

private func text(_ value: JSONValue) -> String {
    var writer = JSONWriter()
    write(value, &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
}

@Suite("JSON: reading")
struct JSONReaderTests {
    @Test(
        "a valid text is read as what it says",
        arguments: [
            ("null", "null"), (" \t\r\n true \n", "true"), ("false", "false"), ("0", "0"),
            ("-0", "0"), ("-12", "-12"), ("9223372036854775807", "9223372036854775807"),
            ("\"\"", "\"\""), ("[]", "[]"), ("{}", "{}"), ("[ ]", "[]"), ("{ }", "{}"),
            ("[1,2 , 3]", "[1,2,3]"), ("[[],[[]],{}]", "[[],[[]],{}]"),
            ("{\"a\":1}", "{\"a\":1}"), ("{ \"b\" : [ ] , \"a\" : { } }", "{\"b\":[],\"a\":{}}"),
            ("{\"a\":{\"a\":null}}", "{\"a\":{\"a\":null}}"), ("{\"\":0}", "{\"\":0}"),
            (#""\"\\\/\b\f\n\r\t""#, #""\"\\/\u0008\u000c\n\u000d\t""#),
            (#""\u0041\u00e9\u20AC""#, "\"A\u{e9}\u{20ac}\""),
            (#""\ud83d\ude00""#, "\"\u{1F600}\""), (#""\uDBFF\uDFFF""#, "\"\u{10FFFF}\""),
            (#""\u0000""#, #""\u0000""#), ("\"\u{7f}\u{2028}\"", "\"\\u007f\u{2028}\""),
        ])
    func valid(given: String, meant: String) throws {
        #expect(text(try read(Array(given.utf8))) == meant)
    }

    @Test(
        "an invalid text is refused at the byte that shows it",
        arguments: [
            ("", .endsEarly, 0), ("  ", .endsEarly, 2), ("nul", .endsEarly, 3),
            ("nulL", .unexpectedByte, 3), ("True", .unexpectedByte, 0),
            ("NaN", .unexpectedByte, 0), ("'a'", .unexpectedByte, 0), ("+1", .unexpectedByte, 0),
            (".5", .unexpectedByte, 0), ("01", .moreThanOneValue, 1), ("-", .endsEarly, 1),
            ("-a", .malformedNumber, 1), ("1.", .endsEarly, 2), ("1.e1", .malformedNumber, 2),
            ("1e", .endsEarly, 2), ("1e+ ", .malformedNumber, 3), ("0x1", .moreThanOneValue, 1),
            ("1 2", .moreThanOneValue, 2), ("{}x", .moreThanOneValue, 2), ("[", .endsEarly, 1),
            ("[1", .endsEarly, 2), ("[1,", .endsEarly, 3), ("[1,]", .unexpectedByte, 3),
            ("[,1]", .unexpectedByte, 1), ("[1 2]", .unexpectedByte, 3),
            ("[1}", .unexpectedByte, 2), ("{\"a\":1]", .unexpectedByte, 6),
            ("{a:1}", .unexpectedByte, 1), ("{\"a\"}", .unexpectedByte, 4),
            ("{\"a\" 1}", .unexpectedByte, 5), ("{\"a\":}", .unexpectedByte, 5),
            ("{\"a\":1,}", .unexpectedByte, 7), ("{\"a\":1", .endsEarly, 6),
            ("{1:2}", .unexpectedByte, 1), ("]", .unexpectedByte, 0),
            ("{\"a\":1,\"b\":2,\"a\":3}", .repeatedName, 13),
            (#"{"a":1,"\u0061":3}"#, .repeatedName, 7),
            ("\"a", .endsEarly, 2), ("\"a\nb\"", .controlByte, 2), ("\"\t\"", .controlByte, 1),
            ("\"\\", .endsEarly, 2), (#""\x41""#, .malformedEscape, 1),
            (#""a\'""#, .malformedEscape, 2), (#""\u12"#, .endsEarly, 5),
            (#""\u12g4""#, .malformedEscape, 1), (#""\u+123""#, .malformedEscape, 1),
            (#""\ud83d""#, .loneSurrogate, 1), (#""\ud83dx""#, .loneSurrogate, 1),
            (#""\ud83d\n""#, .loneSurrogate, 1), (#""\ud83d\u0041""#, .loneSurrogate, 1),
            (#""\ud83d\ud83d""#, .loneSurrogate, 1), (#""\ude00""#, .loneSurrogate, 1),
            ("\u{FEFF}1", .unexpectedByte, 0), ("// a\n1", .unexpectedByte, 0),
            ("\u{a0}1", .unexpectedByte, 0), ("\u{0C}1", .unexpectedByte, 0),
        ] as [(String, JSONError.Problem, Int)])
    func invalid(given: String, problem: JSONError.Problem, offset: Int) {
        let error = failure(Array(given.utf8))
        #expect(error?.problem == problem)
        #expect(error?.offset == offset)
    }

    @Test(
        "bytes that are not UTF-8 are refused, within a string and outside",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
            [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        let error = failure(Array("\"a".utf8) + bytes + Array("\"".utf8))
        #expect(error?.problem == .notUTF8 && error?.offset == 2)
        #expect(failure(bytes)?.problem == .unexpectedByte)
        #expect(failure(Array("\"".utf8) + bytes) != nil)
    }

    @Test("names are told apart by their bytes, not by how they look")
    func namesByBytes() throws {
        let value = try read(Array("{\"\u{e9}\":1,\"e\u{301}\":2}".utf8))
        #expect(value.object?["\u{e9}"]?.integer == 1)
        #expect(value.object?["e\u{301}"]?.integer == 2)
        #expect(value.object?["e"] == nil)
    }

    @Test("as deep and as long as the limits say, and not a byte more")
    func limits() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array(
                (String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        let limits = JSONLimits(byteCountMaximum: 20, depthMaximum: 8)
        _ = try read(nested(8), limits)
        #expect(failure(nested(9), limits)?.problem == .tooDeep)
        #expect(failure(nested(9), limits)?.offset == 8)
        _ = try read([UInt8](repeating: 0x31, count: 20), limits)
        #expect(failure([UInt8](repeating: 0x31, count: 21), limits)?.problem == .tooLong)
        let deepest = JSONLimits(byteCountMaximum: 1 << 20, depthMaximum: 256)
        #expect(failure(nested(100_000), deepest)?.offset == 256)
        _ = try read(nested(256), deepest)
    }

    @Test("numbers keep their digits, and are whole numbers only where they are written so")
    func numbers() throws {
        func number(_ text: String) throws -> JSONValue { try read(Array(text.utf8)) }
        #expect(try number("9223372036854775808").integer == nil)
        #expect(try number("-9223372036854775808").integer == .min)
        #expect(try number("1.0").integer == nil && number("1e2").integer == nil)
        guard case .number(let long) = try number("0.10000000000000000000000000000000001E+2") else {
            Issue.record("a number is a number")
            return
        }
        #expect(long.text == "0.10000000000000000000000000000000001E+2" && long.double == 10)
        guard case .number(let large) = try number("-1e999") else { return }
        #expect(large.double == -.infinity)
    }

    @Test("no bytes trap, and an error's place is within them")
    func anyBytes() {
        var random = TestRandom.reported("no bytes trap, and an error's place is within them")
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "d83d", "0", "-", "1e", ".", "true",
            "null", " ", "\"a\"", "\u{e9}",
        ].map { Array($0.utf8) }
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<random.below(24) {
                bytes +=
                    random.chance(1, in: 8) ? random.bytes(1) : pieces[random.below(pieces.count)]
            }
            guard let error = failure(bytes, JSONLimits(byteCountMaximum: 100, depthMaximum: 6))
            else { continue }
            #expect((0...bytes.count).contains(error.offset), "\(bytes)")
        }
    }

    @Test("what was written is read back, and written the same")
    func roundTrip() throws {
        var random = TestRandom.reported("what was written is read back, and written the same")
        for _ in 0..<2000 {
            var writer = JSONWriter()
            write(random.value(depth: 4), &writer)
            let value = try read(writer.bytes)
            var again = JSONWriter()
            write(value, &again)
            #expect(again.bytes == writer.bytes)
        }
    }

    @Test("errors say what is wrong and where")
    func messages() {
        #expect(
            failure(Array("[1,]".utf8))?.description
                == "the JSON text has something else than JSON has there, at byte 3")
        let texts = Set(
            ["", "[[[", "\"\\q\"", "1 1"].compactMap { failure(Array($0.utf8))?.description })
        #expect(texts.count == 4)
    }
}

extension TestRandom {
    /// Any text, also of odd characters.
    fileprivate mutating func text() -> String {
        let scalars = (0..<below(8)).compactMap { _ in
            Unicode.Scalar(UInt32(coin() ? below(0x90) : below(0x11_0000)))
        }
        return String(String.UnicodeScalarView(scalars))
    }

    fileprivate mutating func value(depth: Int) -> JSONValue {
        let integer = Int64(bitPattern: next() >> UInt64(below(64)))
        var writer = JSONWriter()
        switch below(depth > 0 ? 7 : 5) {
        case 0: writer.null()
        case 1: writer.bool(coin())
        case 2: writer.number(integer)
        case 3, 4: writer.string(text())
        case 5:
            writer.beginArray()
            for _ in 0..<below(5) { write(value(depth: depth - 1), &writer) }
            writer.endArray()
        default:
            writer.beginObject()
            for place in 0..<below(5) {
                writer.name("\(place)" + text())
                write(value(depth: depth - 1), &writer)
            }
            writer.endObject()
        }
        let limits = JSONLimits(byteCountMaximum: 1 << 20)
        return (try? JSONValue(reading: writer.bytes.rawSpan, limits: limits)) ?? .null
    }
}
