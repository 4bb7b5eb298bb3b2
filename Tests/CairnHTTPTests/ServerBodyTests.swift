// Bodies both ways, over real sockets: collected, streamed, passed over, made as they are taken.

import CairnHTTP
import CairnTestSupport
import Synchronization
import Testing

@Suite("HTTP server: bodies") struct ServerBodyTests {
    private static let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 7) }

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
            if path == "/slow" { server.takePending().resume() }
            #expect(try client.answer().text == "\(Self.bytes.count) \(sum)")
            server.answer(server.takePending(), 202)
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
        server.takePending().resume()
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
