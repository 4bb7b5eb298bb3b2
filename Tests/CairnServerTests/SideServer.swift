// SideServer — another server over a store that a test has, for what the first one does not let a test choose.

import Cairn
import CairnHTTP
import CairnServer
import CairnSystem
import CairnTestSupport

/// A server. Ends with itself; the store is the caller's.
final class SideServer {
    private let threads: TaskThreads
    private let server: HTTPServer
    private let directory: TemporaryDirectory
    private let logPath: String

    init(_ store: Store, uploadByteCountMaximum: Int = 256 << 20) throws {
        directory = try TemporaryDirectory()
        logPath = directory.path + "/log"
        threads = try TaskThreads(count: 2, name: "cairn-side")
        var configuration = ServerConfiguration(
            address: try SocketAddress(parsing: "127.0.0.1:0"))
        configuration.uploadByteCountMaximum = uploadByteCountMaximum
        let operations = ServerOperations(
            log: Log(to: try ByteStream.writing(logPath), .warning, .text),
            access: try AccessKeeper(path: nil), logsRequests: false)
        let context = ServerContext(
            store: store, threads: threads, operations, configuration, connectionCount: { 0 })
        server = try HTTPServer(
            on: SocketAddress(parsing: "127.0.0.1:0"), loopCount: 2, StoreHandler(context))
    }

    deinit {
        server.stop(within: .seconds(10))
        threads.stop()
    }

    /// What the operator was told.
    var reported: [String] { get throws { try reportedLines(logPath) } }

    var connectionCount: Int { server.connectionCount }

    func client(receiveBufferByteCount: Int32? = nil) throws -> TestClient {
        try TestClient(to: server.address.port, receiveBufferByteCount: receiveBufferByteCount)
    }

    /// One request on a connection of its own; `fields` are lines.
    @discardableResult
    func request(
        _ method: String, _ target: String, _ fields: [String] = [], body: [UInt8] = []
    ) throws -> HTTPAnswer {
        let client = try client()
        try client.send(method, target, fields, body: body)
        return try client.answer(hasBody: method != "HEAD")
    }
}
