// TestSockets — the other side of a connection, and what the kernel knows of a socket.
//
// The client blocks and speaks to the C library, not to the code that the tests are about; so does
// waiting for one descriptor. All addresses are of the loopback interface.
// Why this is sound: pointers are of local structures and of arrays, lent for one call with their size.

import CairnSystem
import Glibc
import Testing

/// A connection over loopback: the accepted side, which does not block, and a client, which does.
struct Connection: ~Copyable {
    let server: Descriptor
    let client: Descriptor
    let peer: SocketAddress

    /// Through a listening socket of its own; both sides have so large buffers, or the system's.
    init(bufferByteCount: Int32? = nil) throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 8)
        if let bufferByteCount {
            try setOption(listener.rawValue, SOL_SOCKET, SO_SNDBUF, bufferByteCount)
        }
        try self.init(to: listener, bufferByteCount: bufferByteCount)
    }

    /// The first that waits at a listening socket, or comes.
    init(to listener: borrowing ListeningSocket, bufferByteCount: Int32? = nil) throws {
        let client = try connectClient(
            to: listener.address.port, overIPv4: listener.address.isIPv4,
            bufferByteCount: bufferByteCount)
        wait(for: listener.rawValue, POLLIN)
        guard case .connection(let server, let peer) = listener.accept() else {
            throw Errno(code: ENOTCONN)
        }
        self.server = server
        self.client = client
        self.peer = peer
    }
}

extension SocketAddress {
    /// 127.0.0.1, any port that is free if none is said.
    static func loopback(port: UInt16 = 0) throws -> SocketAddress {
        try SocketAddress(parsing: "127.0.0.1:\(port)")
    }
}

/// Which poll(2) tells when the peer sends no more; the C library's module does not name it.
let peerEnd: Int32 = 0x2000

/// Whether this machine has ::1.
let hasIPv6 = (try? ListeningSocket(on: SocketAddress(parsing: "[::1]:0"), backlog: 1)) != nil

/// Waits until poll(2) tells one of these of a descriptor.
func wait(for fd: Int32, _ bits: Int32) {
    waitForAny([pollfd(fd: fd, events: Int16(bits), revents: 0)])
}

/// Waits until poll(2) tells what is asked for of one of the descriptors.
func waitForAny(_ entries: [pollfd]) {
    var entries = entries
    while unsafe poll(&entries, nfds_t(entries.count), -1) < 1 {}
}

/// What a call of the C library returned, its errno thrown if that is negative.
@discardableResult
func check<Result: SignedInteger>(_ result: Result) throws -> Result {
    if result < 0 { throw Errno(code: errno) }
    return result
}

/// A blocking client, connected to the port of an address on 127.0.0.1 or ::1.
func connectClient(to address: SocketAddress) throws -> Descriptor {
    try connectClient(to: address.port, overIPv4: address.isIPv4)
}

/// A blocking client, connected to a port of 127.0.0.1 or ::1; a buffer counts from the start.
func connectClient(
    to port: UInt16, overIPv4: Bool, bufferByteCount: Int32? = nil
) throws -> Descriptor {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let client = Descriptor(owning: try check(socket(overIPv4 ? AF_INET : AF_INET6, kind, 0)))
    if let bufferByteCount {
        try setOption(client.rawValue, SOL_SOCKET, SO_RCVBUF, bufferByteCount)
    }
    if overIPv4 {
        var to = sockaddr_in()
        to.sin_family = sa_family_t(AF_INET)
        to.sin_port = port.bigEndian
        to.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        try connect(client.rawValue, to)
    } else {
        var to = sockaddr_in6()
        to.sin6_family = sa_family_t(AF_INET6)
        to.sin6_port = port.bigEndian
        unsafe to.sin6_addr.__in6_u.__u6_addr8.15 = 1
        try connect(client.rawValue, to)
    }
    return client
}

private func connect<Address>(_ fd: Int32, _ address: Address) throws {
    try unsafe check(
        withUnsafeBytes(of: address) { bytes in
            let start = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return unsafe connect(fd, start, socklen_t(bytes.count))
        })
}

/// Sends all bytes, waiting where a client must.
func sendAll(_ fd: Int32, _ bytes: [UInt8]) throws {
    var left = bytes[...]
    while !left.isEmpty {
        let count = unsafe left.withUnsafeBytes { unsafe send(fd, $0.baseAddress, $0.count, 0) }
        left = left.dropFirst(try check(count))
    }
}

/// Receives at most so many bytes, waiting for the first; none at the end.
func receiveSome(_ fd: Int32, atMost count: Int = 65_536, flags: Int32 = 0) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let received = try check(unsafe recv(fd, &bytes, count, flags))
    return Array(bytes.prefix(received))
}

/// Receives what there is, none if there is nothing.
func receiveNow(_ fd: Int32) throws -> [UInt8] {
    do {
        return try receiveSome(fd, flags: Int32(MSG_DONTWAIT))
    } catch let error as Errno where error.code == EAGAIN {
        return []
    }
}

/// Receives so many bytes, or what comes until the end.
func receiveAll(_ fd: Int32, count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
        let some = try receiveSome(fd, atMost: count - bytes.count)
        if some.isEmpty { break }
        bytes += some
    }
    return bytes
}

/// Closes so that the peer is told of a failure: what was not received yet is thrown away.
func reset(_ client: consuming Descriptor) throws {
    let lingering = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout<linger>.size)
    try unsafe check(
        withUnsafeBytes(of: lingering) {
            unsafe setsockopt(client.rawValue, SOL_SOCKET, SO_LINGER, $0.baseAddress, size)
        })
    try client.close()
}

/// Sets a number of a socket.
func setOption(_ fd: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws {
    var value = value
    try check(unsafe setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size)))
}

/// A number of a socket.
func option(_ fd: Int32, _ level: Int32, _ option: Int32) throws -> Int32 {
    var value: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    try check(unsafe getsockopt(fd, level, option, &value, &size))
    return value
}

/// One of the numbers that TCP_INFO has, by its place in the structure; see tcp(7).
func transmissionFigure(_ fd: Int32, at offset: Int) throws -> UInt32 {
    var bytes = [UInt8](repeating: 0, count: 512)
    var size = socklen_t(bytes.count)
    try check(unsafe getsockopt(fd, Int32(IPPROTO_TCP), TCP_INFO, &bytes, &size))
    try #require(Int(size) >= offset + 4)
    return unsafe bytes.withUnsafeBytes {
        unsafe $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    }
}

/// Receives with the code under test into room for so many bytes.
func receive(_ fd: Int32, room: Int) -> (result: SocketResult, bytes: [UInt8]) {
    var buffer = [UInt8](repeating: 0, count: room)
    let result = buffer.withMutableRawSpan { SystemCall.receive(fd, into: &$0) }
    guard case .done(let count) = result else { return (result, []) }
    return (result, Array(buffer.prefix(count)))
}

/// Leaves this process room for so many more descriptors, and says how many it had room for.
func limitDescriptors(toMore count: Int32) throws -> rlimit {
    let next = try check(dup(0))
    try check(close(next))
    var before = rlimit()
    try check(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before))
    var limit = before
    limit.rlim_cur = rlim_t(next + count)
    try check(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
    return before
}
