// What a server bears over TLS, over real sockets: clients that stall, vanish, speak something else, or send
// records in pieces, in heaps, or without anything in them.

import CairnCrypto
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Glibc
import Synchronization
import Testing

@Suite("HTTP server: handshakes that go wrong") struct ServerTLSHandshakeTests {
    private func server(_ change: (inout ServerLimits) -> Void = { _ in }) throws -> TestServer {
        var limits = ServerLimits()
        change(&limits)
        return try TestServer(limits, for: serverCertificate)
    }

    /// A client that has shaken hands. Where that has a fraction of a second, one that waits for a processor may
    /// miss it, and another tries.
    private func handshaken(
        with server: TestServer, versionMaximum: Int32 = TLSClient.newest
    ) throws -> TestClient {
        for _ in 0..<20 {
            do {
                return try server.client(
                    trusting: serverCertificate, versionMaximum: versionMaximum)
            } catch is ClientFailure {
                continue
            }
        }
        return try server.client(trusting: serverCertificate, versionMaximum: versionMaximum)
    }

    private func expectService(_ server: TestServer) throws {
        let client = try handshaken(with: server)
        try client.send(get("/hello"))
        #expect(try client.answer().text == "hello")
    }

    /// The first bytes of a handshake, as a client sends them.
    private func hello() throws -> [UInt8] {
        let tls = try TLSClient(trusting: serverCertificate.certificate)
        _ = try tls.shakeHands()
        return tls.take()
    }

