// SocketAddress — a host and a port of IPv4 or IPv6.
//
// A value of 28 bytes: making it from what the kernel says allocates nothing. An IPv4 address is kept as
// ::ffff:a.b.c.d, so a peer is the same value whether it came in over a socket of IPv4 or of both
// families. Text is read in SocketAddress+Parsing.swift, and printed so that it reads back the same.
// Why this is sound: the only pointer is that of a local buffer of fixed size that inet_ntop(3) fills
// with a terminated string, copied before the buffer goes.

internal import CLinux

/// Where a socket listens or where its peer is.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64
    private let scope: UInt32
    /// The port; 0 asks a listening socket to pick one that is free.
    package let port: UInt16

    init(_ address: cairn_address) {
        high = address.high
        low = address.low
        scope = address.scope
        port = address.port
    }

    /// As the system calls want it.
    var raw: cairn_address { cairn_address(high: high, low: low, scope: scope, port: port) }

    private init(high: UInt64, low: UInt64, port: UInt16) {
        self.init(cairn_address(high: high, low: low, scope: 0, port: port))
    }

    private static let ipv4Prefix: UInt64 = 0xffff << 32

    /// Every interface of this machine, for IPv6 and IPv4: `[::]`.
    package static func allInterfaces(port: UInt16) -> SocketAddress {
        SocketAddress(high: 0, low: 0, port: port)
    }

    /// Every interface of this machine, for IPv4 alone: `0.0.0.0`.
    package static func allInterfacesOfIPv4(port: UInt16) -> SocketAddress {
        SocketAddress(high: 0, low: ipv4Prefix, port: port)
    }

    /// The same host with another port.
    func with(port: UInt16) -> SocketAddress {
        SocketAddress(cairn_address(high: high, low: low, scope: scope, port: port))
    }

    /// Whether the host is an IPv4 address.
    package var isIPv4: Bool { high == 0 && low >> 32 == Self.ipv4Prefix >> 32 }

    /// Whether only this machine reaches it: 127.0.0.0/8 or ::1.
    package var isLoopback: Bool {
        isIPv4 ? low & 0xff00_0000 == 0x7f00_0000 : high == 0 && low == 1
    }

    /// Whether it stands for all interfaces of the machine.
    package var isAllInterfaces: Bool { high == 0 && (low == 0 || low == Self.ipv4Prefix) }

    /// Where this machine reaches itself at it: of all interfaces, that of loopback.
    package var reachableHere: SocketAddress {
        if !isAllInterfaces { return self }
        return isIPv4
            ? SocketAddress(high: 0, low: Self.ipv4Prefix | 0x7f00_0001, port: port)
            : SocketAddress(high: 0, low: 1, port: port)
    }

    /// What limits for one client are counted by.
    package var network: PeerNetwork {
        isIPv4 ? PeerNetwork(high: 0, low: low) : PeerNetwork(high: high, low: 0)
    }

    /// "127.0.0.1:7777" or "[::1]:7777", in the shortest form.
    package var description: String {
        let host = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let start = buffer.baseAddress,
                let text = unsafe cairn_address_text(raw, start, buffer.count)
            else { return "" }
            return unsafe String(cString: text)
        }
        return isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)"
    }
}

/// The part of a peer's address that stands for one client: all of an IPv4 address, the first 64 bits
/// of an IPv6 address. A client of IPv6 is given a network of that size and has all its addresses.
package struct PeerNetwork: Hashable, Sendable {
    fileprivate let high: UInt64
    fileprivate let low: UInt64
}
