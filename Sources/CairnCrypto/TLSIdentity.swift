// TLSIdentity — who a server is to its clients: a chain of certificates and the key of the first.
//
// Read once from two files in PEM; whoever changes the files makes another identity. TLS 1.2 and 1.3, as
// the head of identity.c says. Immutable, any thread.
// Why this is sound: the texts are lent for the one call that reads them, with their lengths; the words
// of OpenSSL are a terminated string in an array of ours; the pointer is freed by this object alone, after
// the last session that has a reference to it.

internal import COpenSSL
package import CairnSystem

/// Why there is no identity.
package enum TLSIdentityError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A file that cannot be read.
    case file(FileError)
    /// A file that is longer than any chain or key.
    case tooLong(path: String)
    case noCertificate(path: String)
    case noKey(path: String)
    /// Nobody is there to be asked for its passphrase.
    case encryptedKey(path: String)
    /// The key is another's.
    case foreignKey(path: String, certificatePath: String)
    /// OpenSSL does not take it, and says why.
    case refused(path: String, reason: String)

    /// For operators: what is wrong with which file.
    package var description: String {
        switch self {
        case .file(let error): error.description
        case .tooLong(let path): "\(path) is too long for a certificate chain or a key"
        case .noCertificate(let path): "\(path) holds no certificate in PEM"
        case .noKey(let path): "\(path) holds no private key in PEM"
        case .encryptedKey(let path):
            "the key in \(path) is encrypted; a server has nobody to ask for its passphrase"
        case .foreignKey(let path, let certificatePath):
            "the key in \(path) is not that of the first certificate in \(certificatePath)"
        case .refused(let path, let reason): "OpenSSL does not take \(path): \(reason)"
        }
    }
}

// Sendable: OpenSSL counts references to what the pointer names and locks what changes in it; nothing of
// ours is changed after `init`.
/// A chain of certificates, its key, and what is offered with them.
@safe
package final class TLSIdentity: @unchecked Sendable {
    private static let fileByteCountMaximum = 1 << 20

    let pointer: OpaquePointer

    /// Reads the certificate of the server, with those that vouch for it behind it, and the key.
    package init(certificatePath: String, keyPath: String) throws(TLSIdentityError) {
        let chain = try Self.read(certificatePath)
        let key = try Self.read(keyPath)
        var failure: Int32 = 0
        var message = [CChar](repeating: 0, count: 256)
        let made = unsafe chain.withUnsafeBytes { chain in
            unsafe key.withUnsafeBytes { key in
                unsafe cairn_tls_identity_create(
                    chain.baseAddress, chain.count, key.baseAddress, key.count, &failure, &message,
                    message.count)
            }
        }
        guard let made = unsafe made else {
            let reason = String(
                decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw Self.error(failure, certificatePath, keyPath, reason)
        }
        unsafe pointer = made
    }

    /// A client's, who has no certificate and takes any: for asking a server of the same machine how it
    /// does, never for what is secret. Nil when there is no memory for it.
    package init?(trustingAnybody: Void) {
        guard let made = unsafe cairn_tls_client_create() else { return nil }
        unsafe pointer = made
    }

    deinit { unsafe cairn_tls_identity_destroy(pointer) }

    private static func error(
        _ failure: Int32, _ certificatePath: String, _ keyPath: String, _ reason: String
    ) -> TLSIdentityError {
        switch failure {
        case CAIRN_TLS_NO_CERTIFICATE: .noCertificate(path: certificatePath)
        case CAIRN_TLS_NO_KEY: .noKey(path: keyPath)
        case CAIRN_TLS_ENCRYPTED_KEY: .encryptedKey(path: keyPath)
        case CAIRN_TLS_FOREIGN_KEY: .foreignKey(path: keyPath, certificatePath: certificatePath)
        case CAIRN_TLS_REFUSED_KEY: .refused(path: keyPath, reason: reason)
        default: .refused(path: certificatePath, reason: reason)
        }
    }

    private static func read(_ path: String) throws(TLSIdentityError) -> [UInt8] {
        do throws(FileError) {
            let stream = try ByteStream.reading(path)
            var bytes = [UInt8](repeating: 0, count: fileByteCountMaximum + 1)
            let count = try bytes.withMutableRawSpan { span throws(FileError) in
                try stream.read(into: &span)
            }
            bytes.removeLast(bytes.count - count)
            if count <= fileByteCountMaximum { return bytes }
        } catch {
            throw .file(error)
        }
        throw .tooLong(path: path)
    }
}
