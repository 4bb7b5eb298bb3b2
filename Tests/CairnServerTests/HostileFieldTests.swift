// Fields as adversaries send them: what is stored comes back as it was, and nothing else does.

import Cairn
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Hostile fields")
struct HostileFieldTests {
    private let served: ServedStore

    init() throws { served = try ServedStore.prompt() }

    /// Names and values of so many bytes in all: those of X-Meta fields, and of a type.
    private func fields(of byteCount: Int) -> [String] {
        let type = "Content-Type: a/b"
        let names = ["X-Meta-A", "X-Meta-B", "X-Meta-C"]
        let nameByteCount = "Content-Type".count + "a/b".count + names.joined().count
        let left = byteCount - nameByteCount
        let values = [left / 3, left / 3, left - 2 * (left / 3)]
        return [type] + zip(names, values).map { "\($0): \(String(repeating: "v", count: $1))" }
    }

    @Test("stored fields have 8 KiB together, and one byte more is 431", arguments: [3, 200_000])
    func limit(byteCount: Int) throws {
        let body = bodyBytes(byteCount)
        let lines = fields(of: 8192)
        let put = try served.request("PUT", "/store/k", lines, body: body)
        #expect(put.status == 201, "\(put.text)")
        let get = try served.request("GET", "/store/k")
        for line in lines { #expect(get.fields.contains(line)) }
        let client = try served.client()
        try client.send("POST", "/store/other", fields(of: 8193) + ["Content-Length: 300000"])
        expectProblem(try client.answer(), 431, "fields-too-long")
        #expect(try served.stored("other") == nil)
        // What is not stored does not count.
        let free = ["X-Other: \(String(repeating: "v", count: 6000))"]
        #expect(
            try served.request("PUT", "/store/k", fields(of: 8192) + free, body: [1]).status == 204)
        expectProblem(
            try served.request("PUT", "/store/k", fields(of: 8193), body: [1]), 431)
        #expect(try served.stored("k") == [1])
    }

    @Test(
        "a name is stored up to 255 bytes, and refused beyond",
        arguments: [254, 255, 256, 257, 1000, 8000])
    func longName(byteCount: Int) throws {
        let name = "X-Meta-" + String(repeating: "n", count: byteCount - 7)
        let put = try served.request("PUT", "/store/k", ["\(name): v"], body: [1])
        if byteCount > 255 {
            expectProblem(put, 431, "fields-too-long")
            #expect(try served.stored("k") == nil)
        } else {
            #expect(put.status == 201)
            #expect(try served.request("GET", "/store/k").field(name) == "v")
        }
    }

