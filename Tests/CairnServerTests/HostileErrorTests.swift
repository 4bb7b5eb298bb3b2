// Refusals and failures: each says what it is in one form, and damage never looks like bytes.

import Cairn
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Hostile errors")
struct HostileErrorTests {
    private let served: ServedStore

    init() throws { served = try ServedStore.prompt() }

    private static let odd = [
        "%01%02", "%22%5C%0A", "%3Cscript%3E", "%C3%A9%E2%80%A8", "a%7Fb", "%F0%9F%98%80",
        "nul%25%30",
    ]

    @Test("a refusal is one line of JSON of one form, whatever the key", arguments: odd)
    func oddKeys(target: String) throws {
        expectProblem(try served.request("GET", "/store/\(target)"), 404, "not-found")
        expectProblem(try served.request("DELETE", "/store/\(target)"), 404, "not-found")
        expectProblem(
            try served.request("PUT", "/store/\(target)", ["If-Match: *"], body: [1]), 412,
            "condition-failed")
        try served.put(target, [1])
        expectProblem(
            try served.request("POST", "/store/\(target)", body: [1]), 409, "exists")
        expectProblem(
            try served.request("GET", "/store/\(target)", ["Range: bytes=5-"]), 416,
            "range-not-satisfiable")
        expectProblem(
            try served.request("PATCH", "/store/\(target)"), 405, "method-not-allowed")
        expectProblem(try served.request("GET", "/\(target)"), 404, "no-such-resource")
    }

