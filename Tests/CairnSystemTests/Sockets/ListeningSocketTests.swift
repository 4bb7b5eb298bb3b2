// ListeningSocketTests — listening, accepting, and what is in the way of both.
//
// Over loopback, at ports that the system picks. Lack of descriptors is made in a child process.
// Why this is sound: the unsafe calls set limits from a structure of the function's own.

import CairnSystem
import Glibc
import Testing

@Suite("Listening socket") struct ListeningSocketTests {
    private func isClosedOnExec(_ fd: Int32) -> Bool { fcntl(fd, F_GETFD) & FD_CLOEXEC != 0 }
    private func neverBlocks(_ fd: Int32) -> Bool { fcntl(fd, F_GETFL) & O_NONBLOCK != 0 }

    @Test("port 0 picks a free port and says which")
    func freePort() throws {
        let first = try ListeningSocket(on: .loopback(), backlog: 8)
        let second = try ListeningSocket(on: .loopback(), backlog: 8)
        let ports = (first.address.port, second.address.port)
        #expect(ports.0 != 0 && ports.1 != 0 && ports.0 != ports.1)
        #expect(first.address.description == "127.0.0.1:\(ports.0)")
    }

    @Test("a connection comes with the address of its peer", arguments: [true, false])
    func peer(overIPv4: Bool) throws {
        guard overIPv4 || hasIPv6 else { return }
        let text = overIPv4 ? "127.0.0.1:0" : "[::1]:0"
        let listener = try ListeningSocket(on: SocketAddress(parsing: text), backlog: 8)
        let connection = try Connection(to: listener)
        try sendAll(connection.client.rawValue, [1, 2, 3])
        wait(for: connection.server.rawValue, POLLIN)
        let bytes = receive(connection.server.rawValue, room: 10).bytes
        #expect(bytes == [1, 2, 3])
        let peer = connection.peer
        let port = try clientPort(connection.client.rawValue)
        #expect(peer.description == (overIPv4 ? "127.0.0.1:\(port)" : "[::1]:\(port)"))
        #expect(peer.isLoopback)
    }

    private func clientPort(_ fd: Int32) throws -> UInt16 {
        var bytes = [UInt8](repeating: 0, count: 64)
        var size = socklen_t(bytes.count)
        try unsafe check(
            bytes.withUnsafeMutableBytes {
                let start = unsafe $0.assumingMemoryBound(to: sockaddr.self).baseAddress
                return unsafe getsockname(fd, start, &size)
            })
        // At the same place for both families.
        return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    }

    @Test("all interfaces take IPv4 and IPv6, and a peer of IPv4 is shown as one")
    func allInterfaces() throws {
        let listener = try ListeningSocket(on: .allInterfaces(port: 0), backlog: 8)
        let address = listener.address
        #expect(address.isAllInterfaces)
        for overIPv4 in hasIPv6 ? [true, false] : [true] {
            let client = try connectClient(to: address.port, overIPv4: overIPv4)
            wait(for: listener.rawValue, POLLIN)
            guard case .connection(_, let peer) = listener.accept() else {
                Issue.record("the connection is not there")
                return
            }
            #expect(peer.isIPv4 == overIPv4)
            #expect(peer.isLoopback)
            try client.close()
        }
    }

