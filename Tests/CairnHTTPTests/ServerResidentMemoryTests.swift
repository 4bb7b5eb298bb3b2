// Memory of connections, of those that rest and of those that are slow. The clients' own counts too.
//
// Each measure runs in a process of its own, so that no other test's memory counts.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("HTTP server: resident memory") struct ServerResidentMemoryTests {
    @Test("an idle connection and its client have less than 2 kB") func idle() async {
        await #expect(processExitsWith: .success) {
            try measure(1000, atMost: 2048) { client in
                try client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                guard try client.answer().status == 200 else { throw ClientFailure.malformed("") }
            }
        }
    }

    @Test("a connection within a head has less than 12 kB") func withinHead() async {
        await #expect(processExitsWith: .success) {
            try measure(1000, atMost: 12 << 10) { try $0.send("GET / HT") }
        }
    }

    @Test("a head behind a long body does not keep the body's memory") func behindBody() async {
        await #expect(processExitsWith: .success) {
            try measure(50, atMost: 128 << 10) { client in
                let count = 1 << 20
                try client.send("PUT /sink HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n")
                try client.send([UInt8](repeating: 1, count: count) + Array("GET / HT".utf8))
                guard try client.answer().status == 204 else { throw ClientFailure.malformed("") }
            }
        }
    }
}

/// What so many connections have each, once the server has taken what `body` sends over them.
private func measure(
    _ count: Int, atMost byteCount: Int, _ body: (TestClient) throws -> Void
) throws {
    let server = try TestServer(loopCount: 1)
    defer { server.stop() }
    // What the first ones make once for all is not counted.
    try connect(1, server, body)
    let before = try ResourceLimits.residentByteCount()
    let clients = try connect(count, server, body)
    let each = (try ResourceLimits.residentByteCount() - before) / count
    precondition(each < byteCount, "memory per connection stays below its bound")
    _ = clients.count
}

@discardableResult private func connect(
    _ count: Int, _ server: TestServer, _ body: (TestClient) throws -> Void
) throws -> [TestClient] {
    var clients: [TestClient] = []
    for _ in 0..<count {
        let client = try server.client()
        try body(client)
        clients.append(client)
    }
    // The loop has taken what was sent before this.
    let last = try server.client()
    try last.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
    _ = try last.answer()
    return clients
}
