// ListeningSocket — the place where connections come in.
//
// Does not block and is closed on exec, like every connection that it gives. An address can be bound
// again while connections of an earlier process linger on it; while another socket listens there it
// cannot. Connections send small pieces at once (TCP_NODELAY), which they inherit at no call of their
// own. Any thread may accept, several at a time too; each connection goes to one of them.
// Why this is sound: the only pointers are those of local structures that one call fills.

internal import CLinux
internal import Glibc

/// What came of asking for the next connection.
package enum AcceptResult: ~Copyable {
    /// A connection, and where it comes from.
    case connection(Descriptor, from: SocketAddress)
    /// Nobody waits; a `Poller` tells when somebody does.
    case nobodyWaits
    /// One connection was gone before it was taken: ask for the next.
    case lost(Errno)
    /// The process or the system lacks descriptors or memory, or cannot say what is wrong. Whoever
    /// waits goes on waiting, so stop asking for a while: a `Poller` would tell again at once.
    case exhausted(Errno)

    /// What an errno of `accept4(2)` means.
    package init(refusal code: Int32) {
        switch code {
        case EAGAIN: self = .nobodyWaits
        case EBADF, ENOTSOCK, EINVAL, EFAULT:
            preconditionFailure("connections are accepted from an open listening socket")
        // What had befallen the connection; the first two are its own, the others the network's, and
        // EPERM a firewall's. See accept(2), "Error handling".
        case ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
            EOPNOTSUPP, ENETUNREACH, ETIMEDOUT, EPERM:
            self = .lost(Errno(code: code))
        default: self = .exhausted(Errno(code: code))
        }
    }
}

/// A socket that takes connections.
package struct ListeningSocket: ~Copyable, Sendable {
    private let descriptor: Descriptor
    /// Where it listens: the port is the real one, also when any was wanted.
    package let address: SocketAddress

    /// Listens at an address; port 0 picks one that is free. The backlog is how many connections may
    /// wait to be accepted, which the system may limit further. All interfaces are those of IPv6 and
    /// IPv4, or of IPv4 alone where the system has no other.
    package init(on wanted: SocketAddress, backlog: Int) throws(SocketError) {
        var wanted = wanted
        let descriptor = Descriptor(owning: try Self.open(&wanted))
        let fd = descriptor.rawValue
        try SocketError.naming(.configure, wanted) { cairn_socket_reuse_address(fd) }
        try SocketError.naming(.configure, wanted) { cairn_socket_take_both(fd, wanted.raw) }
        try SocketError.naming(.configure, wanted) { cairn_socket_no_delay(fd) }
        try SocketError.naming(.bind, wanted) { cairn_socket_bind(fd, wanted.raw) }
        try SocketError.naming(.listen, wanted) {
            cairn_socket_listen(fd, Int32(clamping: backlog))
        }
        var bound = cairn_address()
        try SocketError.naming(.ownAddress, wanted) { unsafe cairn_socket_address(fd, &bound) }
        self.descriptor = descriptor
        address = SocketAddress(bound)
    }

    /// A socket for the address, which becomes one of IPv4 where the system has no other.
    private static func open(_ address: inout SocketAddress) throws(SocketError) -> Int32 {
        do throws(SocketError) {
            return try SocketError.naming(.open, address) { cairn_socket_open(address.raw) }
        } catch {
            guard error.code == EAFNOSUPPORT && address == .allInterfaces(port: address.port)
            else { throw error }
        }
        address = .allInterfacesOfIPv4(port: address.port)
        return try SocketError.naming(.open, address) { cairn_socket_open(address.raw) }
    }

    /// The number, for a `Poller`; valid while the socket lives.
    package var rawValue: Int32 { descriptor.rawValue }

    /// The next connection that waits. Corresponds to `accept4(2)`: one call, no allocation.
    package func accept() -> AcceptResult {
        var peer = cairn_address()
        while true {
            let result = unsafe cairn_accept(descriptor.rawValue, &peer)
            if result >= 0 {
                return .connection(Descriptor(owning: result), from: SocketAddress(peer))
            }
            if result != -EINTR { return AcceptResult(refusal: -result) }
        }
    }

    /// Stops listening: who waits to be accepted, or comes later, is refused.
    package consuming func close() throws(Errno) { try descriptor.close() }
}
