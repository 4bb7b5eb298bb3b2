// SystemCall+Sockets — the calls on a connected stream socket, each wrapped once.
//
// For sockets that do not block, as `ListeningSocket` gives them. Each call moves what can be moved now
// and says so as a value: nothing is thrown, nothing allocated, one system call unless a signal
// interrupts it. A call for no bytes makes none and is done. A peer that went away is an Errno, never a
// signal, except in `send(_:file:)`. Any thread.
// Why this is sound: every pointer comes from a span inside the closure that lends it, with the length
// of that same span.

internal import CLinux
internal import Glibc

/// What came of a call on a stream socket.
package enum SocketResult: Hashable, Sendable {
    /// So many bytes were moved: at least one, unless none were asked for.
    case done(Int)
    /// Nothing can be moved now; a `Poller` tells when.
    case wouldBlock
    /// The end: the peer sends no more, or the file has no bytes there.
    case ended
    /// The connection is of no use any more.
    case failed(Errno)
}

extension SystemCall {
    /// The result of a call for at least one byte that returns a count or a negated errno; repeated
    /// while it is interrupted.
    @inline(__always)
    package static func attempt(_ call: () -> Int64) -> SocketResult {
        while true {
            let result = call()
            if result > 0 { return .done(Int(result)) }
            if result == 0 { return .ended }
            if result == Int64(-EAGAIN) { return .wouldBlock }
            if result != Int64(-EINTR) {
                return .failed(Errno(code: Int32(truncatingIfNeeded: -result)))
            }
        }
    }

    /// Takes what has come, at most a whole buffer; corresponds to `recv(2)`.
    package static func receive(_ fd: Int32, into buffer: inout MutableRawSpan) -> SocketResult {
        unsafe buffer.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress, bytes.count > 0 else { return .done(0) }
            return attempt { unsafe cairn_receive(fd, start, bytes.count) }
        }
    }

    /// Sends what the socket has room for; corresponds to `send(2)`. With `moreFollows` the kernel may
    /// keep an incomplete packet for the bytes of the next call.
    package static func send(
        _ fd: Int32, _ bytes: RawSpan, moreFollows: Bool = false
    ) -> SocketResult {
        unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, bytes.count > 0 else { return .done(0) }
            return attempt { unsafe cairn_send(fd, start, bytes.count, moreFollows ? 1 : 0) }
        }
    }

    /// Sends of `head`, then of `tail`, what the socket has room for, and counts the bytes of both
    /// together; corresponds to `sendmsg(2)`.
    package static func send(_ fd: Int32, _ head: RawSpan, _ tail: RawSpan) -> SocketResult {
        if tail.byteCount == 0 { return send(fd, head) }
        if head.byteCount == 0 { return send(fd, tail) }
        return unsafe head.withUnsafeBytes { head in
            unsafe tail.withUnsafeBytes { tail in
                guard let first = head.baseAddress, let second = tail.baseAddress else {
                    return .done(0)
                }
                return attempt {
                    unsafe cairn_send_two(fd, first, head.count, second, tail.count)
                }
            }
        }
    }

    /// Sends bytes of a file without a copy through this process, as many as the socket has room for;
    /// `.ended` where the file has none. Waits for the disk where they are not cached. Corresponds to
    /// `sendfile(2)`, which knows no way to withhold SIGPIPE: a `ServiceThread` blocks it, elsewhere
    /// it must be ignored.
    package static func send(
        _ fd: Int32, file: Int32, offset: UInt64, byteCount: Int
    ) -> SocketResult {
        if byteCount == 0 { return .done(0) }
        return attempt { cairn_send_file(fd, file, Int64(bitPattern: offset), byteCount) }
    }

    /// Tells the peer that nothing more comes, behind what was sent; receiving goes on. Corresponds to
    /// `shutdown(2)`.
    package static func shutdownSending(_ fd: Int32) throws(Errno) {
        try perform { cairn_shutdown_sending(fd) }
    }

    /// Sends small pieces at once, instead of waiting until the peer has acknowledged earlier ones;
    /// corresponds to TCP_NODELAY.
    package static func setNoDelay(_ fd: Int32) throws(Errno) {
        try perform { cairn_socket_no_delay(fd) }
    }
}