    @Test("a handshake has the time of a head, wherever it stalls") func stalls() throws {
        let server = try server { $0.headDuration = .milliseconds(200) }
        defer { server.stop() }
        let hello = try hello()
        for count in [0, 1, 5, 100, hello.count] {
            let client = try TestClient(to: server.port)
            try client.sendRaw(Array(hello.prefix(count)))
            if count == hello.count { #expect(try client.receiveRaw().count > 0) }
            #expect(try client.isEnded())
        }
        try expectService(server)
        #expect(server.handler.openedCount.load(ordering: .relaxed) == 1)
    }

    @Test(
        "a handshake that comes byte by byte is one, and so are requests",
        arguments: ServerTLSTests.versions)
    func byteByByte(_ version: Int32) throws {
        let server = try server()
        defer { server.stop() }
        let tls = try TLSClient(
            trusting: serverCertificate.certificate, versionMaximum: version)
        let client = try TestClient(to: server.port, tls: tls)
        try client.shakeHands(by: 1)
        for byte in Array(get("/hello").utf8) { try client.send([byte]) }
        #expect(try client.answer().text == "hello")
        try tls.write(Array(get("/hello").utf8))
        for byte in tls.take() { try client.sendRaw([byte]) }
        #expect(try client.answer().text == "hello")
    }

    @Test("a client that vanishes within a handshake leaves nothing", arguments: [false, true])
    func vanishes(_ fails: Bool) throws {
        let server = try server()
        defer { server.stop() }
        let hello = try hello()
        for count in [0, 1, 6, 200, hello.count] {
            let client = try TestClient(to: server.port)
            if fails { try client.failAtEnd() }
            try client.sendRaw(Array(hello.prefix(count)))
            if count == hello.count { #expect(try client.receiveRaw().count > 0) }
        }
        server.wait { server.server.connectionCount == 0 }
        try expectService(server)
    }

    @Test("a request without TLS is answered by the end") func plainRequest() throws {
        let server = try server()
        defer { server.stop() }
        for text in [get("/hello"), put("/collect", 100_000), "SSH-2.0-a\r\n"] {
            let client = try TestClient(to: server.port)
            try client.send(text)
            do {
                while case let bytes = try client.receiveRaw(), !bytes.isEmpty {
                    // At most an alert.
                    #expect(bytes[0] == 21 && bytes.count == 7)
                }
            } catch ClientFailure.call(_, ECONNRESET) {
                // An end, too.
            }
        }
        #expect(server.handler.openedCount.load(ordering: .relaxed) == 0)
        try expectService(server)
    }

    @Test("stopping ends a handshake that is under way") func stops() throws {
        let server = try server()
        let client = try TestClient(to: server.port)
        try client.sendRaw(try hello())
        #expect(try client.receiveRaw().count > 0)
        server.stop()
        #expect(server.server.connectionCount == 0)
        #expect(try client.isEnded())
    }

    @Test("no bytes make a server fail, in the handshake or behind it") func fuzz() throws {
        var random = TestRandom.reported("no bytes of TLS make a server fail")
        let server = try server { $0.headDuration = .milliseconds(300) }
        defer { server.stop() }
        let hello = try hello()
        for round in 0..<200 {
            var bytes = hello
            for _ in 0...random.below(3) {
                bytes[random.below(bytes.count)] = UInt8(random.below(256))
            }
            if random.coin() { bytes = Array(bytes.prefix(random.below(bytes.count))) }
            if round % 20 == 0 { bytes = random.bytes(3000) }
            let client = try TestClient(to: server.port)
            try? client.sendRaw(bytes)
            try? client.endSendingRaw()
            while (try? client.receiveRaw())?.isEmpty == false {}
        }
        for version in ServerTLSTests.versions {
            let client = try handshaken(with: server, versionMaximum: version)
            try client.tls?.write(Array(get("/hello").utf8))
            var bytes = client.tls?.take() ?? []
            bytes[random.below(bytes.count)] ^= UInt8(1 + random.below(255))
            try? client.sendRaw(bytes)
            try? client.endSendingRaw()
            #expect(throws: ClientFailure.self) { try client.answer() }
        }
        #expect(server.handler.openedCount.load(ordering: .relaxed) == 0)
        try expectService(server)
    }
}

@Suite("HTTP server: records that are hard to bear") struct ServerTLSRecordTests {
    @Test(
        "large answers wait for a client that takes them slowly, whole and in order",
        arguments: ServerTLSTests.versions)
    func backPressure(_ version: Int32) throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let tls = try TLSClient(
            trusting: serverCertificate.certificate, versionMaximum: version)
        let client = try TestClient(to: server.port, receiveBufferByteCount: 4096, tls: tls)
        try client.shakeHands()
        let count = 3 << 20
        try client.send(get("/large/\(count)") + get("/hello"))
        server.wait { server.handler.openedCount.load(ordering: .relaxed) == 1 }
        // Others are served meanwhile.
        let other = try server.client(trusting: serverCertificate, versionMaximum: version)
        try other.send(get("/hello"))
        #expect(try other.answer().status == 200)
        let body = try client.answer().body
        #expect(body.count == count)
        #expect(body.indices.allSatisfy { body[$0] == UInt8(truncatingIfNeeded: $0) })
        #expect(try client.answer().text == "hello")
    }

    /// Texts as records of their own, for one send.
    private func records(_ client: TestClient, _ texts: [String]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for text in texts {
            try client.tls?.write(Array(text.utf8))
            bytes += client.tls?.take() ?? []
        }
        return bytes
    }

    @Test(
        "what waits within TLS goes on when a receiver wants more", arguments: [10, 4000, 200_000])
    func pausedBody(_ count: Int) throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        for pieceByteCount in [1, 100, 20_000] where count / pieceByteCount <= 4000 {
            let client = try server.client(trusting: serverCertificate)
            let piece = String(repeating: "a", count: pieceByteCount)
            let pieces = stride(from: 0, to: count, by: pieceByteCount).map { start in
                String(piece.prefix(count - start))
            }
            // The receiver pauses behind its first bytes; the others have come with them.
            try client.sendRaw(try records(client, [put("/slow", count)] + pieces))
            server.takePending().resume()
            #expect(try client.answer().text == "\(count) \(count * 0x61)")
        }
    }

