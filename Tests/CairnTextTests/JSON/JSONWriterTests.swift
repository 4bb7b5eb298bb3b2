// JSON as it is written: every byte of a text, and where the commas are.

import CairnSystem
import CairnTestSupport
import CairnText
import Testing

private func written(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    body(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
}

@Suite("JSON: writing")
struct JSONWriterTests {
    @Test("commas stand between values, and nowhere else")
    func commas() {
        let text = written { writer in
            writer.beginObject()
            writer.name("a")
            writer.beginArray()
            writer.beginArray()
            writer.endArray()
            writer.number(-1)
            writer.string("x")
            writer.beginObject()
            writer.endObject()
            writer.endArray()
            writer.name("b")
            writer.null()
            writer.name("c")
            writer.bool(true)
            writer.name("d")
            writer.number(1.5, places: 3)
            writer.endObject()
        }
        #expect(text == #"{"a":[[],-1,"x",{}],"b":null,"c":true,"d":1.500}"#)
        #expect(written { $0.number(UInt64.max) } == "18446744073709551615")
        #expect(written { $0.number(Double.nan, places: 1) } == "0")
    }

    @Test("quotes, backslashes and control characters are escaped, in names as in texts")
    func escapes() {
        let all = String(String.UnicodeScalarView((0..<0x80).compactMap { Unicode.Scalar($0) }))
        let text = written { $0.string(all) }
        #expect(text == written { $0.string(Array(all.utf8).rawSpan) })
        #expect(text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f })
        #expect(text.hasPrefix(#""\u0000\u0001"#) && text.hasSuffix(#"}~\u007f""#))
        #expect(text.contains(#"\t\n\u000b"#) && text.contains(##" !\"#"##))
        #expect(text.contains(#"[\\]"#))
        #expect(written { $0.name("\n\"") } == #""\n\"":"#)
    }

    @Test("bytes that are not UTF-8 are never written")
    func notUTF8() {
        #expect(written { $0.string([0x61, 0xFF, 0x62].rawSpan) } == "\"a\u{FFFD}b\"")
        #expect(written { $0.string([0xE2, 0x82].rawSpan) } == "\"\u{FFFD}\u{FFFD}\"")
        #expect(written { $0.string([0xED, 0xA0, 0x80].rawSpan) }.contains("\u{FFFD}"))
        var random = TestRandom.reported("bytes that are not UTF-8 are never written")
        for _ in 0..<5000 {
            let bytes = random.bytes(random.below(12))
            var writer = JSONWriter()
            writer.string(bytes.rawSpan)
            #expect(String(validating: writer.bytes, as: UTF8.self) != nil, "\(bytes)")
            let isText = String(validating: bytes, as: UTF8.self) != nil
            #expect((bytes.rawSpan.firstOffsetOfNoCharacter == nil) == isText, "\(bytes)")
            let limits = JSONLimits(byteCountMaximum: 1000)
            let value = try? JSONValue(reading: writer.bytes.rawSpan, limits: limits)
            #expect(!isText || value?.string.map { Array($0.utf8) } == bytes)
        }
    }
}
