// Bodies that are not what their heads say: nothing of them is ever seen, and what is refused is refused early.

import Cairn
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Hostile bodies")
struct HostileBodyTests {
    private let served: ServedStore

    init() throws { served = try ServedStore.prompt() }

    enum Ending: CaseIterable, Sendable {
        case sendsNoMore, vanishes, resets
    }

    /// Bodies that are collected, streamed, and cut into chunks by the store.
    private static let cuts = [
        (10, 100), (0, 100), (200_000, 300_000), (1_048_575, 1_048_576), (2_500_000, 3_000_000),
    ]

    @Test(
        "a body that ends before its length is never seen, and what was there stays",
        arguments: cuts, Ending.allCases)
    func cutShort(cut: (sent: Int, length: Int), ending: Ending) throws {
        let side = try SideServer(served.store)
        let tag = try served.put("old", [1, 2])
        for (target, framing) in [
            ("new", "Content-Length: \(cut.length)"), ("old", "Content-Length: \(cut.length)"),
            ("new", "Transfer-Encoding: chunked"), ("old", "Transfer-Encoding: chunked"),
        ] {
            do {
                let client = try side.client()
                try client.send("PUT /store/\(target) HTTP/1.1\r\nHost: test\r\n\(framing)\r\n\r\n")
                if framing.hasPrefix("T") {
                    try client.send("\(String(cut.length, radix: 16))\r\n")
                }
                try client.send(bodyBytes(cut.sent))
                switch ending {
                case .sendsNoMore:
                    try client.endSending()
                    let answer = try? client.answer()
                    #expect((answer?.status ?? 400) >= 400)
                case .vanishes: break
                case .resets: try client.failAtEnd()
                }
            }
            try wait(for: "the end of the connection") { side.connectionCount == 0 }
            #expect(try served.request("GET", "/store/new").status == 404)
            let old = try served.request("GET", "/store/old")
            #expect(old.body == [1, 2] && old.tagNumber == tag)
        }
        #expect(served.store.statistics().keyCount == 1)
        #expect(try side.reported.isEmpty)
    }

    private static let tails = [
        "zz\r\n", "\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", "5\r\nabcdeXX", "ffffffffffffffffff\r\n",
        "5\nabcde\r\n", " 5\r\nabcde\r\n", "5 \r\nabcde\r\n", "5;\nabcde\r\n",
        "0\r\nX: \u{1}\r\n\r\n",
        "5;" + String(repeating: "x", count: 20_000) + "\r\n",
        "0\r\nX: " + String(repeating: "x", count: 20_000) + "\r\n\r\n",
    ]

    @Test(
        "a chunk that is none ends the request, however much came before it",
        arguments: [10, 200_000, 1_200_000])
    func malformedChunks(byteCount: Int) throws {
        for tail in Self.tails {
            let client = try served.client()
            try client.send(
                "PUT /store/k HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
            try client.send("\(String(byteCount, radix: 16))\r\n")
            try client.send(bodyBytes(byteCount) + [13, 10] + Array(tail.utf8))
            let answer = try client.answer()
            #expect(
                answer.status >= 400 && answer.status < 500 && answer.closes, "\(tail.prefix(40))")
            expectProblem(answer, answer.status)
            #expect(try served.stored("k") == nil)
        }
        #expect(served.store.statistics().keyCount == 0)
    }

