// How connections end, over real sockets: refusals, slowness, limits, and a server that stops.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

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
        var idleLimits = ServerLimits()
        idleLimits.idleDuration = .milliseconds(100)
        let impatient = try TestServer(idleLimits)
        defer { impatient.stop() }
        let idle = try impatient.client()
        #expect(try idle.isEnded())
        var limits = ServerLimits()
        limits.headDuration = .milliseconds(100)
        limits.graceDuration = .milliseconds(1100)
        let server = try TestServer(limits)
        defer { server.stop() }
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

    @Test("connections are shared by all loops, whichever accepts them, and stay when others end")
    func sharedConnections() throws {
        let server = try TestServer(loopCount: 4)
        defer { server.stop() }
        var clients: [TestClient] = []
        for number in 0..<60 {
            let client = try server.client()
            try client.send(get("/hello"))
            #expect(try client.answer().status == 200)
            clients.append(client)
            let counts = server.server.connectionCounts
            #expect(counts.reduce(0, +) == number + 1)
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 5, "\(counts)")
        }
        clients.removeSubrange(0..<50)
        server.wait { server.server.connectionCounts.reduce(0, +) == 10 }
        for client in clients {
            try client.send(get("/hello"))
            #expect(try client.answer().status == 200)
        }
        clients.removeAll()
        server.wait { server.server.connectionCounts == [0, 0, 0, 0] }
    }

    @Test("who connects while the server stops is served or refused, and nobody is forgotten")
    func connectingAtTheEnd() throws {
        for _ in 0..<20 {
            let server = try TestServer(loopCount: 4)
            let clients = try (0..<20).map { _ in try server.client() }
            server.stop()
            #expect(server.server.connectionCount == 0)
            #expect(server.server.connectionCounts == [0, 0, 0, 0])
            for client in clients { #expect(try client.isEnded()) }
        }
    }

    @Test("stopping lets what is under way end, and ends who is idle") func stops() throws {
        // One loop, so that who is idle is ended by the one that answers.
        let server = try TestServer(loopCount: 1)
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
        server.answer(exchange, 202)
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