    private static let malformed: [(head: String, status: Int)] = [
        ("FOO /store/k HTTP/1.1\r\nHost: t\r\n\r\n", 501),
        ("get /store/k HTTP/1.1\r\nHost: t\r\n\r\n", 501),
        ("GET /store/k HTTP/2.0\r\nHost: t\r\n\r\n", 505), ("GET /store/k HTTP/1.1\r\n\r\n", 400),
        ("GET /store/k HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n", 400),
        ("GET /store/k\u{1} HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        ("GET  /store/k HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        ("GET /store/k#x HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        ("GET /store/k HTTP/1.1\r\nHost: t\r\n x\r\n\r\n", 400),
        ("GET /store/k HTTP/1.1\nHost: t\n\n", 400),
        ("GET store/k HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        ("PUT /store/k HTTP/1.1\r\nHost: t\r\nExpect: cake\r\nContent-Length: 1\r\n\r\n", 417),
        ("PUT /store/k HTTP/1.1\r\nHost: t\r\nContent-Length: 1, 1\r\n\r\n", 400),
        ("PUT /store/k HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (
            "PUT /store/k HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400
        ),
        ("PUT /store/k HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400),
        ("PUT /store/k HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (
            "PUT /store/k HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            413
        ),
        ("GET /store/\(String(repeating: "k", count: 9000)) HTTP/1.1\r\nHost: t\r\n\r\n", 414),
        (
            "GET /store/k HTTP/1.1\r\nHost: t\r\nX: \(String(repeating: "x", count: 17_000))\r\n\r\n",
            431
        ),
        (
            "GET /store/k HTTP/1.1\r\nHost: t\r\n\(String(repeating: "X: y\r\n", count: 64))\r\n",
            431
        ),
    ]

    @Test("what is refused before its key is known has the same form, and ends the connection")
    func beforeTheKey() throws {
        for (head, status) in Self.malformed {
            let answer = try served.answer(to: Array(head.utf8))
            expectProblem(answer, status, nil, String(head.prefix(60)))
            #expect(answer.closes, "\(head.prefix(60))")
        }
        #expect(served.store.statistics().keyCount == 0)
    }

    @Test("a refusal of HEAD has the head of one of GET, and no body")
    func head() throws {
        let client = try served.client()
        for (target, fields, status) in [
            ("/store/k", [], 404), ("/store/%FF", [], 400), ("/store/k", ["If-Match: x"], 400),
            ("/nowhere", [], 404),
        ] {
            try client.send("HEAD", target, fields)
            let head = try client.answer(hasBody: false)
            try client.send("GET", target, fields)
            let get = try client.answer()
            #expect(head.status == status && get.status == status)
            #expect(head.field("Content-Type") == "application/problem+json")
            #expect(head.field("Content-Length") == get.field("Content-Length"))
            expectProblem(get, status)
        }
    }

    @Test("each refusal has a number of its own")
    func numbers() throws {
        var numbers: Set<String> = []
        for _ in 0..<20 {
            let problem = expectProblem(try served.request("GET", "/store/k"), 404)
            #expect(numbers.insert(try #require(problem?.texts["requestId"])).inserted)
        }
    }

    @Test("what a blob does not know is 405, what it knows is said, and nothing is done")
    func methods() throws {
        try served.put("k", [1])
        for key in ["k", "none"] {
            let options = try served.request("OPTIONS", "/store/\(key)")
            #expect(options.status == 204 && options.body.isEmpty)
            let allowed = try #require(options.field("Allow"))
            #expect(
                Set(allowed.split(separator: ", ")) == [
                    "GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS",
                ])
            for method in ["PATCH", "TRACE"] {
                let answer = try served.request(method, "/store/\(key)")
                expectProblem(answer, 405, "method-not-allowed")
                #expect(answer.field("Allow") == allowed)
            }
        }
        #expect(try served.stored("k") == [1])
        #expect(served.store.statistics().keyCount == 1)
    }

    @Test("405 says what is allowed, also to those who take this for a proxy")
    func connect() throws {
        let answer = try served.answer(
            to: Array("CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n".utf8))
        expectProblem(answer, 405)
        #expect(answer.fields.contains { $0.hasPrefix("Allow:") })
    }

    @Test("a store that takes no writes says when to try again, and reads")
    func readOnly() throws {
        try served.put("k", [1, 2])
        try served.store.flush()
        let location = served.store.engine.storage.location
        let store = try Store.open(at: location, options: StoreOptions(access: .readOnly))
        do {
            let side = try SideServer(store)
            for (method, key, body) in [
                ("PUT", "k", [3]), ("PUT", "k", bodyBytes(200_000)),
                ("PUT", "k", bodyBytes(1_200_000)),
                ("POST", "new", [3]), ("DELETE", "k", []),
            ] {
                let answer = try side.request(method, "/store/\(key)", body: body)
                expectProblem(answer, 503, "read-only", method)
                #expect(answer.field("Retry-After").flatMap { Int($0) } ?? 0 > 0)
                #expect(!answer.text.contains(location))
            }
            #expect(try side.request("GET", "/store/k").body == [1, 2])
            #expect(try side.request("HEAD", "/store/k").status == 200)
            expectProblem(try side.request("GET", "/store/none"), 404)
        }
        try store.close()
        #expect(try served.stored("k") == [1, 2])
    }
}

@Suite("Damage over HTTP")
struct HostileDamageTests {
    private let served: ServedStore

    init() throws { served = try ServedStore.prompt() }

    /// A body, and bytes that stand in it at a place and nowhere else.
    private func marked(_ byteCount: Int, at place: Int) -> (body: [UInt8], marker: [UInt8]) {
        var random = TestRandom(seed: UInt64(byteCount))
        let marker = random.bytes(16)
        var body = bodyBytes(byteCount)
        body.replaceSubrange(place..<place + marker.count, with: marker)
        return (body, marker)
    }

    @Test(
        "a damaged small blob is 500 and says so, and the one beside it reads",
        arguments: [40, 3000, 60_000])
    func small(byteCount: Int) throws {
        let (body, marker) = marked(byteCount, at: byteCount / 2)
        try served.put("before", bodyBytes(500, salt: 1))
        try served.put("k", body)
        try served.put("behind", bodyBytes(500, salt: 2))
        try served.rot(marker)
        for fields in [[], ["Range: bytes=0-1"], ["If-Match: *"]] {
            let answer = try served.request("GET", "/store/k", fields)
            let problem = try #require(expectProblem(answer, 500, "damaged", "\(fields)"))
            let number = try #require(problem.texts["requestId"])
            #expect(try served.reported.contains { $0.contains(number) })
            #expect(!answer.text.contains(served.store.engine.storage.location))
        }
        #expect(try served.request("HEAD", "/store/k").status == 500)
        expectSame(try served.request("GET", "/store/before").body, bodyBytes(500, salt: 1))
        expectSame(try served.request("GET", "/store/behind").body, bodyBytes(500, salt: 2))
        // Whoever writes anew heals it.
        try served.put("k", [1])
        #expect(try served.request("GET", "/store/k").body == [1])
    }

    @Test(
        "a large blob whose first bytes are damaged is 500 and says so",
        arguments: [false, true])
    func firstPiece(isCold: Bool) throws {
        let (body, marker) = marked(700_000, at: 1000)
        try served.put("k", body)
        try served.rot(marker)
        let client = try served.client()
        for fields in [[], ["Range: bytes=2000-400000"], ["Connection: close"]] {
            if isCold, ColdStore.isPossible { try served.makeCold("k") }
            try client.send("GET", "/store/k", fields)
            let answer = try client.answer()
            let problem = try #require(expectProblem(answer, 500, "damaged", "\(fields)"))
            let number = try #require(problem.texts["requestId"])
            #expect(try served.reported.contains { $0.contains(number) })
            for name in ["ETag", "Accept-Ranges", "Content-Range"] {
                #expect(answer.field(name) == nil)
            }
        }
        #expect(try client.isEnded())
        expectSame(
            try served.request("GET", "/store/k", ["Range: bytes=-1000"]).body, body.suffix(1000))
    }

    @Test(
        "a damaged large blob ends early behind true bytes",
        arguments: [200_000, 1_000_000, 2_500_000])
    func large(byteCount: Int) throws {
        let place = byteCount * 4 / 5
        let (body, marker) = marked(byteCount, at: place)
        try served.put("k", body)
        try served.put("other", bodyBytes(byteCount, salt: 3))
        try served.rot(marker)
        for first in [0, place - 100_000] {
            let client = try served.client()
            try client.send("GET", "/store/k", ["Range: bytes=\(first)-"])
            do {
                let answer = try client.answer()
                // It is known before anything was sent, or it cannot be whole.
                expectProblem(answer, 500, "damaged", "\(byteCount)")
            } catch ClientFailure.ended(let received) {
                #expect(received.count <= place + 16 - first)
                expectSame(received, body[first..<first + received.count], "\(byteCount)")
            }
        }
        let reported = try served.reported
        #expect(!reported.isEmpty)
        let part = try served.request("GET", "/store/k", ["Range: bytes=0-49999"])
        #expect(part.status == 206)
        expectSame(part.body, body[..<50_000])
        #expect(try served.request("HEAD", "/store/k").status == 200)
        expectSame(
            try served.request("GET", "/store/other").body, bodyBytes(byteCount, salt: 3))
        #expect(try served.request("DELETE", "/store/k").status == 204)
    }
}
