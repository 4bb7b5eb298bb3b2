// A connection from here: it sends, receives, and never waits longer than it was told.

import CairnSystem
import Glibc
import Testing

@Suite("Client socket") struct ClientSocketTests {
    private func failure(_ body: () throws(SocketError) -> Void) -> SocketError? {
        do throws(SocketError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test("what is sent arrives, what comes is received, and the end is told")
    func exchange() throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 1)
        let client = try ClientSocket(to: listener.address, within: .seconds(60))
        wait(for: listener.rawValue, POLLIN)
        guard case .connection(let server, _) = listener.accept() else {
            Issue.record("somebody waits")
            return
        }
        let question = [UInt8](repeating: 7, count: 100)
        try client.send(question.rawSpan)
        #expect(try receiveWaiting(server.rawValue, count: 100) == question)
        try sendAll(server.rawValue, [1, 2, 3])
        var buffer = [UInt8](repeating: 0, count: 10)
        func receive() throws(SocketError) -> Int {
            try buffer.withMutableRawSpan { (buffer) throws(SocketError) in
                try client.receive(into: &buffer)
            }
        }
        #expect(try receive() == 3 && buffer[..<3] == [1, 2, 3])
        try SystemCall.shutdownSending(server.rawValue)
        #expect(try receive() == 0)
    }

    private func receiveWaiting(_ fd: Int32, count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            wait(for: fd, POLLIN)
            bytes += try receiveNow(fd)
        }
        return bytes
    }

    @Test("where nobody listens it is refused, with the address in the error")
    func refused() throws {
        let address = try {
            let listener = try ListeningSocket(on: .loopback(), backlog: 1)
            return listener.address
        }()
        let error = failure { () throws(SocketError) in
            _ = try ClientSocket(to: address, within: .seconds(60))
        }
        #expect(error?.operation == .connect && error?.code == ECONNREFUSED)
        #expect(error?.description.hasPrefix("connect \(address): ") == true)
    }

    @Test("a server that says nothing, or takes nothing, is given up at the deadline")
    func deadline() throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 1)
        let client = try ClientSocket(to: listener.address, within: .milliseconds(30))
        var buffer = [UInt8](repeating: 0, count: 10)
        let error = failure { () throws(SocketError) in
            _ = try buffer.withMutableRawSpan { (buffer) throws(SocketError) in
                try client.receive(into: &buffer)
            }
        }
        #expect(error?.operation == .receive && error?.code == ETIMEDOUT)
        let much = [UInt8](repeating: 0, count: 64 << 20)
        let other = failure { () throws(SocketError) in try client.send(much.rawSpan) }
        #expect(other?.operation == .send && other?.code == ETIMEDOUT)
    }

    @Test("all interfaces are reached over loopback, other addresses as they are")
    func reachable() throws {
        #expect(SocketAddress.allInterfaces(port: 7).reachableHere.description == "[::1]:7")
        #expect(
            SocketAddress.allInterfacesOfIPv4(port: 7).reachableHere.description == "127.0.0.1:7")
        let other = try SocketAddress(parsing: "192.0.2.1:7")
        #expect(other.reachableHere == other)
    }
}
