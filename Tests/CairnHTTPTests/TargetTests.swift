// Escapes and queries: decoded once, zero bytes never.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Escapes and queries") struct TargetTests {
    private func decoded(_ text: String) -> String? {
        PercentCoding.decoded(Array(text.utf8).rawSpan).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        "escapes are decoded once",
        arguments: [
            ("", ""), ("abc", "abc"), ("%41%7a%2F", "Az/"), ("%2541", "%41"), ("a+b", "a+b"),
            ("%c3%A9", "\u{E9}"), ("..%2f..", "../.."),
        ])
    func decodes(_ text: String, _ expected: String) { #expect(decoded(text) == expected) }

    @Test(
        "a malformed escape and an escaped zero are none",
        arguments: [
            "%", "%4", "a%4", "%zz", "%4z", "%z4", "%00", "a%00b", "%%41", "% 41", "%+1",
        ])
    func refuses(_ text: String) {
        #expect(decoded(text) == nil)
        let isWellFormed = PercentCoding.isWellFormed(Array(text.utf8).rawSpan)
        #expect(!isWellFormed)
    }

    @Test("what is escaped is decoded to the same bytes") func roundTrip() {
        let bytes = (1...255).map { UInt8($0) }
        var text: [UInt8] = []
        PercentCoding.append(escaped: bytes.rawSpan, to: &text)
        let back = PercentCoding.decoded(text.rawSpan)
        #expect(back == bytes)
        #expect(text.allSatisfy { ByteClass.target.contains($0) && $0 < 128 })
        var plain: [UInt8] = []
        PercentCoding.append(escaped: Array("a/b-c.d_e~0".utf8).rawSpan, to: &plain)
        #expect(plain == Array("a/b-c.d_e~0".utf8))
    }

    @Test(
        "what is escaped holds no step to another path, and no escape too many",
        arguments: [
            ("", ""), (".", "%2E"), ("..", "%2E%2E"), ("...", "..."), ("/", "/"), ("//", "//"),
            ("a/../b", "a/%2E%2E/b"), ("./", "%2E/"), ("/.", "/%2E"), ("a./.b", "a./.b"),
            ("../..", "%2E%2E/%2E%2E"), ("/../", "/%2E%2E/"), ("a/.", "a/%2E"),
        ])
    func steps(_ key: String, _ expected: String) {
        var text: [UInt8] = []
        PercentCoding.append(escaped: Array(key.utf8).rawSpan, to: &text)
        #expect(String(decoding: text, as: UTF8.self) == expected)
    }

    @Test(
        "a query's values are found by name, decoded, the first of several",
        arguments: [
            ("a=1&b=2", "b", "2"), ("a=1&a=2", "a", "1"), ("a", "a", ""), ("a=&b", "a", ""),
            ("a=b=c", "a", "b=c"), ("%61=x", "a", "x"), ("a=%26+%2B", "a", "& +"),
            ("&&a=1", "a", "1"),
            ("ab=1&a=2", "a", "2"), ("a=1&", "a", "1"),
        ])
    func queries(_ text: String, _ name: String, _ expected: String) {
        let bytes = Array(text.utf8)
        let query = Query(bytes.rawSpan)
        let value = name == "a" ? query.value(of: "a") : query.value(of: "b")
        #expect(value.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test(
        "a name that is not there has no value", arguments: ["", "b", "ab=1", "b=a", "=a", "A=1"])
    func missing(_ text: String) {
        let bytes = Array(text.utf8)
        let isThere = Query(bytes.rawSpan).has("a")
        #expect(!isThere)
    }
}

@Suite("Classes of bytes") struct ByteClassTests {
    @Test("each holds what its grammar says and nothing else") func classes() {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        let tokens = Set((letters + "!#$%&'*+-.^_`|~").utf8)
        let hosts = Set((letters + "-._~!$&'()*+,;=:[]%").utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(ByteClass.token.contains(byte) == tokens.contains(byte))
            #expect(ByteClass.host.contains(byte) == hosts.contains(byte))
            #expect(ByteClass.value.contains(byte) == (byte == 9 || byte >= 32 && byte != 127))
            #expect(ByteClass.target.contains(byte) == (byte > 32 && byte != 127 && byte != 35))
        }
    }
}
