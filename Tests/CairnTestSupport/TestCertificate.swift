// TestCertificate — certificates and keys for one test, made when it runs, so that none can expire.
//
// Why this is sound: texts are lent for one call; results are written into arrays whose length is said.

internal import CTLSClient
package import CairnSystem

/// A certificate for 127.0.0.1 and its key, in PEM.
package struct TestCertificate: Sendable {
    /// The certificate.
    package let certificate: String
    /// Its key.
    package let key: String

    /// Under this name; vouched for by itself, or by another. With a passphrase the key is encrypted.
    package init(
        _ name: String, issuedBy issuer: TestCertificate? = nil, passphrase: String? = nil
    ) {
        var texts = (
            [CChar](repeating: 0, count: 8192), [CChar](repeating: 0, count: 8192)
        )
        let isMade = unsafe tls_make_certificate(
            name, issuer?.certificate, issuer?.key, passphrase, &texts.0, &texts.1, 8192)
        precondition(isMade == 1, "a certificate can be made")
        certificate = Self.text(texts.0)
        key = Self.text(texts.1)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(
            decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A chain and a key in files, which go with the last reference.
package final class TestIdentityFiles: Sendable {
    private let directory: TemporaryDirectory
    /// Where the chain is.
    package let certificatePath: String
    /// Where the key is.
    package let keyPath: String

    /// Writes texts, whatever they are.
    package init(chain: String, key: String) throws(FileError) {
        directory = try TemporaryDirectory()
        certificatePath = directory.path + "/chain.pem"
        keyPath = directory.path + "/key.pem"
        try ByteStream.writing(certificatePath).write(Array(chain.utf8).rawSpan)
        try ByteStream.writing(keyPath).write(Array(key.utf8).rawSpan)
    }

    /// Writes a certificate with its key.
    package convenience init(_ made: TestCertificate) throws(FileError) {
        try self.init(chain: made.certificate, key: made.key)
    }
}
