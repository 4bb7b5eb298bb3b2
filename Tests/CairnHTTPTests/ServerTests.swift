// What a client gets, over real sockets: answers in order, bodies both ways, refusals, ends.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

private func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

@Suite("HTTP server: answers") struct ServerAnswerTests {
    @Test("a request is answered, with a date, and the connection stays") func answers() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        for _ in 0..<3 {
            try client.send(get("/hello%20you"))
            let answer = try client.answer()
            #expect(answer.status == 200 && answer.text == "hello" && !answer.closes)
            #expect(answer.field("X-Path") == "/hello%20you")
            #expect(answer.field("Date")?.count == 29)
        }
    }

    @Test("pipelined requests are answered in order, however many") func pipelined() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        let count = 5000
        try client.send((0..<count).map { get("/\($0)") }.joined())
        for number in 0..<count {
            #expect(try client.answer().field("X-Path") == "/\(number)")
        }
    }

    @Test("an answer that comes later keeps those behind it waiting") func pendingInOrder() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(get("/later") + get("/hello"))
        let exchange = server.takePending()
        #expect(server.handler.openedCount.load(ordering: .relaxed) == 1)
        server.server.answer(exchange) { responder in
            responder.begin(202)
            responder.end()
        }
        #expect(try client.answer().status == 202)
        #expect(try client.answer().text == "hello")
    }

    @Test("a late answer to a client that has gone finds nobody") func lateAnswer() throws {
        let server = try TestServer(loopCount: 1)
        defer { server.stop() }
        let exchange: Exchange
        do {
            let client = try server.client()
            try client.send(get("/later"))
            exchange = server.takePending()
            try client.failAtEnd()
        }
        server.wait { server.server.connectionCount == 0 }
        let other = try server.client()
        try other.send(get("/later"))
        let second = server.takePending()
        for late in [exchange, second] {
            server.server.answer(late) { responder in
                responder.begin(late == exchange ? 500 : 202)
                responder.end()
            }
        }
        #expect(try other.answer().status == 202)
    }

    @Test("HEAD is answered as GET, without the body") func head() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        try client.send("HEAD /large/1000 HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello"))
        #expect(try client.answer(hasBody: false).field("Content-Length") == "5")
        #expect(try client.answer(hasBody: false).field("Content-Length") == "1000")
        #expect(try client.answer().text == "hello")
    }

    @Test("204 says no length") func noContent() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(get("/empty"))
        let answer = try client.answer()
        #expect(answer.status == 204 && answer.field("Content-Length") == nil)
    }

    @Test(
        "who asks for the end gets it, with the answer",
        arguments: [
            "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "GET /hello HTTP/1.0\r\n\r\n",
        ])
    func closes(_ text: String) throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(text)
        let answer = try client.answer()
        #expect(answer.closes && answer.text == "hello")
        #expect(try client.isEnded())
    }

    @Test("HTTP/1.0 stays when it asks to") func oldVersionStays() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        for _ in 0..<2 {
            try client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try client.answer().field("Connection") == "keep-alive")
        }
    }

    @Test("a client that sends no more still gets its answers") func halfClosed() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(get("/later"))
        let exchange = server.takePending()
        try client.endSending()
        server.server.answer(exchange) { responder in
            responder.begin(202)
            responder.end()
        }
        #expect(try client.answer().status == 202)
        #expect(try client.isEnded())
    }
}

