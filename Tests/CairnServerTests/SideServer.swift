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
    private let reports = Guarded<[String]>([])

    init(_ store: Store, uploadByteCountMaximum: Int = 256 << 20) throws {
        threads = try TaskThreads(count: 2, name: "cairn-side")
        let reports = reports
        let context = ServerContext(
            store: store, threads: threads, uploadByteCountMaximum: uploadByteCountMaximum
        ) { line in
            reports.withLock { $0.append(line) }
        }
        server = try HTTPServer(
            on: SocketAddress(parsing: "127.0.0.1:0"), loopCount: 2, StoreHandler(context))
    }

    deinit {
        server.stop(within: .seconds(10))
        threads.stop()
    }

    /// What the operator was told.
    var reported: [String] { reports.withLock { $0 } }

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
