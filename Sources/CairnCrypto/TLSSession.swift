// TLSSession — TLS of one connection, over its socket, which does not block and is not owned.
//
// Calls move what can be moved now, as those of `SystemCall` do. Either way may have to wait for the other:
// what the next call waits for stands in `receivesWhenWritable` and `sendsWhenReadable`. Bytes may wait here
// that the socket does not tell of: see `holdsBytes`. One thread at a time.
// Why this is sound: every pointer to bytes comes from a span inside the closure that lends it, with that
// span's length; OpenSSL keeps none of them, for a write that goes on later gets its bytes again. The
// session is made, used and freed by one object alone, which keeps the identity, and never uses the socket
// but within a call.

internal import COpenSSL
package import CairnSystem
internal import Glibc

/// A session: the server's side of it, or a client's by the identity.
@safe
package final class TLSSession {
    private let identity: TLSIdentity
    private let pointer: OpaquePointer
    /// Whether the handshake is over.
    package private(set) var isOpen = false
    /// The call that would go on needs room to send, whatever it was.
    package private(set) var receivesWhenWritable = false
    /// The same the other way round.
    package private(set) var sendsWhenReadable = false

    /// A session over a connected socket, which must stay open as long as there are calls; nil when there
    /// is no memory for it.
    package init?(_ identity: TLSIdentity, over fd: Int32) {
        guard let made = unsafe cairn_tls_session_create(identity.pointer, fd) else { return nil }
        self.identity = identity
        unsafe pointer = made
    }

    deinit { unsafe cairn_tls_session_destroy(pointer) }

    /// Whether `receive` may have something although the socket is not readable.
    package var holdsBytes: Bool { unsafe cairn_tls_holds_bytes(pointer) != 0 }

    /// Goes on with the handshake; done when it is over.
    package func handshake() -> SocketResult {
        let result = unsafe cairn_tls_handshake(pointer)
        // What holds nothing is no reason to wait: who can send is told to go on at once.
        receivesWhenWritable = result == CAIRN_TLS_WANTS_WRITE || result == CAIRN_TLS_NO_BYTES
        isOpen = result > 0
        return receivesWhenWritable ? .wouldBlock : Self.result(result)
    }

    /// Takes what has come, of one record at most. Done with no bytes: there was a record that holds none.
    package func receive(into buffer: inout MutableRawSpan) -> SocketResult {
        let result = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe cairn_tls_receive(pointer, bytes.baseAddress, bytes.count)
        }
        receivesWhenWritable = result == CAIRN_TLS_WANTS_WRITE
        return Self.result(result)
    }

    /// Sends at most one record. When it would block the same bytes must come again, others behind them.
    package func send(_ bytes: RawSpan) -> SocketResult {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            unsafe cairn_tls_send(pointer, bytes.baseAddress, bytes.count)
        }
        return sent(result)
    }

    /// Tells the client that nothing more comes; done when that was sent. Fails where a session has failed,
    /// or has never been open.
    package func endSending() -> SocketResult { sent(unsafe cairn_tls_end_sending(pointer)) }

    private func sent(_ result: Int64) -> SocketResult {
        sendsWhenReadable = result == CAIRN_TLS_WANTS_READ || result == CAIRN_TLS_NO_BYTES
        return sendsWhenReadable ? .wouldBlock : Self.result(result)
    }

    private static func result(_ result: Int64) -> SocketResult {
        switch Int32(truncatingIfNeeded: result) {
        case _ where result > 0: .done(Int(result))
        case CAIRN_TLS_ENDED: .ended
        case CAIRN_TLS_WANTS_READ, CAIRN_TLS_WANTS_WRITE: .wouldBlock
        case CAIRN_TLS_NO_BYTES: .done(0)
        default: .failed(Errno(code: EPROTO))
        }
    }
}