@Suite("HTTP server: bodies") struct ServerBodyTests {
    private static let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 7) }

    private func put(_ path: String, _ count: Int, _ fields: String = "") -> String {
        "PUT \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\(fields)\r\n"
    }

    private func chunked(_ path: String, _ bytes: [UInt8], by size: Int) -> [UInt8] {
        var text = Array(
            "PUT \(path) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = bytes[start..<min(start + size, bytes.count)]
            text += Array(String(piece.count, radix: 16).utf8) + Array("\r\n".utf8) + piece
            text += Array("\r\n".utf8)
        }
        return text + Array("0\r\n\r\n".utf8)
    }

    @Test("a body is collected, whatever its length", arguments: [0, 1, 4096, 65_536, 300_000])
    func collects(_ count: Int) throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        let bytes = Array(Self.bytes.prefix(count))
        for _ in 0..<2 {
            try client.send(Array(put("/collect", count).utf8) + bytes)
            #expect(try client.answer().body == bytes)
            try client.send(chunked("/collect", bytes, by: 1000))
            let answer = try client.answer()
            #expect(answer.body == bytes && answer.field("X-Path") == "/collect")
        }
    }

    @Test("requests and bodies may come byte by byte") func byteByByte() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        let text =
            Array(put("/collect", 3).utf8) + Array("abc".utf8)
            + chunked("/collect", Array("defgh".utf8), by: 2) + Array(get("/hello").utf8)
        for byte in text { try client.send([byte]) }
        #expect(try client.answer().text == "abc")
        #expect(try client.answer().text == "defgh")
        #expect(try client.answer().text == "hello")
    }

    @Test(
        "a body streams through, with a length or in chunks, paused or not",
        arguments: ["/stream", "/slow"])
    func streams(_ path: String) throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        let sum = Self.bytes.reduce(UInt64(0)) { $0 + UInt64($1) }
        for text in [
            Array(put(path, Self.bytes.count).utf8) + Self.bytes,
            chunked(path, Self.bytes, by: 70_000),
        ] {
            try client.send(text + Array(get("/later").utf8))
            if path == "/slow" { server.server.resume(server.takePending()) }
            #expect(try client.answer().text == "\(Self.bytes.count) \(sum)")
            server.server.answer(server.takePending()) { responder in
                responder.begin(202)
                responder.end()
            }
            #expect(try client.answer().status == 202)
        }
    }

    @Test("who waits for it is told to go on, before the body only") func continues() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        for path in ["/collect", "/stream"] {
            try client.send(put(path, 3, "Expect: 100-continue\r\n"))
            #expect(try client.answer().status == 100)
            try client.send("abc")
            #expect(try client.answer().status == (path == "/collect" ? 201 : 200))
        }
        try client.send(put("/collect", 3, "Expect: 100-continue\r\n") + "abc")
        #expect(try client.answer().status == 201)
    }

    @Test("a refusal comes before the body, and instead of a 100") func refusedBeforeBody() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(put("/unread", 3, "Expect: 100-continue\r\n"))
        let answer = try client.answer()
        #expect(answer.status == 404 && answer.closes)
        #expect(try client.isEnded())
    }

    @Test("a short body that nobody wants is passed over, a long one ends the connection")
    func unread() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(put("/unread", 3) + "abc" + get("/hello"))
        #expect(try client.answer().status == 404)
        #expect(try client.answer().text == "hello")
        try client.send(put("/unread", 1 << 20))
        #expect(try client.answer().closes)
        let chunks = try server.client()
        try chunks.send(chunked("/unread", Array("abc".utf8), by: 3))
        #expect(try chunks.answer().closes)
    }

    @Test("a body that is cut short is abandoned", arguments: ["/stream", "/collect"])
    func cutShort(_ path: String) throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(put(path, 10) + "abc")
        server.wait { server.handler.openedCount.load(ordering: .relaxed) == 1 }
        try client.endSending()
        #expect(try client.isEnded())
        server.wait { server.server.connectionCount == 0 }
        let expected = path == "/stream" ? 1 : 0
        #expect(server.handler.abandonedCount.load(ordering: .relaxed) == expected)
    }

    @Test("a body beyond what may be collected is refused, in chunks too") func tooLong() throws {
        var limits = ServerLimits()
        limits.collectByteCountMaximum = 1000
        let server = try TestServer(limits)
        defer { server.stop() }
        let bytes = Array(Self.bytes.prefix(1001))
        for text in [Array(put("/collect", 1001).utf8), chunked("/collect", bytes, by: 10)] {
            let client = try server.client()
            try client.send(text)
            #expect(try client.answer().status == 413)
        }
        let client = try server.client()
        try client.send(chunked("/collect", Array(bytes.prefix(1000)), by: 10))
        #expect(try client.answer().status == 201)
    }

    @Test("bodies beyond what may be collected together are refused until there is room")
    func tooBusy() throws {
        var limits = ServerLimits()
        limits.collectByteCountMaximumOfAll = 1000
        let server = try TestServer(limits)
        defer { server.stop() }
        let first = try server.client()
        try first.send(put("/collect", 600) + "a")
        server.wait { server.handler.openedCount.load(ordering: .relaxed) == 1 }
        let second = try server.client()
        try second.send(put("/collect", 600))
        #expect(try second.answer().status == 503)
        try first.send(String(repeating: "a", count: 599))
        #expect(try first.answer().status == 201)
        let third = try server.client()
        try third.send(put("/collect", 600) + String(repeating: "a", count: 600))
        #expect(try third.answer().status == 201)
    }

    @Test("a long answer is made as it is taken, beside others") func producesLong() throws {
        let server = try TestServer(loopCount: 1)
        defer { server.stop() }
        let slow = try TestClient(to: server.port, receiveBufferByteCount: 4096)
        let count = 8 << 20
        try slow.send(get("/large/\(count)") + get("/hello"))
        let quick = try server.client()
        try quick.send(get("/hello"))
        #expect(try quick.answer().text == "hello")
        let body = try slow.answer().body
        #expect(body == (0..<count).map { UInt8(truncatingIfNeeded: $0) })
        #expect(try slow.answer().text == "hello")
    }

    @Test("a source that has nothing for now is asked again when it has") func idleSource() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(get("/idle"))
        server.server.resume(server.takePending())
        #expect(try client.answer().body.count == 100_000)
    }

    @Test("a source is told that the client has gone") func abandonedSource() throws {
        let server = try TestServer()
        defer { server.stop() }
        do {
            let client = try server.client()
            try client.send(get("/large/100000000"))
            _ = try client.answer(hasBody: false)
            _ = consume client
        }
        server.wait { server.server.connectionCount == 0 }
        #expect(server.handler.abandonedCount.load(ordering: .relaxed) == 1)
    }
}

