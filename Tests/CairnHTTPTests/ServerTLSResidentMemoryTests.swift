// Memory of connections over TLS that rest. Of the clients only the sockets are left when it is measured.
//
// The measure runs in a process of its own, so that no other test's memory counts.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("HTTP server: resident memory of TLS") struct ServerTLSResidentMemoryTests {
    @Test(
        "an idle connection holds no buffers for records", arguments: ServerTLSTests.versions)
    func idle(_ version: Int32) async {
        await #expect(processExitsWith: .success) { [version] in try measure(version) }
    }
}

private func measure(_ version: Int32) throws {
    let server = try TestServer(for: serverCertificate)
    defer { server.stop() }
    let count = 200
    // What the first ones make once for all is not counted.
    var sockets = try (0..<20).map { _ in try socketOfIdleClient(server, version) }
    let before = try ResourceLimits.residentByteCount()
    sockets += try (0..<count).map { _ in try socketOfIdleClient(server, version) }
    let each = (try ResourceLimits.residentByteCount() - before) / count
    precondition(each < 16 << 10, "an idle connection has less than one buffer: \(each)")
    _ = sockets.count
}

/// A connection that has been used and whose client has forgotten all but its socket.
private func socketOfIdleClient(_ server: TestServer, _ version: Int32) throws -> TestClient {
    let tls = try TLSClient(
        trusting: serverCertificate.certificate, versionMaximum: version)
    let socket = try TestClient(to: server.port)
    while try tls.shakeHands() == false {
        try socket.sendRaw(tls.take())
        tls.feed(try socket.receiveRaw())
    }
    try tls.write(Array(get("/large/50000").utf8))
    try socket.sendRaw(tls.take())
    var receivedCount = 0
    while receivedCount < 50_000 {
        if let bytes = try tls.read() {
            if bytes.isEmpty { throw ClientFailure.ended(after: []) }
            receivedCount += bytes.count
        } else {
            tls.feed(try socket.receiveRaw())
        }
    }
    return socket
}
