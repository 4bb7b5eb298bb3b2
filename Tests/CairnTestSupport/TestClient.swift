// TestClient — the other side of a connection: it blocks, and speaks to the C library, over TLS or not.
//
// A wait of twenty seconds is a failure, so that a server that says nothing ends its test.
// Why this is sound: pointers are of local structures and of arrays, lent for one call with their size.

internal import CairnSystem
internal import Glibc

/// An answer as a client reads it.
package struct HTTPAnswer: Equatable {
    package var status = 0
    /// Lines of the head, without their ends.
    package var fields: [String] = []
    package var body: [UInt8] = []

    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }
    /// Whether the connection ends behind it.
    package var closes: Bool { fields.contains("Connection: close") }

    /// The value of the first field that is written so.
    package func field(_ name: String) -> String? {
        fields.first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
    }
}

/// What went wrong on the client's side.
package enum ClientFailure: Error, Equatable {
    case call(String, Int32)
    case ended(after: [UInt8])
    case malformed(String)
}

/// A client of one connection.
package final class TestClient {
    private let descriptor: Descriptor
    private var received: [UInt8] = []
    /// Between the socket and everything else, if there is TLS.
    package let tls: TLSClient?

    /// Connects to a port of this machine.
    package init(to port: UInt16, receiveBufferByteCount: Int32? = nil, tls: TLSClient? = nil)
        throws
    {
        self.tls = tls
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try Self.check("socket", number)
        descriptor = Descriptor(owning: number)
        if var count = receiveBufferByteCount {
            let size = socklen_t(MemoryLayout<Int32>.size)
            try Self.check(
                "setsockopt", unsafe setsockopt(number, SOL_SOCKET, SO_RCVBUF, &count, size))
        }
        var time = timeval(tv_sec: 20, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        try Self.check(
            "setsockopt", unsafe setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &time, size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafeBytes(of: address) { bytes in
            let start = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return unsafe connect(number, start, socklen_t(bytes.count))
        }
        try Self.check("connect", result)
    }

    private static func check(_ call: String, _ result: Int32) throws {
        if result < 0 { throw ClientFailure.call(call, errno) }
    }

    /// Sends a text.
    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends all bytes, waiting where a client must.
    package func send(_ bytes: [UInt8]) throws {
        guard let tls else { return try sendRaw(bytes) }
        try tls.write(bytes)
        try sendRaw(tls.take())
    }

    /// Does the handshake, what is sent in pieces of so many bytes.
    package func shakeHands(by pieceByteCount: Int = .max) throws {
        guard let tls else { return }
        while true {
            let isOver = try tls.shakeHands()
            var left = tls.take()[...]
            while !left.isEmpty {
                try sendRaw(Array(left.prefix(pieceByteCount)))
                left = left.dropFirst(pieceByteCount)
            }
            if isOver { return }
            let bytes = try receiveRaw()
            if bytes.isEmpty { throw ClientFailure.ended(after: []) }
            tls.feed(bytes)
        }
    }

    /// Sends bytes as they are.
    package func sendRaw(_ bytes: [UInt8]) throws {
        var left = bytes[...]
        while !left.isEmpty {
            let count = unsafe left.withUnsafeBytes {
                unsafe Glibc.send(
                    descriptor.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 { throw ClientFailure.call("send", errno) }
            left = left.dropFirst(count)
        }
    }

    /// Sends no more.
    package func endSending() throws {
        if let tls {
            tls.end()
            try sendRaw(tls.take())
        }
        try endSendingRaw()
    }

    /// Sends no more, and does not say so in TLS.
    package func endSendingRaw() throws { try SystemCall.shutdownSending(descriptor.rawValue) }

    /// Lets the end of this client, when it is let go of, be a failure to the server.
    package func failAtEnd() throws {
        var lingering = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        try Self.check(
            "setsockopt",
            unsafe setsockopt(descriptor.rawValue, SOL_SOCKET, SO_LINGER, &lingering, size))
    }

    /// Whether the server has ended the connection, in order or not. Waits for it.
    package func isEnded() throws -> Bool {
        do {
            return try receiveSome() == false && received.isEmpty
        } catch ClientFailure.call(_, ECONNRESET) {
            return true
        }
    }

    /// The next answer; of one to HEAD there is no body.
    package func answer(hasBody: Bool = true) throws -> HTTPAnswer {
        var answer = HTTPAnswer()
        let head = String(decoding: try receive(to: Array("\r\n\r\n".utf8)), as: UTF8.self)
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        let first = lines.removeFirst().split(separator: " ")
        guard first.count >= 2, first[0] == "HTTP/1.1", let status = Int(first[1]) else {
            throw ClientFailure.malformed(head)
        }
        answer.status = status
        answer.fields = lines.filter { !$0.isEmpty }
        if hasBody, let count = answer.field("Content-Length").flatMap({ Int($0) }) {
            answer.body = try receive(count)
        }
        return answer
    }

    /// So many bytes.
    package func receive(_ count: Int) throws -> [UInt8] {
        while received.count < count {
            guard try receiveSome() else { throw ClientFailure.ended(after: received) }
        }
        let bytes = Array(received.prefix(count))
        received.removeFirst(count)
        return bytes
    }

    /// Everything up to these bytes, which are used up too.
    private func receive(to end: [UInt8]) throws -> [UInt8] {
        while true {
            if let range = received.firstRange(of: end) {
                let bytes = Array(received[..<range.lowerBound])
                received.removeFirst(range.upperBound)
                return bytes
            }
            guard try receiveSome() else { throw ClientFailure.ended(after: received) }
        }
    }

    /// False at the end.
    private func receiveSome() throws -> Bool {
        guard let tls else {
            let bytes = try receiveRaw()
            received += bytes
            return !bytes.isEmpty
        }
        while true {
            if let bytes = try tls.read() {
                received += bytes
                return !bytes.isEmpty
            }
            try sendRaw(tls.take())
            let bytes = try receiveRaw()
            if bytes.isEmpty { return false }
            tls.feed(bytes)
        }
    }

    /// What comes next, as it is; none at the end.
    package func receiveRaw() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe recv(descriptor.rawValue, &bytes, bytes.count, 0)
        if count < 0 { throw ClientFailure.call("recv", errno) }
        return Array(bytes.prefix(count))
    }
}
