// SocketAddress+Parsing — `HOST:PORT`, `[IPV6]:PORT` and `:PORT` as an address.
//
// For what an operator writes, once at the start: a name is looked up, which may wait for the network.
// Bad text is a `SocketAddressError`, which quotes it and says what is wrong. Nothing that only the C
// library would call an address is taken: "1:80" or "0x7f.1:80" are mistakes here.
// Why this is sound: the only pointers are strings and a local structure that are lent for one call, and
// a static string of the C library.

internal import CLinux

/// Text that is no address to listen at.
package struct SocketAddressError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with it.
    package enum Problem: Error, Hashable, Sendable {
        /// There is no text.
        case empty
        /// No ":" is there, or nothing behind it.
        case noPort
        /// What stands behind the last ":" is no decimal number from 0 to 65535.
        case badPort
        /// An IPv6 address without its brackets, where the port cannot be told from the address.
        case noBrackets
        /// What is in front of the port is neither an address nor can it be a name.
        case badHost
        /// The system knows no address of the name, for this reason.
        case unresolved(reason: String)
    }

    /// The text as it was given.
    package let text: String
    /// What is wrong with it.
    package let problem: Problem

    package init(_ text: String, _ problem: Problem) {
        self.text = text
        self.problem = problem
    }

    private var explanation: String {
        switch problem {
        case .empty: "is empty; write HOST:PORT, [IPV6]:PORT or :PORT"
        case .noPort: "has no port; write HOST:PORT, [IPV6]:PORT or :PORT"
        case .badPort: "has a port that is not a number from 0 to 65535"
        case .noBrackets: "has an IPv6 address without brackets; write [::1]:7777"
        case .badHost: "has a host that is neither an address nor a name"
        case .unresolved(let reason): "has a host that is not known: \(reason)"
        }
    }

    /// "address “x:99999” has a port that is not a number from 0 to 65535".
    package var description: String { "address \"\(text)\" \(explanation)" }
}

extension SocketAddress {
    /// Reads `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for all interfaces. The host is an address or a
    /// name; of a name that has several addresses the one counts that the system puts first.
    package init(parsing text: String) throws(SocketAddressError) {
        do throws(SocketAddressError.Problem) {
            self = try Self.read(text)
        } catch {
            throw SocketAddressError(text, error)
        }
    }

    private static func read(_ text: String) throws(SocketAddressError.Problem) -> SocketAddress {
        if text.isEmpty { throw .empty }
        // The C library would take what is in front of it.
        if text.utf8.contains(0) { throw .badHost }
        guard let colon = text.lastIndex(of: ":"), text.last != "]" else { throw .noPort }
        let host = text[..<colon]
        let isBracketed = host.first == "["
        if !isBracketed && host.contains(":") { throw .noBrackets }
        let port = try readPort(text[text.index(after: colon)...])
        if host.isEmpty { return .allInterfaces(port: port) }
        let address = isBracketed ? try readIPv6(host) : try readHost(String(host))
        return address.with(port: port)
    }

    private static func readPort(
        _ digits: Substring
    ) throws(SocketAddressError.Problem) -> UInt16 {
        if digits.isEmpty { throw .noPort }
        // The initializer would take a sign.
        guard digits.utf8.allSatisfy({ isDigit($0) }), let port = UInt16(digits) else {
            throw .badPort
        }
        return port
    }

    private static func readIPv6(
        _ bracketed: Substring
    ) throws(SocketAddressError.Problem) -> SocketAddress {
        guard bracketed.last == "]", bracketed.count > 2 else { throw .badHost }
        var address = cairn_address()
        guard unsafe cairn_read_ipv6(String(bracketed.dropFirst().dropLast()), &address) == 0
        else { throw .badHost }
        return SocketAddress(address)
    }

    private static func readHost(
        _ host: String
    ) throws(SocketAddressError.Problem) -> SocketAddress {
        var address = cairn_address()
        if unsafe cairn_read_ipv4(host, &address) != 0 { return SocketAddress(address) }
        guard host.utf8.allSatisfy({ isOfName($0) }), !endsInNumber(host) else { throw .badHost }
        let code = unsafe cairn_resolve(host, &address)
        if code != 0 {
            throw .unresolved(reason: unsafe String(cString: cairn_resolve_message(code)))
        }
        return SocketAddress(address)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: isDigit(byte)
        }
    }

    /// No name of the net does; the C library takes such text for an address in an old notation.
    private static func endsInNumber(_ host: String) -> Bool {
        host.split(separator: ".").last?.utf8.first.map { isDigit($0) } ?? true
    }
}