    private static let refusals: [(field: String, status: Int)] = [
        ("If-None-Match: *", 412), ("If-Match: \"1000000\"", 412),
        ("If-Match: \"a\", W/\"1\"", 412),
        ("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 412),
        ("If-Match: abc", 400), ("If-None-Match:", 400), ("Content-Range: bytes 0-1/2", 400),
        ("Cairn-Durability: no", 400), ("Cairn-Expires-In: no", 400),
        ("Content-MD5: no", 400), ("Repr-Digest: sha-256=no", 400),
        ("Content-Type: a\r\nContent-Type: b", 400),
        ("X-Meta-A: " + String(repeating: "v", count: 8200), 431),
    ]

    private static let framings = [
        "Content-Length: 1", "Content-Length: 131073", "Content-Length: 5000000",
        "Transfer-Encoding: chunked",
    ]

    @Test("what is refused is refused before its body is asked for", arguments: framings)
    func refusedEarly(framing: String) throws {
        try served.put("k", [1])
        for (field, status) in Self.refusals { try expectRefused(field, status, framing) }
        #expect(try served.stored("k") == [1])
    }

    private func expectRefused(_ field: String, _ status: Int, _ framing: String) throws {
        let client = try served.client()
        try client.send(
            "PUT /store/k HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n\(framing)\r\n"
                + "\(field)\r\n\r\n")
        let answer = try client.answer()
        expectProblem(answer, status, nil, String(field.prefix(60)))
        #expect(answer.closes)
    }

    @Test(
        "so are keys that are none, what is there already, and what is not there",
        arguments: framings)
    func refusedByTarget(framing: String) throws {
        try served.put("k", [1])
        for (line, status) in [
            ("POST /store/k", 409), ("PUT /store/%FF", 400), ("PUT /nowhere/k", 404),
            ("PATCH /store/k", 405),
            ("PUT /store/" + String(repeating: "k", count: 1025), 400),
        ] {
            let client = try served.client()
            try client.send(
                "\(line) HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n\(framing)\r\n\r\n")
            let answer = try client.answer()
            expectProblem(answer, status, nil, line)
            #expect(answer.closes)
        }
        let client = try served.client()
        try client.send(
            "PUT /store/none HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nIf-Match: *\r\n"
                + "\(framing)\r\n\r\n")
        expectProblem(try client.answer(), 412, "condition-failed")
    }

    @Test(
        "a body beyond the limit is refused before it is asked for, and one at the limit is taken")
    func tooLarge() throws {
        let served = try ServedStore(StoreOptions(durability: .os, blobByteCountMaximum: 150_000))
        for byteCount in [150_001, 1_000_000_000_000] {
            let client = try served.client()
            try client.send(
                "PUT /store/k HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                    + "Content-Length: \(byteCount)\r\n\r\n")
            expectProblem(try client.answer(), 413, "blob-too-large", "\(byteCount)")
        }
        let chunked = try served.client()
        try chunked.send(
            "PUT /store/k HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        try chunked.send("\(String(150_001, radix: 16))\r\n")
        try chunked.send(bodyBytes(150_001) + Array("\r\n0\r\n\r\n".utf8))
        expectProblem(try chunked.answer(), 413, "blob-too-large")
        #expect(try served.stored("k") == nil)
        #expect(try served.request("PUT", "/store/k", body: bodyBytes(150_000)).status == 201)
        let small = try ServedStore(StoreOptions(durability: .os, blobByteCountMaximum: 10))
        let client = try small.client()
        try client.send(
            "PUT /store/k HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n"
        )
        expectProblem(try client.answer(), 413, "blob-too-large")
    }

    @Test("who sends a long body without asking learns all the same why it is not taken")
    func refusedWithoutAsking() throws {
        try served.put("k", [1])
        for (method, fields, status) in [
            ("PUT", ["If-None-Match: *"], 412), ("POST", [], 409), ("PUT", ["If-Match: x"], 400),
        ] {
            let client = try served.client()
            try client.send(method, "/store/k", fields, body: bodyBytes(3_000_000))
            let answer = try client.answer()
            #expect(answer.status == status && answer.closes)
        }
        // A short one is passed over, and the connection stays.
        let client = try served.client()
        try client.send("POST", "/store/k", body: bodyBytes(1000))
        #expect(try client.answer().status == 409)
        try client.send("GET", "/store/k")
        #expect(try client.answer().body == [1])
    }

    @Test(
        "who waits for it is told to go on, once, and then answered",
        arguments: [1, 131_073, 1_500_000])
    func goesOn(byteCount: Int) throws {
        let client = try served.client()
        for framing in ["Content-Length: \(byteCount)", "Transfer-Encoding: chunked"] {
            let body = bodyBytes(byteCount, salt: framing.count)
            try client.send(
                "PUT /store/k HTTP/1.1\r\nHost: test\r\nExpect: 100-Continue\r\n\(framing)\r\n\r\n")
            #expect(try client.answer().status == 100)
            if framing.hasPrefix("C") {
                try client.send(body)
            } else {
                try client.send(
                    Array("\(String(byteCount, radix: 16))\r\n".utf8) + body
                        + Array("\r\n0\r\n\r\n".utf8))
            }
            #expect([201, 204].contains(try client.answer().status))
            try client.send("GET", "/store/k")
            expectSame(try client.answer().body, body)
        }
    }

    @Test("a body of a read or a delete is passed over, and the next request is read behind it")
    func strayBodies() throws {
        let client = try served.client()
        try served.put("k", [1])
        for (method, status) in [("GET", 200), ("HEAD", 200), ("OPTIONS", 204), ("PATCH", 405)] {
            try client.send(
                method, "/store/k", body: Array("DELETE /store/k HTTP/1.1\r\n\r\n".utf8))
            #expect(try client.answer(hasBody: method != "HEAD").status == status)
        }
        try client.send("DELETE", "/store/k", body: Array("GET /store/k HTTP/1.1\r\n\r\n".utf8))
        #expect(try client.answer().status == 204)
        try client.send("PUT", "/store/k")
        #expect(try client.answer().status == 201)
        #expect(try served.stored("k") == [])
    }
}
