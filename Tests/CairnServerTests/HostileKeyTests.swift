// Keys as adversaries write them: every key is one key, whatever a path or a program makes of such bytes.

import Cairn
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Hostile keys")
struct HostileKeyTests {
    private let served: ServedStore

    init() throws { served = try ServedStore.prompt() }

    private static let names: [(target: String, key: String)] = [
        (".", "."), ("..", ".."), ("...", "..."), ("a/../b", "a/../b"), ("../../x", "../../x"),
        ("%2e%2e", ".."), ("%2E%2e/%2E", "../."), ("a/./b", "a/./b"), ("a/", "a/"),
        ("/", "/"), ("//", "//"), ("%2f", "/"), ("a%2Fb", "a/b"), ("a//b", "a//b"),
        ("+", "+"), ("a+b", "a+b"), ("%2B", "+"), ("%20", " "), ("a%20b", "a b"),
        ("%3Fx", "?x"), ("%23", "#"), ("%25", "%"), ("%252e", "%2e"), ("%25%30%30", "%00"),
        ("%41", "A"), ("%61", "a"), ("a%01", "a\u{1}"), ("%0d%0aX:y", "\r\nX:y"), ("%7F", "\u{7F}"),
        ("%C3%A9", "\u{E9}"), ("e%CC%81", "e\u{301}"), ("%F0%9F%98%80", "\u{1F600}"),
        ("%EF%BB%BF", "\u{FEFF}"), ("%EF%BF%BF", "\u{FFFF}"), ("%ED%9F%BF", "\u{D7FF}"),
        ("%EE%80%80", "\u{E000}"), ("%F4%8F%BF%BF", "\u{10FFFF}"),
        ("store/", "store/"), ("a:b@c!$&'()*,;=~", "a:b@c!$&'()*,;=~"), ("\\..\\", "\\..\\"),
        ("\"<>^`{|}", "\"<>^`{|}"),
    ]

    @Test("a key is what stands behind the route, decoded once")
    func decoded() throws {
        for (target, key) in Self.names { try expectDecoded(target, key) }
    }

    private func expectDecoded(_ target: String, _ key: String) throws {
        let put = try served.request("PUT", "/store/\(target)", body: [7, 7])
        #expect(put.status == 201, "\(target)")
        #expect(try served.stored(key) == [7, 7], "\(target)")
        #expect(served.store.statistics().keyCount == 1)
        #expect(try served.request("GET", "/store/\(target)").body == [7, 7])
        #expect(try served.request("POST", "/store/\(target)", body: [1]).status == 409)
        #expect(try served.request("DELETE", "/store/\(target)").status == 204)
        #expect(served.store.statistics().keyCount == 0)
    }

    @Test("two spellings of a key are one key, and letters of both cases are two")
    func spellings() throws {
        try served.put("a%2Fb%2e", [1])
        #expect(try served.request("PUT", "/store/%61/b.", body: [2]).status == 204)
        #expect(try served.request("GET", "/store/a%2fb%2E").body == [2])
        #expect(try served.request("GET", "/store/A/b.").status == 404)
        // No form of Unicode is made another.
        try served.put("%C3%A9", [3])
        #expect(try served.request("GET", "/store/e%CC%81").status == 404)
    }

    @Test("bytes above 127 name the same key with and without escapes")
    func rawBytes() throws {
        try served.put("%C3%A9", [4])
        let raw = Array("GET /store/".utf8) + [0xC3, 0xA9]
        let answer = try served.answer(to: raw + Array(" HTTP/1.1\r\nHost: test\r\n\r\n".utf8))
        #expect(answer.status == 200 && answer.body == [4])
    }

    @Test("Location names the key, also for clients that resolve dots in paths")
    func location() throws {
        for (place, (target, _)) in Self.names.enumerated() {
            try expectLocation(of: target, [9, UInt8(place)])
        }
    }

    private func expectLocation(of target: String, _ body: [UInt8]) throws {
        let put = try served.request("PUT", "/store/\(target)", body: body)
        defer { _ = try? served.request("DELETE", "/store/\(target)") }
        let location = try #require(put.field("Location"))
        #expect(location.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        #expect(try served.request("GET", location).body == body)
        let resolved = withoutDotSegments(location)
        #expect(try served.request("GET", resolved).body == body, "\(location) is \(resolved)")
    }

    /// RFC 3986, section 5.2.4, for an absolute path.
    private func withoutDotSegments(_ path: String) -> String {
        var kept: [Substring] = []
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (place, part) in zip(parts.indices, parts) {
            let isLast = place == parts.endIndex - 1
            switch part {
            case ".": if isLast { kept.append("") }
            case "..":
                if !kept.isEmpty { kept.removeLast() }
                if isLast { kept.append("") }
            default: kept.append(part)
            }
        }
        return "/" + kept.joined(separator: "/")
    }