    @Test(
        "requests that wait within TLS go on when the one before is answered",
        arguments: [0, 1000, 8000])
    func pendingRequests(_ longByteCount: Int) throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let client = try server.client(trusting: serverCertificate)
        let long = "X-Long: \(String(repeating: "a", count: longByteCount))\r\n"
        let texts = (0..<30).map { get("/a/\($0)", long) }
        try client.sendRaw(try records(client, [get("/later")] + texts))
        server.answer(server.takePending(), 202)
        #expect(try client.answer().status == 202)
        for number in 0..<30 { #expect(try client.answer().field("X-Path") == "/a/\(number)") }
    }

    @Test("a record that comes byte by byte is not activity: who is idle stays so")
    func drippedRecord() throws {
        var limits = ServerLimits()
        limits.idleDuration = .milliseconds(500)
        let server = try TestServer(limits, for: serverCertificate)
        defer { server.stop() }
        let client = try server.client(trusting: serverCertificate)
        try client.tls?.write([UInt8](repeating: 0x61, count: 16_000))
        let bytes = client.tls?.take() ?? []
        // A pace, not a wait for anything: the whole record would take minutes.
        let pace = Parker()
        var sentCount = 0
        #expect(throws: ClientFailure.self) {
            for byte in bytes {
                try client.sendRaw([byte])
                sentCount += 1
                _ = pace.park(nanoseconds: 10_000_000)
            }
        }
        #expect(sentCount < 1500)
    }

    @Test("records without bytes do not keep others waiting, nor end a connection")
    func emptyRecords() throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let isAnswered = Atomic(false)
        let hasEnded = Atomic(false)
        let flooding = try ServiceThread.start(name: "test-flood") {
            defer { hasEnded.store(true, ordering: .releasing) }
            guard let client = try? server.client(trusting: serverCertificate),
                let tls = client.tls
            else { return }
            var bytes: [UInt8] = []
            for _ in 0..<20_000 where tls.updateKeys() { bytes += tls.take() }
            guard bytes.count > 400_000, (try? client.sendRaw(bytes)) != nil,
                (try? client.send(get("/flooded"))) != nil, let answer = try? client.answer()
            else { return }
            isAnswered.store(answer.field("X-Path") == "/flooded", ordering: .relaxed)
        }
        repeat {
            let client = try server.client(trusting: serverCertificate)
            try client.send(get("/hello"))
            #expect(try client.answer().text == "hello")
        } while !hasEnded.load(ordering: .acquiring)
        flooding.join()
        let isDone = isAnswered.load(ordering: .relaxed)
        #expect(isDone)
    }

    @Test("a connection over TLS that waits for the server costs no time") func noSpinning() async {
        await #expect(processExitsWith: .success) { try waitIdly() }
    }
}

/// Connections of every kind that wait for the server, with records behind what they wait for.
private func waitIdly() throws {
    var limits = ServerLimits()
    limits.headDuration = .seconds(1)
    let server = try TestServer(limits, for: serverCertificate)
    let clients = try ["/later", "/slow", "/idle"].flatMap { path in
        try [false, true].map { endsSending in
            let client = try server.client(trusting: serverCertificate)
            try client.send(path == "/slow" ? put(path, 100_000) + "abc" : get(path))
            _ = server.takePending()
            try client.send([UInt8](repeating: 0x61, count: 50_000))
            if endsSending { try client.endSending() }
            return client
        }
    }
    // One that waits within a record.
    let half = try server.client(trusting: serverCertificate)
    try half.tls?.write([UInt8](repeating: 0x61, count: 5000))
    try half.sendRaw(Array((half.tls?.take() ?? []).prefix(2000)))
    let slow = try server.client(trusting: serverCertificate)
    let started = clock()
    try slow.send("GET / HT")
    guard try slow.answer().status == 408 else { throw ClientFailure.malformed("no 408") }
    // Of more than a second.
    precondition(clock() - started < CLOCKS_PER_SEC / 4, "a server that waits does nothing")
    server.server.stop(within: .zero)
    _ = clients.count
}
