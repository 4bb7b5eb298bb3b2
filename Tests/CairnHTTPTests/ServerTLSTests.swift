// What a server does over TLS, over real sockets: requests, versions, identities, and how connections end.

import CairnCrypto
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Glibc
import Synchronization
import Testing

/// The certificate of most servers here, which stands for itself.
let serverCertificate = TestCertificate("server")

extension TestServer {
    /// One whose certificate is this.
    convenience init(
        _ limits: ServerLimits = ServerLimits(), loopCount: Int = 1,
        for certificate: TestCertificate
    ) throws {
        try self.init(limits, loopCount: loopCount, tls: try TLSIdentity(certificate))
    }

    /// A client that has shaken hands.
    func client(
        trusting certificate: TestCertificate, versionMaximum: Int32 = TLSClient.newest,
        protocols: String? = "\u{8}http/1.1", resuming earlier: TestClient? = nil
    ) throws -> TestClient {
        let tls = try TLSClient(
            trusting: certificate.certificate, versionMaximum: versionMaximum, protocols: protocols)
        if let earlier = earlier?.tls { tls.resume(earlier) }
        let client = try TestClient(to: port, tls: tls)
        try client.shakeHands()
        return client
    }
}

extension TLSIdentity {
    /// Of files that are gone behind this.
    convenience init(_ certificate: TestCertificate) throws {
        let files = try TestIdentityFiles(certificate)
        try self.init(certificatePath: files.certificatePath, keyPath: files.keyPath)
    }
}

@Suite("HTTP server: TLS") struct ServerTLSTests {
    static let versions = [TLSClient.older, TLSClient.newest]

    @Test("requests and answers of any length pass, in TLS 1.2 and 1.3", arguments: versions)
    func passes(_ version: Int32) throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let client = try server.client(trusting: serverCertificate, versionMaximum: version)
        #expect(client.tls?.version == version)
        #expect(client.tls?.chosenProtocol == "http/1.1")
        try client.send(get("/hello") + get("/empty"))
        #expect(try client.answer().text == "hello")
        #expect(try client.answer().status == 204)
        let body = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try client.send(Array(put("/collect", body.count).utf8) + body)
        #expect(try client.answer().body == body)
        try client.send(chunked("/stream", body, by: 5000))
        let sum = body.reduce(0) { $0 + Int($1) }
        #expect(try client.answer().text == "\(body.count) \(sum)")
        try client.send(get("/large/3000000"))
        #expect(try client.answer().body.count == 3_000_000)
        try client.send(get("/hello"))
        #expect(try client.answer().text == "hello")
    }

    @Test("many requests at once are answered in order", arguments: versions)
    func pipelines(_ version: Int32) throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let client = try server.client(trusting: serverCertificate, versionMaximum: version)
        // As many as the buffers on the way have room for, for the answers wait until all was sent.
        let count = 3000
        try client.send((0..<count).map { get("/a/\($0)") }.joined())
        for number in 0..<count {
            let answer = try client.answer()
            #expect(answer.field("X-Path") == "/a/\(number)")
        }
    }

    @Test("a client that names no protocol is served, one that names others only is not")
    func protocols() throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let silent = try server.client(trusting: serverCertificate, protocols: nil)
        #expect(silent.tls?.chosenProtocol == "")
        try silent.send(get("/hello"))
        #expect(try silent.answer().status == 200)
        let both = try server.client(
            trusting: serverCertificate, protocols: "\u{2}h2\u{8}http/1.1")
        #expect(both.tls?.chosenProtocol == "http/1.1")
        #expect(throws: ClientFailure.malformed("tlsv1 alert no application protocol")) {
            try server.client(trusting: serverCertificate, protocols: "\u{2}h2")
        }
    }

    @Test(
        "TLS 1.1 and what is older are refused, and the client is told", arguments: [0x301, 0x302])
    func oldVersions(_ version: Int) throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        #expect(throws: ClientFailure.malformed("tlsv1 alert protocol version")) {
            try server.client(trusting: serverCertificate, versionMaximum: Int32(version))
        }
        server.wait { server.server.connectionCount == 0 }
    }

    @Test("a client that does not trust the certificate goes, and the next is served")
    func untrusted() throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        #expect(throws: ClientFailure.malformed("certificate verify failed")) {
            try server.client(trusting: TestCertificate("another"))
        }
        let client = try server.client(trusting: serverCertificate)
        try client.send(get("/hello"))
        #expect(try client.answer().status == 200)
    }

    @Test("a chain is presented whole: who trusts its root trusts the server") func chain() throws {
        let root = TestCertificate("root")
        let middle = TestCertificate("middle", issuedBy: root)
        let leaf = TestCertificate("leaf", issuedBy: middle)
        let files = try TestIdentityFiles(
            chain: leaf.certificate + middle.certificate, key: leaf.key)
        let server = try TestServer(
            loopCount: 1,
            tls: TLSIdentity(certificatePath: files.certificatePath, keyPath: files.keyPath))
        defer { server.stop() }
        let client = try server.client(trusting: root)
        #expect(client.tls?.serverName == "leaf")
    }

    @Test("a session is resumed by its ticket, on any loop", arguments: versions)
    func resumes(_ version: Int32) throws {
        let server = try TestServer(loopCount: 2, for: serverCertificate)
        defer { server.stop() }
        let first = try server.client(trusting: serverCertificate, versionMaximum: version)
        // The tickets of 1.3 come before the answer.
        try first.send(get("/hello"))
        #expect(try first.answer().status == 200)
        #expect(first.tls?.isResumed == false)
        // A ticket of 1.3 is good for one time; each connection brings others.
        var earlier = first
        for _ in 0..<4 {
            let next = try server.client(
                trusting: serverCertificate, versionMaximum: version, resuming: earlier)
            earlier = next
            #expect(next.tls?.isResumed == true)
            try next.send(get("/hello"))
            #expect(try next.answer().status == 200)
        }
    }

    @Test("another identity is that of new connections alone") func reloads() throws {
        let other = TestCertificate("other")
        let server = try TestServer(loopCount: 2, for: serverCertificate)
        defer { server.stop() }
        let before = try server.client(trusting: serverCertificate)
        server.server.reload(tls: try TLSIdentity(other))
        let after = try server.client(trusting: other, resuming: before)
        #expect(after.tls?.serverName == "other" && after.tls?.isResumed == false)
        #expect(throws: ClientFailure.self) { try server.client(trusting: serverCertificate) }
        for client in [before, after] {
            try client.send(get("/hello"))
            #expect(try client.answer().status == 200)
        }
        #expect(before.tls?.serverName == "server")
    }

    @Test("identities change while clients come and go") func reloadsUnderLoad() throws {
        let identities = [try TLSIdentity(serverCertificate), try TLSIdentity(serverCertificate)]
        let server = try TestServer(loopCount: 2, tls: identities[0])
        defer { server.stop() }
        let reloading = try ServiceThread.start(name: "test-reload") {
            for number in 0..<2000 { server.server.reload(tls: identities[number % 2]) }
        }
        for _ in 0..<30 {
            let client = try server.client(trusting: serverCertificate)
            try client.send(get("/hello"))
            #expect(try client.answer().status == 200)
        }
        reloading.join()
    }

    @Test("a server without TLS has no identity to change") func reloadsWithoutTLS() async {
        await #expect(processExitsWith: .failure) {
            let server = try TestServer(loopCount: 1)
            server.server.reload(tls: try TLSIdentity(TestCertificate("server")))
        }
    }

    @Test("a client of the system's is served") func curl() throws {
        guard unsafe Glibc.system("curl --version > /dev/null 2>&1") == 0 else {
            print("SKIPPED: no curl on this machine")
            return
        }
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let files = try TestIdentityFiles(serverCertificate)
        let command = """
            curl --silent --show-error --fail --max-time 20 --noproxy '*' \
            --cacert '\(files.certificatePath)' https://127.0.0.1:\(server.port)/hello \
            --next --silent --max-time 20 --noproxy '*' --cacert '\(files.certificatePath)' \
            --data-binary '@\(files.certificatePath)' https://127.0.0.1:\(server.port)/collect
            """
        let opened = unsafe popen(command, "r")
        guard let pipe = unsafe opened else { throw ClientFailure.call("popen", errno) }
        var output = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe fread(&output, 1, output.count, pipe)
        let status = unsafe pclose(pipe)
        #expect(status == 0)
        let text = String(decoding: output.prefix(count), as: UTF8.self)
        #expect(text == "hello" + serverCertificate.certificate)
    }
}

