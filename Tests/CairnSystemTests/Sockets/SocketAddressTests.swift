// SocketAddressTests — what is read as an address, what is not, and what an address says of itself.
//
// No name here leaves the machine: "localhost" is in its own tables, and the others cannot be asked for.

import CairnSystem
import Testing

@Suite("Socket address") struct SocketAddressTests {
    @Test(
        "an address is printed in its shortest form, which reads as the same address",
        arguments: [
            ("127.0.0.1:7777", "127.0.0.1:7777"), ("0.0.0.0:0", "0.0.0.0:0"),
            ("255.254.253.252:65535", "255.254.253.252:65535"), ("1.2.3.4:00080", "1.2.3.4:80"),
            ("[::1]:7777", "[::1]:7777"), ("[::]:1", "[::]:1"), (":7777", "[::]:7777"),
            ("[2001:DB8:0:0:0:0:0:a]:80", "[2001:db8::a]:80"),
            ("[1:2:3:4:5:6:7:8]:80", "[1:2:3:4:5:6:7:8]:80"),
            ("[::ffff:10.1.2.3]:80", "10.1.2.3:80"), ("[fe80::1%lo]:80", "[fe80::1%1]:80"),
        ])
    func reading(text: String, printed: String) throws {
        let address = try SocketAddress(parsing: text)
        #expect(address.description == printed)
        #expect(try SocketAddress(parsing: printed) == address)
    }

    @Test(
        "what is no address is refused for what is wrong with it",
        arguments: [
            ("", .empty), ("127.0.0.1", .noPort), ("127.0.0.1:", .noPort), (":", .noPort),
            ("[::1]", .noPort), ("7777", .noPort), ("127.0.0.1:65536", .badPort),
            ("127.0.0.1:99999999999999999999", .badPort), ("127.0.0.1:-1", .badPort),
            ("127.0.0.1:+1", .badPort), ("127.0.0.1:0x50", .badPort), ("localhost:http", .badPort),
            ("::1:7777", .noBrackets), ("::", .noBrackets), ("fe80::1:2:3", .noBrackets),
            ("http://127.0.0.1:80", .noBrackets), ("[]:80", .badHost), ("[::1:80", .badHost),
            ("[::1]x:80", .badHost), ("[::g]:80", .badHost), ("[127.0.0.1]:80", .badHost),
            ("[localhost]:80", .badHost), ("[fe80::1%nowhere]:80", .badHost),
            ("256.1.1.1:80", .badHost), ("1.2.3:80", .badHost), ("1:80", .badHost),
            ("127.0.0.0x1:80", .badHost), ("127.0.0.1.:80", .badHost), (".:80", .badHost),
            ("*:80", .badHost), ("a/b:80", .badHost), ("local host:80", .badHost),
            (" localhost:80", .badHost), ("localhost:80\n", .badPort), ("local\0host:80", .badHost),
            ("bücher:80", .badHost), ("[::1\0x]:80", .badHost), ("[::1 ]:80", .badHost),
        ] as [(String, SocketAddressError.Problem)])
    func refusing(text: String, problem: SocketAddressError.Problem) {
        #expect(throws: SocketAddressError(text, problem)) { try SocketAddress(parsing: text) }
    }

    @Test("a name stands for an address of it")
    func name() throws {
        let address = try SocketAddress(parsing: "localhost:7777")
        #expect(address.isLoopback)
        #expect(address.port == 7777)
    }

    @Test("a name without an address is refused in the system's words")
    func unknownName() {
        // No question to a name server can be made of it.
        let text = "nobody..here:80"
        let error = #expect(throws: SocketAddressError.self) { try SocketAddress(parsing: text) }
        guard case .unresolved(let reason) = error?.problem else {
            Issue.record("it is refused for another reason: \(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
        #expect(error?.description == "address \"\(text)\" has a host that is not known: \(reason)")
    }

    @Test("a refusal quotes the text and says what would be right")
    func explanation() {
        let error = SocketAddressError("::1:80", .noBrackets)
        #expect(
            error.description
                == "address \"::1:80\" has an IPv6 address without brackets; write [::1]:7777")
    }

    @Test(
        "only this machine reaches a loopback address",
        arguments: [
            ("127.0.0.1:1", true), ("127.255.255.255:1", true), ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true), ("126.0.0.1:1", false), ("128.0.0.1:1", false),
            ("0.0.0.0:1", false), (":1", false), ("[::2]:1", false), ("[1::1]:1", false),
            ("[7f00::1]:1", false), ("[::7f00:1]:1", false),
        ])
    func loopback(text: String, isLoopback: Bool) throws {
        #expect(try SocketAddress(parsing: text).isLoopback == isLoopback)
    }

    @Test(
        "an address that means all interfaces says so",
        arguments: [
            (":1", true), ("[::]:1", true), ("0.0.0.0:1", true), ("127.0.0.1:1", false),
            ("[::1]:1", false), ("[1::]:1", false), ("0.0.0.1:1", false),
        ])
    func allInterfaces(text: String, isAllInterfaces: Bool) throws {
        #expect(try SocketAddress(parsing: text).isAllInterfaces == isAllInterfaces)
    }

    @Test("one client is one address of IPv4, or 64 bits of IPv6, whatever its port")
    func network() throws {
        func network(_ text: String) throws -> PeerNetwork {
            try SocketAddress(parsing: text).network
        }
        #expect(try network("10.1.2.3:1") == network("10.1.2.3:2"))
        #expect(try network("10.1.2.3:1") == network("[::ffff:10.1.2.3]:1"))
        #expect(try network("10.1.2.3:1") != network("10.1.2.4:1"))
        #expect(try network("[1:2:3:4:5::6]:1") == network("[1:2:3:4:ffff::]:2"))
        #expect(try network("[1:2:3:4::]:1") != network("[1:2:3:5::]:1"))
        #expect(try network("[::1]:1") != network("127.0.0.1:1"))
        #expect(try network("[::1]:1") != network("0.0.0.0:1"))
    }
}
