// HealthCommand — `cairnd health`: asks a server whether it serves, for service managers and containers.
//
// Asks for /readyz where the same options would listen, or for a URL. 200 is healthy; anything else, and no
// answer within five seconds, is not. Where the server speaks
// TLS any certificate will do: the question is no secret, and neither is the answer.

internal import CairnCrypto
internal import CairnServer
internal import CairnSystem
internal import CairnText
internal import Glibc

enum HealthCommand {
    private static let duration: Duration = .seconds(5)

    static func run(_ words: ArraySlice<Word>) throws(DaemonFailure) -> DaemonExit {
        var words = Array(words)
        let url = try takeURL(&words)
        let effective = try Daemon.configuration(words)
        if effective.actions.contains("help") {
            try Daemon.show(DaemonHelp.text)
            return .done
        }
        let target: HealthTarget
        if let url {
            target = try HealthTarget(url: url)
        } else {
            target = try HealthTarget(of: effective.configuration)
        }
        do throws(SocketError) {
            let status = try ask(target)
            guard status == "200" else {
                Daemon.complain("cairnd: \(target.address) answers \(status ?? "no HTTP")")
                return .unhealthy
            }
        } catch {
            Daemon.complain("cairnd: \(error)")
            return .unhealthy
        }
        try Daemon.show("\(target.address) serves")
        return .done
    }

    /// Takes `--url URL` out of the words.
    private static func takeURL(_ words: inout [Word]) throws(DaemonFailure) -> String? {
        var url: String?
        while let place = words.firstIndex(where: { $0.nameAndValue.name == "--url" }) {
            if url != nil { throw .usage("--url is given twice") }
            var value = words.remove(at: place).nameAndValue.value
            if value == nil, place < words.count { value = words.remove(at: place) }
            guard let value else { throw .usage("--url URL: the value is missing") }
            url = value.text
        }
        return url
    }

    /// The three digits of the answer's status; nil when it is no HTTP.
    private static func ask(_ target: HealthTarget) throws(SocketError) -> String? {
        let client = try HealthClient(target, within: duration)
        let request = Array(
            """
            GET \(target.path) HTTP/1.1\r
            Host: \(target.address)\r
            Connection: close\r
            \r

            """.utf8)
        try client.send(request.rawSpan)
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 512)
        while answer.count < 13 {
            let count = try buffer.withMutableRawSpan { (buffer) throws(SocketError) in
                try client.receive(into: &buffer)
            }
            if count == 0 { break }
            answer += buffer[..<count]
        }
        let text = String(decoding: answer.prefix(12), as: UTF8.self)
        return text.hasPrefix("HTTP/1.1 ") ? String(text.dropFirst(9)) : nil
    }
}

/// A connection for one question, over TLS where the server speaks that.
private struct HealthClient: ~Copyable {
    private let socket: ClientSocket
    private let tls: TLSSession?

    init(_ target: HealthTarget, within duration: Duration) throws(SocketError) {
        let socket = try ClientSocket(to: target.address, within: duration)
        tls = target.isSecure ? try Self.session(over: socket, target.address) : nil
        self.socket = socket
    }

    private static func session(
        over socket: borrowing ClientSocket, _ address: SocketAddress
    ) throws(SocketError) -> TLSSession {
        guard let identity = TLSIdentity(trustingAnybody: ()),
            let session = TLSSession(identity, over: socket.rawValue)
        else { throw SocketError(.connect, address, code: ENOMEM) }
        let count = try socket.waiting(for: .read, .connect) { session.handshake() }
        guard count > 0 else { throw SocketError(.connect, address, code: ECONNRESET) }
        return session
    }

    func send(_ bytes: RawSpan) throws(SocketError) {
        guard let tls else { return try socket.send(bytes) }
        // A question fits one record.
        _ = try socket.waiting(for: .write, .send) { tls.send(bytes) }
    }

    func receive(into buffer: inout MutableRawSpan) throws(SocketError) -> Int {
        guard let tls else { return try socket.receive(into: &buffer) }
        return try socket.waiting(for: .read, .receive) { tls.receive(into: &buffer) }
    }
}

/// What is asked, and where.
struct HealthTarget {
    let address: SocketAddress
    let path: String
    let isSecure: Bool

    /// Where a server with this configuration is.
    init(of configuration: ServerConfiguration) throws(DaemonFailure) {
        guard configuration.address.port != 0 else {
            throw .usage("--listen has port 0, which says not where the server is; --url does")
        }
        address = configuration.address.reachableHere
        path = "/readyz"
        isSecure = configuration.certificatePath != nil
    }

    /// What a text such as "http://127.0.0.1:7777" or "http://localhost:7777/healthz" names.
    init(url text: String) throws(DaemonFailure) {
        guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else {
            throw .usage("--url takes http://HOST:PORT[/PATH], not \"\(Word(text).text)\"")
        }
        isSecure = scheme == "https://"
        let rest = text.dropFirst(scheme.count)
        let host = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(host.count)
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .usage("--url has a path with blanks or other letters than a URL has")
        }
        do throws(SocketAddressError) {
            address = try SocketAddress(parsing: String(host)).reachableHere
        } catch {
            throw .usage("--url takes http://HOST:PORT[/PATH]: \(error)")
        }
        self.path = path.isEmpty || path == "/" ? "/readyz" : String(path)
    }
}
