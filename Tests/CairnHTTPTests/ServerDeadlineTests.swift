// Who is waited for how long, and what waiting costs, over real sockets.
//
// Time passes while a client that is too slow waits for its 408: nobody sleeps.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Glibc
import Synchronization
import Testing

private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

extension TestServer {
    /// Returns when somebody was too slow over a body.
    fileprivate func passGrace() throws {
        let client = try client()
        try client.send(put("/collect", 9) + "a")
        guard try client.answer().status == 408 else { throw ClientFailure.malformed("no 408") }
    }

    /// Returns when somebody was too slow over a head.
    fileprivate func passHeadDuration() throws {
        let client = try client()
        try client.send("GET / HT")
        guard try client.answer().status == 408 else { throw ClientFailure.malformed("no 408") }
    }
}

@Suite("HTTP server: deadlines") struct ServerDeadlineTests {
    private func server(_ change: (inout ServerLimits) -> Void = { _ in }) throws -> TestServer {
        var limits = ServerLimits()
        limits.graceDuration = .milliseconds(50)
        change(&limits)
        return try TestServer(limits, loopCount: 1)
    }

    @Test("the time for a head begins with its first byte") func headTime() throws {
        let server = try server { $0.headDuration = .seconds(1) }
        defer { server.stop() }
        let (fresh, used) = (try server.client(), try server.client())
        try used.send(hello)
        #expect(try used.answer().status == 200)
        try server.passHeadDuration()
        for client in [fresh, used] { try client.send("GET /hello HT") }
        try server.passGrace()
        for client in [fresh, used] {
            try client.send("TP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.answer().status == 200)
        }
    }

    @Test("a streamed body that comes too slowly is abandoned, one that nobody wants ends")
    func slowBodies() throws {
        let server = try server()
        defer { server.stop() }
        let (streaming, unread) = (try server.client(), try server.client())
        try streaming.send(put("/stream", 9) + "a")
        try unread.send(put("/unread", 9) + "a")
        #expect(try unread.answer().status == 404)
        #expect(try streaming.isEnded() && unread.isEnded())
        server.wait { server.handler.abandonedCount.load(ordering: .relaxed) == 1 }
    }

    @Test("nobody is hurried who waits for the server") func unhurried() throws {
        let server = try server {
            // Not less: between its connection and its request a client may wait for a processor.
            $0.headDuration = .milliseconds(400)
            $0.idleDuration = .milliseconds(400)
        }
        defer { server.stop() }
        let clients = try ["/later", "/slow", "/idle"].map { path in
            let client = try server.client()
            try client.send(path == "/slow" ? put(path, 3) + "abc" : get(path))
            return (client, server.takePending())
        }
        try server.passGrace()
        for _ in 0..<2 { try server.passHeadDuration() }
        server.answer(clients[0].1, 202)
        for (_, exchange) in clients[1...] { exchange.resume() }
        #expect(try clients[0].0.answer().status == 202)
        #expect(try clients[1].0.answer().status == 200)
        #expect(try clients[2].0.answer().body.count == 100_000)
    }

    @Test("who does not take the end is not waited for") func lingers() throws {
        let server = try server { $0.lingerDuration = .milliseconds(50) }
        defer { server.stop() }
        let client = try server.client()
        try client.send("GET / HTTP/1.1\n")
        #expect(try client.answer().status == 400)
        server.wait { server.server.connectionCount == 0 }
        #expect(try client.isEnded())
    }

    @Test("room for a body is given back however the body ends") func roomIsGivenBack() throws {
        var limits = ServerLimits()
        limits.collectByteCountMaximumOfAll = 1000
        limits.graceDuration = .milliseconds(50)
        limits.lingerDuration = .seconds(60)
        let server = try TestServer(limits, collecting: 1000, loopCount: 1)
        defer { server.stop() }
        do {
            let client = try server.client()
            try client.send(put("/collect", 600) + "a")
            server.wait { server.handler.openedCount.load(ordering: .relaxed) == 1 }
        }
        server.wait { server.server.connectionCount == 0 }
        let refused = [
            (putChunked("/collect") + "3e9\r\n" + String(repeating: "a", count: 1001), 413),
            (putChunked("/collect") + "3\r\nabcd", 400), (put("/collect", 600) + "a", 408),
        ]
        var lingering: [TestClient] = []
        for (text, status) in refused {
            let client = try server.client()
            try client.send(text)
            #expect(try client.answer().status == status)
            lingering.append(client)
        }
        let client = try server.client()
        try client.send(put("/collect", 1000) + String(repeating: "a", count: 1000))
        #expect(try client.answer().status == 201)
        lingering.removeAll()
    }

    @Test("bytes and ends that nobody reads yet cost no time") func noSpinning() async {
        await #expect(processExitsWith: .success) { try waitIdly() }
    }
}

/// Connections of every kind that wait for the server, with bytes and an end behind them.
private func waitIdly() throws {
    var limits = ServerLimits()
    limits.headDuration = .seconds(1)
    let server = try TestServer(limits, loopCount: 1)
    let clients = try ["/later", "/slow", "/idle"].flatMap { path in
        try [false, true].map { endsSending in
            let client = try server.client()
            try client.send(path == "/slow" ? put(path, 100_000) + "abc" : get(path))
            _ = server.takePending()
            try client.send([UInt8](repeating: 0x61, count: 50_000))
            if endsSending { try client.endSending() }
            return client
        }
    }
    let started = clock()
    try server.passHeadDuration()
    // Of more than a second.
    precondition(clock() - started < CLOCKS_PER_SEC / 4, "a server that waits does nothing")
    server.server.stop(within: .zero)
    _ = clients.count
}