@Suite("HTTP server: refusals and ends") struct ServerEndTests {
    @Test(
        "what is malformed is answered by its reason and ends the connection; the next one works",
        arguments: RefusedSample.all)
    func refuses(_ sample: RefusedSample) throws {
        let server = try TestServer(loopCount: 1)
        defer { server.stop() }
        for splits in [false, true] {
            let client = try server.client()
            let bytes = Array(sample.text.utf8)
            // What is behind the fault may find the connection ended.
            if splits, bytes.count < 400 {
                for byte in bytes { try? client.send([byte]) }
            } else {
                try? client.send(bytes)
            }
            let answer = try client.answer()
            #expect(answer.status == sample.refusal.status)
            #expect(answer.text == "\(sample.refusal.reason)" && answer.closes)
            #expect(try client.isEnded())
        }
        let next = try server.client()
        try next.send(get("/hello"))
        #expect(try next.answer().text == "hello")
    }

    @Test("answers before a malformed request are sent") func answersBefore() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(get("/hello") + "GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        #expect(try client.answer().text == "hello")
        #expect(try client.answer().status == 400)
    }

    @Test("a malformed chunk is answered and the receiver told") func malformedChunk() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.client()
        try client.send(
            "PUT /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd")
        #expect(try client.answer().status == 400)
        #expect(try client.isEnded())
        #expect(server.handler.abandonedCount.load(ordering: .relaxed) == 1)
    }

    @Test("who takes too long over a head, or a body, is told so; who is idle is not")
    func slowness() throws {
        var limits = ServerLimits()
        limits.headDuration = .milliseconds(100)
        limits.idleDuration = .milliseconds(100)
        limits.graceDuration = .milliseconds(1100)
        let server = try TestServer(limits)
        defer { server.stop() }
        let idle = try server.client()
        #expect(try idle.isEnded())
        let head = try server.client()
        try head.send("GET / HT")
        #expect(try head.answer().status == 408)
        let body = try server.client()
        try body.send("PUT /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na")
        #expect(try body.answer().status == 408)
        let taker = try TestClient(to: server.port, receiveBufferByteCount: 4096)
        try taker.send(get("/large/100000000"))
        server.wait { server.handler.abandonedCount.load(ordering: .relaxed) == 1 }
    }

    @Test("beyond its connections a server accepts nobody, until one ends") func connectionLimit()
        throws
    {
        var limits = ServerLimits()
        limits.connectionCountMaximum = 2
        let server = try TestServer(limits)
        defer { server.stop() }
        var first: TestClient? = try server.client()
        try first?.send(get("/hello"))
        #expect(try first?.answer().status == 200)
        let second = try server.client()
        try second.send(get("/hello"))
        #expect(try second.answer().status == 200)
        let third = try server.client()
        try third.send(get("/hello"))
        #expect(server.server.connectionCount <= 2)
        #expect(server.handler.openedCount.load(ordering: .relaxed) == 2)
        first = nil
        #expect(try third.answer().status == 200)
    }

    @Test("stopping lets what is under way end, and ends who is idle") func stops() throws {
        let server = try TestServer()
        let idle = try server.client()
        try idle.send(get("/hello"))
        #expect(try idle.answer().status == 200)
        let busy = try server.client()
        try busy.send(get("/later"))
        let exchange = server.takePending()
        let stopping = try ServiceThread.start(name: "test-stop") {
            server.server.stop(within: .seconds(20))
        }
        #expect(try idle.isEnded())
        server.server.answer(exchange) { responder in
            responder.begin(202)
            responder.end()
        }
        let answer = try busy.answer()
        #expect(answer.status == 202 && answer.closes)
        #expect(try busy.isEnded())
        stopping.join()
        #expect(throws: ClientFailure.self) { _ = try server.client() }
    }

    @Test("stopping ends what does not end by itself") func stopsByForce() throws {
        let server = try TestServer()
        let busy = try server.client()
        try busy.send(get("/later"))
        _ = server.takePending()
        server.server.stop(within: .milliseconds(50))
        #expect(try busy.isEnded())
    }

    @Test("no bytes make a server fail") func fuzz() throws {
        var random = TestRandom.reported("no bytes make a server fail")
        let server = try TestServer(loopCount: 1)
        defer { server.stop() }
        let texts =
            RefusedSample.all.map(\.text).filter { $0.utf8.count < 400 } + [
                get("/hello"), "PUT /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
                "PUT /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            ]
        for _ in 0..<300 {
            var bytes: [UInt8] = []
            for _ in 0...random.below(4) { bytes += Array(texts[random.below(texts.count)].utf8) }
            if random.below(2) == 0 { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            let client = try server.client()
            try? client.send(bytes)
            try? client.endSending()
            while (try? client.answer()) != nil {}
        }
        let client = try server.client()
        try client.send(get("/hello"))
        #expect(try client.answer().text == "hello")
    }
}
