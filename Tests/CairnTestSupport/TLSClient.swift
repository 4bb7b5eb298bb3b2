// TLSClient — the client's side of TLS, between what a test sends and what goes over its socket.
//
// It moves no bytes by itself: a `TestClient` does, in pieces of any size.
// Why this is sound: pointers are of arrays, lent for one call with their size; the client is freed once.

internal import CTLSClient

/// TLS of one client.
@safe
package final class TLSClient {
    private let pointer: OpaquePointer
    /// Whether the server has said that nothing more comes.
    package private(set) var hasNotice = false

    /// TLS 1.3.
    package static let newest: Int32 = 0x0304
    /// TLS 1.2.
    package static let older: Int32 = 0x0303

    package init(
        trusting certificate: String, versionMaximum: Int32 = newest,
        protocols: String? = "\u{8}http/1.1"
    ) throws {
        guard let made = unsafe tls_client_create(certificate, versionMaximum, protocols) else {
            throw ClientFailure.malformed("no TLS client")
        }
        unsafe pointer = made
    }

    deinit { unsafe tls_client_destroy(pointer) }

    /// Goes on with the handshake; true when it is over.
    package func shakeHands() throws -> Bool {
        switch unsafe tls_client_handshake(pointer) {
        case 1: return true
        case TLS_CLIENT_MORE: return false
        default: throw ClientFailure.malformed(failure)
        }
    }

    /// Takes bytes of the server's.
    package func feed(_ bytes: [UInt8]) { unsafe tls_client_feed(pointer, bytes, bytes.count) }

    /// All bytes for the server.
    package func take() -> [UInt8] {
        var all: [UInt8] = []
        var some = [UInt8](repeating: 0, count: 65_536)
        while case let count = unsafe tls_client_take(pointer, &some, some.count), count > 0 {
            all += some.prefix(count)
        }
        return all
    }

    /// What there is, nil when more must be fed before; none at the end.
    package func read() throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        switch unsafe tls_client_read(pointer, &bytes, bytes.count) {
        case let count where count > 0: return Array(bytes.prefix(Int(count)))
        case 0:
            hasNotice = true
            return []
        case Int64(TLS_CLIENT_MORE): return nil
        default: throw ClientFailure.malformed(failure)
        }
    }

    /// Takes bytes for the server's program.
    package func write(_ bytes: [UInt8]) throws {
        guard unsafe tls_client_write(pointer, bytes, bytes.count) == bytes.count else {
            throw ClientFailure.malformed(failure)
        }
    }

    /// Says that nothing more comes.
    package func end() { unsafe tls_client_end(pointer) }
    /// Asks for new keys.
    package func updateKeys() -> Bool { unsafe tls_client_update_keys(pointer) == 1 }
    /// Asks for what no server should grant.
    package func askForRenegotiation() -> Bool { unsafe tls_client_renegotiate(pointer) == 1 }
    /// Goes on with the session of another client.
    package func resume(_ earlier: TLSClient) { unsafe tls_client_resume(pointer, earlier.pointer) }

    /// Which was agreed on.
    package var version: Int32 { unsafe tls_client_version(pointer) }
    /// Whether a session goes on.
    package var isResumed: Bool { unsafe tls_client_resumed(pointer) == 1 }
    /// Of those that were offered.
    package var chosenProtocol: String { unsafe String(cString: tls_client_protocol(pointer)) }
    /// Whom the certificate names.
    package var serverName: String { unsafe String(cString: tls_client_server_name(pointer)) }
    /// What went wrong, in the library's words.
    package var failure: String { unsafe String(cString: tls_client_failure(pointer)) }
}
