// What a service manager is told, at a path and at an abstract name.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

/// A socket where datagrams come in.
private struct DatagramSocket: ~Copyable {
    let descriptor: Descriptor

    /// Bound to a path, or to a name that begins with a zero byte.
    init(_ name: [UInt8]) throws {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = try check(socket(AF_UNIX, kind, 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let byteCount = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        try unsafe check(
            withUnsafeBytes(of: address) { bytes in
                let start = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
                return unsafe bind(fd, start, byteCount)
            })
        descriptor = Descriptor(owning: fd)
    }

    func next() throws -> String {
        String(decoding: try receiveSome(descriptor.rawValue), as: UTF8.self)
    }
}

@Suite("Service manager") struct ServiceManagerTests {
    @Test("each call is one datagram, at a path")
    func path() throws {
        let directory = try TemporaryDirectory()
        let path = Array((directory.path + "/notify").utf8)
        let socket = try DatagramSocket(path)
        let manager = try #require(ServiceManager(socket: path))
        try manager.tell(.ready, .status("loading\n50 %"))
        try manager.tell(.reloading(monotonicNanoseconds: 1_234_567))
        try manager.tell(.stopping)
        #expect(try socket.next() == "READY=1\nSTATUS=loading 50 %")
        #expect(try socket.next() == "RELOADING=1\nMONOTONIC_USEC=1234")
        #expect(try socket.next() == "STOPPING=1")
    }

    @Test("an abstract name begins with @")
    func abstractName() throws {
        let name = Array("cairn-test-\(SystemRandom.next())".utf8)
        let socket = try DatagramSocket([0] + name)
        let manager = try #require(ServiceManager(socket: Array("@".utf8) + name))
        try manager.tell(.ready)
        #expect(try socket.next() == "READY=1")
    }

    @Test("a manager that is not there is an error, and one that is no path is none")
    func missing() throws {
        let directory = try TemporaryDirectory()
        let manager = try #require(
            ServiceManager(socket: Array((directory.path + "/none").utf8)))
        #expect(throws: Errno(code: ENOENT)) { try manager.tell(.ready) }
        let long = try #require(ServiceManager(socket: [UInt8](repeating: 0x2f, count: 200)))
        #expect(throws: Errno(code: ENAMETOOLONG)) { try long.tell(.ready) }
        for name in ["", "/", "@", "relative", "vsock:2:1"] {
            #expect(ServiceManager(socket: Array(name.utf8)) == nil, "\(name)")
        }
    }

    @Test("the environment names the manager")
    func environment() async {
        await #expect(processExitsWith: .success) {
            unsafe unsetenv("NOTIFY_SOCKET")
            guard ServiceManager.ofThisProcess == nil else { exit(2) }
            unsafe setenv("NOTIFY_SOCKET", "/nowhere", 1)
            guard ServiceManager.ofThisProcess != nil else { exit(3) }
        }
    }
}

@Suite("Operator signals") struct OperatorSignalsTests {
    @Test("signals are told before the bell, and each of them once")
    func order() async {
        await #expect(processExitsWith: .success) {
            var signals = try OperatorSignals()
            signals.bell.ring()
            signals.bell.ring()
            raise(SIGHUP)
            guard signals.next() == .signal(.hangUp), signals.next() == .bell else { exit(2) }
            raise(SIGTERM)
            guard signals.next() == .signal(.terminate) else { exit(3) }
            signals.bell.ring()
            guard signals.next() == .bell else { exit(4) }
        }
    }

    @Test("a ring from another thread wakes who waits")
    func wake() async {
        await #expect(processExitsWith: .success) {
            var signals = try OperatorSignals()
            let bell = signals.bell
            let thread = try ServiceThread.start(name: "rings") { bell.ring() }
            guard signals.next() == .bell else { exit(2) }
            thread.join()
        }
    }
}