    @Test("fields of the client's own keep their names, their order and their number")
    func order() throws {
        let lines = [
            "X-Meta-b: 2", "x-META-a: 1", "X-meta-Empty:", "X-Meta-b: 3", "X-Meta-_.~!: tok",
            "x-meta-b:   spaced  out\t", "X-Meta-Quote: \"a\\\"b\", c; d=%0d%0aX-Evil: 1",
        ]
        try served.put("k", [1], lines)
        for method in ["GET", "HEAD"] {
            let got = try served.request(method, "/store/k").fields
                .filter { $0.lowercased().hasPrefix("x-meta-") }
            #expect(
                got == [
                    "X-Meta-b: 2", "x-META-a: 1", "X-meta-Empty: ", "X-Meta-b: 3",
                    "X-Meta-_.~!: tok", "x-meta-b: spaced  out",
                    "X-Meta-Quote: \"a\\\"b\", c; d=%0d%0aX-Evil: 1",
                ])
        }
    }

    @Test("a list that was sent on several lines comes back whole")
    func lists() throws {
        let lines = [
            "Cache-Control: max-age=60", "Content-Language: de", "Cache-Control: no-transform",
            "Content-Encoding: gzip", "Content-Language: en", "Content-Encoding: br",
        ]
        let tag = try served.put("k", [1], lines)
        for (method, condition) in [
            ("GET", "Accept: a/b"), ("HEAD", "Accept: a/b"), ("GET", "If-None-Match: \(tag)"),
        ] {
            let answer = try served.request(method, "/store/k", [condition])
            let isWhole = answer.status == 200
            for name in isWhole
                ? ["Cache-Control", "Content-Encoding", "Content-Language"] : ["Cache-Control"]
            {
                #expect(
                    answer.fields.filter { $0.hasPrefix(name) }
                        == lines.filter { $0.hasPrefix(name) },
                    "\(method) \(answer.status)")
            }
        }
    }

    @Test("what is not to be stored does not come back, and what was stored goes with its version")
    func others() throws {
        try served.put(
            "k", [1],
            [
                "Set-Cookie: a=b", "X-Metadata: 1", "X-Meta: 1", "X-Meta-: 1", "Location: /x",
                "Server: mine", "ETag: \"77\"", "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT",
                "Content-Location: /x", "X-Frame-Options: DENY", "Connection: x-meta-a",
                "Accept-Ranges: none", "X-Content-Type-Options: sniff", "Trailer: X-Meta-T",
                "X-Meta-A: 1",
                "Content-Type: text/x-mine", "Age: 5", "Vary: *", "Expires: 0",
                "Cairn-Expires-In: 1000",
            ])
        let get = try served.request("GET", "/store/k")
        let known: Set = [
            "Date", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges", "Content-Type",
            "X-Content-Type-Options", "X-Meta-A", "Cairn-Expires-In",
        ]
        let names = get.fields.map { String($0.prefix { $0 != ":" }) }
        #expect(Set(names) == known && names.count == known.count, "\(names)")
        #expect(get.field("Accept-Ranges") == "bytes")
        #expect(get.field("X-Content-Type-Options") == "nosniff")
        #expect(get.field("Last-Modified")?.contains("1970") == false)
        try served.put("k", [2])
        let again = try served.request("GET", "/store/k")
        #expect(again.field("X-Meta-A") == nil && again.field("Cairn-Expires-In") == nil)
        #expect(again.field("Content-Type") == "application/octet-stream")
    }

    @Test("a type is stored once, guessed when there is none, and never two")
    func types() throws {
        for lines in [
            ["Content-Type: a/b", "Content-Type: a/b"], ["Content-Type: a/b", "content-type: c/d"],
            ["Content-Type:", "Content-Type: c/d"],
            ["Content-Disposition: inline", "Content-Disposition: inline"],
        ] {
            for method in ["PUT", "POST"] {
                expectProblem(
                    try served.request(method, "/store/k", lines, body: [1]), 400, "malformed-field"
                )
            }
        }
        #expect(served.store.statistics().keyCount == 0)
        for (key, guess) in [
            ("a.html", "text/html"), ("a.PNG", "image/png"), ("a", "application/octet-stream"),
            (".html", nil), ("a.html/b", "application/octet-stream"),
            ("%2e%2e", "application/octet-stream"),
        ] {
            try served.put(key, [1], ["Content-Type:"])
            let get = try served.request("GET", "/store/\(key)")
            #expect(get.fields.filter { $0.hasPrefix("Content-Type: ") }.count == 1)
            if let guess { #expect(get.field("Content-Type")?.hasPrefix(guess) == true, "\(key)") }
            #expect(get.field("X-Content-Type-Options") == "nosniff")
        }
    }

    @Test("no control byte is stored")
    func controls() throws {
        // A tab is text.
        for byte in Array(UInt8(0)...31) + [127] where byte != 9 { try expectRefused(byte) }
        #expect(served.store.statistics().keyCount == 0)
    }

    private func expectRefused(_ byte: UInt8) throws {
        for name in ["X-Meta-A", "Content-Type", "Content-Disposition", "Cache-Control"] {
            let head = "PUT /store/k HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\(name): a"
            let answer = try served.answer(
                to: Array(head.utf8) + [byte] + Array("b\r\n\r\nx".utf8))
            expectProblem(answer, 400, nil, "\(name) \(byte)")
        }
    }

    @Test("a tab and every byte above 127 come back as they were")
    func bytes() throws {
        let value = [UInt8(ascii: "a"), 9] + Array(UInt8(128)...255)
        let client = try served.client()
        let head = "PUT /store/k HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nX-Meta-A: "
        try client.send(Array(head.utf8) + value + Array("\r\n\r\nx".utf8))
        #expect(try client.answer().status == 201)
        try client.send("HEAD", "/store/k")
        var received: [UInt8] = []
        while received.suffix(4) != [13, 10, 13, 10] { received += try client.receive(1) }
        #expect(received.firstRange(of: Array("X-Meta-A: ".utf8) + value + [13, 10]) != nil)
    }

    @Test("the durability that was given is said, and what is none is 400")
    func durability() throws {
        let synced = try ServedStore()
        for served in [served, synced] {
            let given = served === synced ? "synced" : "os"
            for (field, said) in [
                (nil, given), ("Cairn-Durability: synced", "synced"),
                ("Cairn-Durability: os", "os"),
                ("cairn-durability: INTERVAL", "interval"),
            ] {
                let fields = field.map { [$0] } ?? []
                for (method, status) in [
                    ("PUT", 201), ("PUT", 204), ("DELETE", 204), ("POST", 201),
                ] {
                    for byteCount in method == "DELETE" ? [0] : [2, 150_000] {
                        if byteCount == 150_000, status == 201 {
                            try served.request("DELETE", "/store/k")
                        }
                        let answer = try served.request(
                            method, "/store/k", fields, body: bodyBytes(byteCount))
                        #expect(answer.status == status, "\(method) \(byteCount) \(fields)")
                        #expect(answer.field("Cairn-Durability") == said, "\(method) \(fields)")
                    }
                }
                try served.request("DELETE", "/store/k")
            }
        }
        for value in ["", "sync", "synced, os", "\"synced\"", "0", "synced;x", "os os"] {
            for method in ["PUT", "POST", "DELETE"] {
                let answer = try served.request(
                    method, "/store/k", ["Cairn-Durability: \(value)"],
                    body: method == "DELETE" ? [] : [1])
                expectProblem(answer, 400, "malformed-field", "\(method) \(value)")
            }
        }
        expectProblem(
            try served.request(
                "PUT", "/store/k", ["Cairn-Durability: os", "Cairn-Durability: os"], body: [1]),
            400, "malformed-field")
        #expect(try served.stored("k") == nil)
    }

    @Test("a blob expires when it was to, and what is no number of seconds is 400")
    func expiry() throws {
        for body in [[1], bodyBytes(150_000), bodyBytes(1_200_000)] {
            for method in ["PUT", "POST"] {
                let put = try served.request(
                    method, "/store/k", ["Cairn-Expires-In: 0"], body: body)
                #expect(put.status == 201)
                for method in ["GET", "HEAD", "DELETE"] {
                    #expect(try served.request(method, "/store/k").status == 404)
                }
            }
        }
        for seconds in ["1000", "0001000", "4294967296", "9223372036854775807"] {
            try served.put("k", [1], ["Cairn-Expires-In: \(seconds)"])
            let get = try served.request("GET", "/store/k")
            #expect(get.status == 200, "\(seconds)")
            let left = try #require(get.field("Cairn-Expires-In").flatMap { UInt64($0) })
            // The clock has moved meanwhile; and it ends before the largest number does.
            #expect(left > 900 && left <= (UInt64(seconds) ?? 0), "\(seconds)")
            if seconds.hasSuffix("1000") { #expect(left <= 1000) }
        }
        try served.request("DELETE", "/store/k")
        for value in [
            "", "-1", "-0", "+1", "1.5", "1e3", "soon", "0x10", "1 2", "1,2", "1s",
            "99999999999999999999",
            "\u{661}", "NaN",
        ] {
            let answer = try served.request(
                "PUT", "/store/k", ["Cairn-Expires-In: \(value)"], body: [1])
            expectProblem(answer, 400, "malformed-field", value)
        }
        expectProblem(
            try served.request(
                "PUT", "/store/k", ["Cairn-Expires-In: 5", "Cairn-Expires-In: 5"], body: [1]),
            400, "malformed-field")
        #expect(served.store.statistics().keyCount == 0)
    }

    @Test("a second is a second: a blob that expires is there, and then it is not")
    func oneSecond() throws {
        let begin = Clock.wallNanoseconds()
        try served.put("k", [1], ["Cairn-Expires-In: 1"])
        let get = try served.request("GET", "/store/k")
        if Clock.wallNanoseconds() < begin + 1_000_000_000 {
            #expect(get.status == 200 && get.field("Cairn-Expires-In") == "1")
        }
        try wait(for: "the end") { try served.request("GET", "/store/k").status == 404 }
        #expect(Clock.wallNanoseconds() >= begin + 1_000_000_000)
    }

    @Test("a part of a blob cannot be written")
    func contentRange() throws {
        try served.put("k", [1])
        for value in ["bytes 0-0/1", "bytes */1", ""] {
            for method in ["PUT", "POST"] {
                let answer = try served.request(
                    method, "/store/k", ["Content-Range: \(value)"], body: [2])
                expectProblem(answer, 400, "malformed-field", "\(method) \(value)")
            }
        }
        #expect(try served.stored("k") == [1])
    }
}
