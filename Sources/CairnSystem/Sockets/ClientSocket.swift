// ClientSocket — a connection to a server, for whoever asks one question and waits for the answer.
//
// Everything has one deadline, set when it is made: no server can keep its client waiting. Each call waits,
// so it is not for the loops of a server. One thread at a time.

internal import CLinux
internal import Glibc

/// A connection that was made from here.
package struct ClientSocket: ~Copyable {
    private let descriptor: Descriptor
    private let poller: Poller
    private let address: SocketAddress
    private let deadline: UInt64

    /// Connects; this and all that follows is over after so long, with ETIMEDOUT.
    package init(to address: SocketAddress, within duration: Duration) throws(SocketError) {
        let milliseconds = UInt64(max(0, duration / .milliseconds(1)))
        let deadline = Clock.monotonicNanoseconds() + milliseconds * 1_000_000
        let descriptor = Descriptor(
            owning: try SocketError.naming(.open, address) { cairn_socket_open(address.raw) })
        let fd = descriptor.rawValue
        let poller = try Poller()
        do throws(Errno) {
            try poller.add(fd, .none, token: 0)
        } catch {
            throw SocketError(.connect, address, code: error.code)
        }
        // Not repeated when a signal interrupts it: it goes on by itself.
        let code = cairn_socket_connect(fd, address.raw)
        if code != 0, code != -EINPROGRESS, code != -EINTR {
            throw SocketError(.connect, address, code: -code)
        }
        if code != 0 { try Self.wait(poller, fd, .write, until: deadline, .connect, address) }
        try SocketError.naming(.connect, address) { cairn_socket_failure(fd) }
        self.descriptor = descriptor
        self.poller = poller
        self.address = address
        self.deadline = deadline
    }

    /// The descriptor's number; valid while the socket lives.
    package var rawValue: Int32 { descriptor.rawValue }

    /// Sends all bytes.
    package func send(_ bytes: RawSpan) throws(SocketError) {
        var done = 0
        while done < bytes.byteCount {
            done += try waiting(for: .write, .send) {
                SystemCall.send(rawValue, bytes.extracting(done..<bytes.byteCount))
            }
        }
    }

    /// Receives what comes next, at most a whole buffer; 0 at the end.
    package func receive(into buffer: inout MutableRawSpan) throws(SocketError) -> Int {
        try waiting(for: .read, .receive) { SystemCall.receive(rawValue, into: &buffer) }
    }

    /// Calls `body`, which does something with the socket, until it does not block, waiting for `interest` in between. Returns how
    /// many bytes that moved; 0: the peer has ended.
    package func waiting(
        for interest: PollInterest, _ operation: SocketOperation, _ body: () -> SocketResult
    ) throws(SocketError) -> Int {
        while true {
            switch body() {
            case .done(let count): return count
            case .wouldBlock: try wait(interest, for: operation)
            case .ended where operation == .send:
                throw SocketError(operation, address, code: EPIPE)
            case .ended: return 0
            case .failed(let error): throw SocketError(operation, address, code: error.code)
            }
        }
    }

    private func wait(
        _ interest: PollInterest, for operation: SocketOperation
    ) throws(SocketError) {
        try Self.wait(poller, descriptor.rawValue, interest, until: deadline, operation, address)
    }

    private static func wait(
        _ poller: borrowing Poller, _ fd: Int32, _ interest: PollInterest, until deadline: UInt64,
        _ operation: SocketOperation, _ address: SocketAddress
    ) throws(SocketError) {
        poller.modify(fd, interest, token: 0)
        var events = PollEvents(capacity: 1)
        repeat {
            let now = Clock.monotonicNanoseconds()
            if now >= deadline { throw SocketError(operation, address, code: ETIMEDOUT) }
            poller.wait(into: &events, timeout: .nanoseconds(Int64(clamping: deadline - now)))
        } while events.count == 0
    }
}
