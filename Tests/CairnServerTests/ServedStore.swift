// ServedStore — a store in a directory of a test's own, served on a port of this machine.

import Cairn
import CairnHTTP
import CairnServer
import CairnSystem
import CairnTestSupport

/// A server and its store. Ends with `stop`, or with itself.
final class ServedStore {
    private let directory: TemporaryDirectory
    let store: Store
    private let threads: TaskThreads
    private let server: HTTPServer
    private let reports: Guarded<[String]>
    private var isStopped = false

    /// - Parameter change: Of the limits of the server.
    init(
        _ options: StoreOptions = StoreOptions(), change: (inout ServerLimits) -> Void = { _ in }
    ) throws {
        directory = try TemporaryDirectory()
        store = try Store.open(at: directory.path + "/store", options: options)
        threads = try TaskThreads(count: 2, name: "cairn-test")
        let reports = Guarded<[String]>([])
        let context = ServerContext(store: store, threads: threads) { line in
            reports.withLock { $0.append(line) }
        }
        var limits = ServerLimits()
        change(&limits)
        server = try HTTPServer(
            on: SocketAddress(parsing: "127.0.0.1:0"), limits: limits, loopCount: 2,
            StoreHandler(context))
        self.reports = reports
    }

    deinit { if !isStopped { try? stop() } }

    /// Stops the server and closes the store.
    func stop() throws {
        isStopped = true
        server.stop(within: .seconds(10))
        threads.stop()
        try store.close()
    }

    /// What the operator was told.
    var reported: [String] { reports.withLock { $0 } }

    func client() throws -> TestClient {
        try TestClient(to: server.address.port)
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

extension TestClient {
    /// Sends a request with its length, if it has a body.
    func send(
        _ method: String, _ target: String, _ fields: [String] = [], body: [UInt8] = []
    ) throws {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: test"] + fields
        if !body.isEmpty { lines.append("Content-Length: \(body.count)") }
        try send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
    }
}
