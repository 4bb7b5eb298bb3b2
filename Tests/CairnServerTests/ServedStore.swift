// ServedStore — a store in a directory of a test's own, served on a port of this machine.

import Cairn
import CairnHTTP
import CairnServer
import CairnSystem
import CairnTestSupport

/// A server and its store. Ends with `stop`, or with itself.
final class ServedStore {
    private let directory: TemporaryDirectory
    private let server: RunningServer
    private let logPath: String
    private var isStopped = false

    var store: Store { server.store }
    var port: UInt16 { server.address.port }

    /// - Parameter change: Of what the server is told.
    init(
        _ options: StoreOptions = StoreOptions(),
        configure change: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        directory = try TemporaryDirectory()
        logPath = directory.path + "/log"
        var configuration = ServerConfiguration(
            address: try SocketAddress(parsing: "127.0.0.1:0"))
        configuration.directory = directory.path + "/store"
        configuration.store = options
        change(&configuration)
        let log = Log(to: try ByteStream.writing(logPath), .warning, .text)
        server = try RunningServer(configuration, log: log)
    }

    deinit { if !isStopped { try? stop() } }

    /// Stops the server and closes the store.
    func stop() throws {
        isStopped = true
        try server.stop(within: .seconds(10))
    }

    /// What the operator was told, a line each.
    var reported: [String] { get throws { try reportedLines(logPath) } }

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

/// The lines of a log.
func reportedLines(_ path: String) throws -> [String] {
    let bytes = try ByteStream.reading(path).readAll(atMost: 1 << 20)
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
}