    @Test("accepting does not wait when nobody does")
    func nobodyWaits() throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 8)
        guard case .nobodyWaits = listener.accept() else {
            Issue.record("somebody waits")
            return
        }
    }

    @Test("neither the socket nor its connections block or are passed to other programs")
    func flags() throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 8)
        let connection = try Connection(to: listener)
        for fd in [listener.rawValue, connection.server.rawValue] {
            #expect(neverBlocks(fd))
            #expect(isClosedOnExec(fd))
        }
    }

    @Test("a connection sends small pieces at once")
    func noDelay() throws {
        let connection = try Connection()
        let fd = connection.server.rawValue
        #expect(try option(fd, Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
    }

    @Test("as many connections may wait as was asked for", arguments: [1, 7, 100])
    func backlog(count: Int) throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: count)
        // tcpi_sacked, which is this for a socket that listens.
        let figure = try transmissionFigure(listener.rawValue, at: 28)
        #expect(figure == UInt32(count))
    }

    @Test("an address where somebody listens is refused by its name")
    func addressInUse() throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 8)
        let address = listener.address
        let error = #expect(throws: SocketError(.bind, address, code: EADDRINUSE)) {
            _ = try ListeningSocket(on: address, backlog: 8)
        }
        #expect(
            error?.description
                == "bind 127.0.0.1:\(address.port): Address already in use (errno 98)")
    }

    @Test("an address of another machine is refused by its name")
    func foreignAddress() throws {
        // Kept for documents; see RFC 5737.
        let address = try SocketAddress(parsing: "192.0.2.1:0")
        #expect(throws: SocketError(.bind, address, code: EADDRNOTAVAIL)) {
            _ = try ListeningSocket(on: address, backlog: 8)
        }
    }

    @Test("an address can be listened at again while a connection lingers on it")
    func listenAgain() throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 8)
        let address = listener.address
        let connection = try Connection(to: listener)
        try listener.close()
        // Who closes first keeps the address for a minute.
        try SystemCall.shutdownSending(connection.server.rawValue)
        let received = try receiveSome(connection.client.rawValue)
        #expect(received.isEmpty)
        try check(shutdown(connection.client.rawValue, Int32(SHUT_RDWR)))
        wait(for: connection.server.rawValue, POLLHUP)
        let again = try ListeningSocket(on: address, backlog: 8)
        let sameAddress = again.address
        #expect(sameAddress == address)
    }

    @Test("a closed socket refuses whoever comes")
    func closed() throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 8)
        let port = listener.address.port
        try listener.close()
        #expect(throws: Errno(code: ECONNREFUSED)) {
            _ = try connectClient(to: port, overIPv4: true)
        }
    }

    @Test("a refused address leaves no descriptor behind")
    func noLeak() async {
        await #expect(processExitsWith: .success) {
            let listener = try ListeningSocket(on: .loopback(), backlog: 8)
            _ = try limitDescriptors(toMore: 4)
            for _ in 0..<20 {
                do throws(SocketError) {
                    _ = try ListeningSocket(on: listener.address, backlog: 8)
                    exit(2)
                } catch {
                    guard error.code == EADDRINUSE else { exit(3) }
                }
            }
        }
    }

    @Test("without descriptors who waits goes on waiting, and is taken when there are some")
    func exhausted() async {
        await #expect(processExitsWith: .success) {
            let listener = try ListeningSocket(on: .loopback(), backlog: 8)
            let client = try connectClient(to: listener.address)
            wait(for: listener.rawValue, POLLIN)
            var before = try limitDescriptors(toMore: 0)
            for _ in 0..<3 {
                guard case .exhausted(Errno(code: EMFILE)) = listener.accept() else { exit(2) }
            }
            do throws(SocketError) {
                _ = try ListeningSocket(on: listener.address, backlog: 8)
                exit(3)
            } catch {
                guard error.operation == .open, error.code == EMFILE else { exit(3) }
            }
            try check(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before))
            guard case .connection(let server, _) = listener.accept() else { exit(4) }
            try sendAll(client.rawValue, [7])
            wait(for: server.rawValue, POLLIN)
            guard receive(server.rawValue, room: 1).bytes == [7] else { exit(5) }
        }
    }

    private enum Meaning { case nobodyWaits, lost, exhausted }

    @Test(
        "an errno of one connection is told from lack of anything",
        arguments: [
            (EAGAIN, .nobodyWaits), (ECONNABORTED, .lost), (EPROTO, .lost), (ENETDOWN, .lost),
            (EHOSTUNREACH, .lost), (EPERM, .lost), (EMFILE, .exhausted), (ENFILE, .exhausted),
            (ENOBUFS, .exhausted), (ENOMEM, .exhausted), (EIO, .exhausted),
        ] as [(Int32, Meaning)])
    private func classification(code: Int32, meaning: Meaning) {
        switch AcceptResult(refusal: code) {
        case .connection: Issue.record("a refusal is no connection")
        case .nobodyWaits: #expect(meaning == .nobodyWaits)
        case .lost(let error):
            #expect(meaning == .lost)
            #expect(error.code == code)
        case .exhausted(let error):
            #expect(meaning == .exhausted)
            #expect(error.code == code)
        }
    }

    @Test("a connection that its client reset before it was taken does not disturb the next")
    func resetWhileWaiting() throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 8)
        let first = try connectClient(to: listener.address)
        wait(for: listener.rawValue, POLLIN)
        try reset(first)
        let second = try connectClient(to: listener.address)
        try sendAll(second.rawValue, [9])
        while true {
            wait(for: listener.rawValue, POLLIN)
            guard case .connection(let server, _) = listener.accept() else { continue }
            wait(for: server.rawValue, POLLIN)
            let (result, bytes) = receive(server.rawValue, room: 1)
            if bytes == [9] { break }
            #expect(result == .failed(Errno(code: ECONNRESET)))
        }
    }
}
