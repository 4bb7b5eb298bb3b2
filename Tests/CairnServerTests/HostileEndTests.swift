// A server that ends while everything is under way: what was acknowledged stays, and nothing else is seen.

import Cairn
import CairnHTTP
import CairnServer
import CairnSystem
import CairnTestSupport
import Testing

@Suite("A server that ends at once")
struct HostileEndTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private var path: String { directory.path + "/store" }

    private func start() throws -> RunningServer {
        var configuration = ServerConfiguration(
            address: try SocketAddress(parsing: "127.0.0.1:0"))
        configuration.directory = path
        let log = Log(to: try ByteStream.writing(directory.path + "/log"), .warning, .text)
        return try RunningServer(configuration, log: log)
    }

    @Test(
        "bodies that were coming are not seen, writes that were acknowledged are",
        arguments: [0, 1, 2, 3])
    func endsAtOnce(round: Int) throws {
        let server = try start()
        let large = bodyBytes(5_000_000)
        try server.store.put(Key("large"), large, WriteOptions(durability: .os))
        let port = server.address.port
        let uploads = try [0, 300_000, 2_500_000].map { byteCount in
            let client = try TestClient(to: port)
            try client.send(
                "PUT /store/half\(byteCount) HTTP/1.1\r\nHost: test\r\nContent-Length: 3000000\r\n\r\n"
            )
            try client.send(bodyBytes(byteCount))
            return client
        }
        let downloads = try (0..<3).map { _ in
            let client = try TestClient(to: port, receiveBufferByteCount: 4096)
            try client.send("GET", "/store/large", ["Range: bytes=0-"])
            _ = try client.receive(100)
            return client
        }
        // Some of these are answered when the server ends, some wait for their sync, some were not read.
        let writers = try (0..<12).map { number in
            let client = try TestClient(to: port)
            let conditions = number % 3 == 0 ? ["If-None-Match: \"foreign\", \"none\""] : []
            let byteCount = number % 4 == 3 ? 150_000 : 30
            try client.send(
                "PUT", "/store/w\(number)", conditions, body: bodyBytes(byteCount, salt: number))
            return client
        }
        for client in writers.prefix(round * 4) { #expect(try client.answer().status == 201) }
        try server.stop(within: .zero)
        var acknowledged = Set(0..<round * 4)
        for number in round * 4..<12 where (try? writers[number].answer())?.status == 201 {
            acknowledged.insert(number)
        }
        for client in uploads { #expect((try? client.answer())?.status != 201) }
        try expectStored(acknowledged, large)
        withExtendedLifetime(downloads) {}
    }

    private func expectStored(_ acknowledged: Set<Int>, _ large: [UInt8]) throws {
        let store = try Store.open(at: path, options: StoreOptions(access: .existing))
        #expect(store.findings.isEmpty)
        expectSame(try store.get(Key("large"))?.bytes ?? [], large, "the blob before it")
        for byteCount in [0, 300_000, 2_500_000] {
            #expect(try store.information(Key("half\(byteCount)")) == nil)
        }
        for number in 0..<12 {
            guard let blob = try store.get(Key("w\(number)")) else {
                #expect(!acknowledged.contains(number), "w\(number)")
                continue
            }
            // Whole, acknowledged or not.
            let byteCount = number % 4 == 3 ? 150_000 : 30
            expectSame(blob.bytes, bodyBytes(byteCount, salt: number), "w\(number)")
        }
        try store.close()
    }

    @Test("who is being answered is waited for, and a body that comes meanwhile is taken")
    func waits() throws {
        let server = try start()
        let client = try TestClient(to: server.address.port)
        try client.send(
            "PUT /store/k HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 200000\r\n\r\n"
        )
        #expect(try client.answer().status == 100)
        // The body is sent from another thread when the server is ending, or before; both are in time.
        let sender = BodySender(client, bodyBytes(200_000))
        let thread = try ServiceThread.start(name: "cairn-sender") { sender.send() }
        try server.stop(within: .seconds(15))
        thread.join()
        let answer = try client.answer()
        #expect(answer.status == 201 && answer.closes)
        let store = try Store.open(at: path, options: StoreOptions(access: .existing))
        expectSame(try store.get(Key("k"))?.bytes ?? [], bodyBytes(200_000))
        try store.close()
    }
}

// Sendable: it alone sends while its thread runs, and nobody reads before that has ended.
private final class BodySender: @unchecked Sendable {
    private let client: TestClient
    private let bytes: [UInt8]

    init(_ client: TestClient, _ bytes: [UInt8]) { (self.client, self.bytes) = (client, bytes) }

    func send() { try? client.send(bytes) }
}
