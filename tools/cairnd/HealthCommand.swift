// HealthCommand — `cairnd health`: asks a server whether it serves, for service managers and containers.
//
// Asks for /readyz where the same options would listen, or for a URL. 200 is healthy; anything else, and no
// answer within five seconds, is not. It speaks no TLS: what asks in the same machine needs none.

internal import CairnServer
internal import CairnSystem
internal import CairnText

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
        let socket = try ClientSocket(to: target.address, within: duration)
        let request = Array(
            """
            GET \(target.path) HTTP/1.1\r
            Host: \(target.address)\r
            Connection: close\r
            \r

            """.utf8)
        try socket.send(request.rawSpan)
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 512)
        while answer.count < 13 {
            let count = try buffer.withMutableRawSpan { (buffer) throws(SocketError) in
                try socket.receive(into: &buffer)
            }
            if count == 0 { break }
            answer += buffer[..<count]
        }
        let text = String(decoding: answer.prefix(12), as: UTF8.self)
        return text.hasPrefix("HTTP/1.1 ") ? String(text.dropFirst(9)) : nil
    }
}

/// What is asked, and where.
struct HealthTarget {
    let address: SocketAddress
    let path: String

    /// Where a server with this configuration is.
    init(of configuration: ServerConfiguration) throws(DaemonFailure) {
        guard configuration.certificatePath == nil else {
            throw .usage("health speaks no TLS; --url http://HOST:PORT names another place to ask")
        }
        guard configuration.address.port != 0 else {
            throw .usage("--listen has port 0, which says not where the server is; --url does")
        }
        address = configuration.address.reachableHere
        path = "/readyz"
    }

    /// What a text such as "http://127.0.0.1:7777" or "http://localhost:7777/healthz" names.
    init(url text: String) throws(DaemonFailure) {
        guard text.hasPrefix("http://") else {
            throw .usage("--url takes http://HOST:PORT[/PATH], not \"\(Word(text).text)\"")
        }
        let rest = text.dropFirst("http://".count)
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