    private static let refused: [[UInt8]] =
        [
            "%00", "a%00", "%00a", "%zz", "%", "%2", "a%2g", "%%30%30", "%C0%AF", "%C0%80",
            "%E0%80%AF",
            "%F0%80%80%AF", "%ED%A0%80", "%ED%BF%BF", "%ED%A0%BD%ED%B8%80", "%FF", "%FE", "%80",
            "%BF",
            "%C3", "a%C3", "%E2%82", "%F0%9F%98", "%F4%90%80%80", "%F5%80%80%80", "%F8%88%80%80%80",
            "%C3a", "%E9",
        ].map { Array($0.utf8) } + [[0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xFF], [0x61, 0xC3]]

    @Test("what is no text, or no escape, is 400 for every method")
    func refusedKeys() throws {
        for target in Self.refused { try expectRefused(target) }
        #expect(served.store.statistics().keyCount == 0)
    }

    private func expectRefused(_ target: [UInt8]) throws {
        for method in ["GET", "PUT", "POST", "DELETE"] {
            let length = method == "PUT" || method == "POST" ? "Content-Length: 1\r\n" : ""
            let head = " HTTP/1.1\r\nHost: test\r\n\(length)\r\n"
            let bytes = Array("\(method) /store/".utf8) + target + Array(head.utf8)
            let answer = try served.answer(to: bytes + (length.isEmpty ? [] : [1]))
            expectProblem(answer, 400, nil, "\(method) \(target)")
        }
    }

    @Test("every byte is a key by itself if it is text, and with others if it is in text")
    func everyByte() throws {
        let client = try served.client()
        for byte in 1...255 {
            let digits = String(byte, radix: 16)
            let escape = byte < 16 ? "%0\(digits)" : "%\(digits)"
            try client.send("PUT", "/store/\(escape)", body: [UInt8(byte)])
            let answer = try client.answer()
            #expect(answer.status == (byte < 128 ? 201 : 400), "\(escape)")
        }
        #expect(served.store.statistics().keyCount == 127)
        for byte in UInt8(1)..<128 {
            #expect(try served.store.get(Key([byte]))?.bytes == [byte])
        }
        // Of every lead byte, the lowest and the highest text.
        for scalar in [
            0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF,
        ] {
            let text = String(Character(try #require(Unicode.Scalar(UInt32(scalar)))))
            let escaped = text.utf8.map { "%" + String($0, radix: 16) }.joined()
            try client.send("PUT", "/store/\(escaped)", body: [1])
            #expect(try client.answer().status == 201, "\(escaped)")
        }
    }

    @Test(
        "a key has 1 to 1,024 bytes, however many its text has",
        arguments: [1023, 1024, 1025, 8000])
    func lengths(byteCount: Int) throws {
        let expected = byteCount <= 1024 ? 201 : 400
        let long = String(repeating: "k", count: byteCount)
        let put = try served.request("PUT", "/store/\(long)", body: [1])
        #expect(put.status == expected)
        if expected == 400 { expectProblem(put, 400, "invalid-key") }
        #expect(try served.request("GET", "/store/\(long)").status == (expected == 201 ? 200 : 400))
        guard byteCount <= 1025 else { return }
        let pairs = String(repeating: "%c3%a9", count: byteCount / 2)
        let escaped = pairs + (byteCount % 2 == 1 ? "x" : "")
        #expect(try served.request("PUT", "/store/\(escaped)", body: [1]).status == expected)
        #expect(served.store.statistics().keyCount == (expected == 201 ? 2 : 0))
    }

    @Test("a query is no part of the key")
    func query() throws {
        try served.put("k?x=1", [5])
        #expect(try served.request("GET", "/store/k?x=/../y&z").body == [5])
        #expect(try served.request("GET", "/store/k").body == [5])
        #expect(try served.request("GET", "/store/k%3Fx=1").status == 404)
        #expect(served.store.statistics().keyCount == 1)
    }

    @Test("the host of a target in absolute form is no part of the key")
    func absoluteForm() throws {
        #expect(
            try served.request("PUT", "http://elsewhere/store/http://k", body: [6]).status == 201)
        #expect(try served.request("GET", "/store/http://k").body == [6])
    }

    @Test(
        "no other path is one of a blob, whatever it would be to a program that tidies paths",
        arguments: [
            "//store/k", "/./store/k", "/x/../store/k", "/store%2Fk", "/STORE/k", "/stor", "/store",
            "/storek",
        ])
    func otherPaths(target: String) throws {
        try served.put("k", [1])
        expectProblem(try served.request("GET", target), 404, "no-such-resource")
        expectProblem(try served.request("PUT", target, body: [2]), 404, "no-such-resource")
        #expect(try served.stored("k") == [1])
    }

    @Test("no key makes a file")
    func noFiles() throws {
        let parent = DirectoryHandle.parent(of: served.store.engine.storage.location)
        let directory = try #require(try DirectoryHandle.open(path: parent))
        let before = try directory.names().sorted()
        for target in ["../x", "..%2Fx", "/etc/x", "....//x", "..", "segments/x"] {
            try served.put(target, [1])
        }
        #expect(try directory.names().sorted() == before)
    }
}