@Suite("HTTP server: ends of TLS") struct ServerTLSEndTests {
    @Test("who is idle too long, or when the server stops, is told that this is the end")
    func idleEnds() throws {
        var limits = ServerLimits()
        limits.idleDuration = .milliseconds(100)
        let hasty = try TestServer(limits, for: serverCertificate)
        let idle = try hasty.client(trusting: serverCertificate)
        #expect(try idle.isEnded() && idle.tls?.hasNotice == true)
        hasty.stop()
        let server = try TestServer(for: serverCertificate)
        let client = try server.client(trusting: serverCertificate)
        try client.send(get("/hello"))
        #expect(try client.answer().status == 200)
        server.stop()
        #expect(try client.isEnded() && client.tls?.hasNotice == true)
    }

    @Test("behind a last answer stands the end, also when the client has sent more")
    func lastAnswer() throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        for text in [get("/hello", "Connection: close\r\n"), "GET / HTTP/1.1\n"] {
            let client = try server.client(trusting: serverCertificate)
            try client.send(Array(text.utf8) + [UInt8](repeating: 0x61, count: 300_000))
            #expect(try client.answer().closes)
            #expect(try client.isEnded() && client.tls?.hasNotice == true)
        }
    }

    @Test("a body that is cut short has no end behind it") func cutShort() throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let client = try server.client(trusting: serverCertificate)
        try client.send(get("/short/1000"))
        #expect(throws: ClientFailure.self) { try client.answer() }
        #expect(client.tls?.hasNotice == false)
    }

    @Test(
        "a client that sends no more gets its answer, whether it has said so or not",
        arguments: [false, true])
    func halfClosed(_ saysSo: Bool) throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let client = try server.client(trusting: serverCertificate)
        try client.send(get("/later"))
        let exchange = server.takePending()
        if saysSo { try client.endSending() } else { try client.endSendingRaw() }
        server.answer(exchange, 202)
        #expect(try client.answer().status == 202)
        #expect(try client.isEnded())
        server.wait { server.server.connectionCount == 0 }
    }

    @Test("a client that ends within a body tells the receiver", arguments: [false, true])
    func endsWithinBody(_ saysSo: Bool) throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let client = try server.client(trusting: serverCertificate)
        try client.send(put("/stream", 100) + "abc")
        if saysSo { try client.endSending() } else { try client.endSendingRaw() }
        #expect(try client.isEnded())
        server.wait { server.handler.abandonedCount.load(ordering: .relaxed) == 1 }
    }

    @Test("another handshake on a connection is refused") func renegotiation() throws {
        let server = try TestServer(for: serverCertificate)
        defer { server.stop() }
        let client = try server.client(
            trusting: serverCertificate, versionMaximum: TLSClient.older)
        #expect(client.tls?.askForRenegotiation() == true)
        #expect(throws: ClientFailure.malformed("no renegotiation")) { try client.shakeHands() }
    }
}
