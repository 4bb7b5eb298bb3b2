// BlobDigests — what a body must be, checked while it passes by, and what a blob is.
//
// Every digest that was sent is checked; all of them must hold. One thread at a time.

internal import CairnCrypto
internal import CairnHTTP
internal import CairnSystem

/// A digest, or the checksum, that is being computed.
// Sendable: used by one thread at a time, as its owner promises.
final class BlobHasher: @unchecked Sendable {
    let algorithm: IntegrityAlgorithm
    private var crc: UInt32 = 0
    /// Nil: a checksum is computed.
    private let digest: Digest?

    init(_ algorithm: IntegrityAlgorithm) {
        self.algorithm = algorithm
        digest =
            switch algorithm {
            case .crc32c: nil
            case .md5: Digest(.md5)
            case .sha256: Digest(.sha256)
            }
    }

    /// The next bytes.
    func update(_ bytes: RawSpan) {
        if let digest { digest.update(bytes) } else { crc = Checksum.crc32c(bytes, seed: crc) }
    }

    /// Of all bytes; once.
    func finish() -> [UInt8] {
        digest?.finish() ?? [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: crc >> $0) }
    }
}

/// What one body must be.
// Sendable: as a hasher.
final class BlobDigests: @unchecked Sendable {
    private let fields: IntegrityFields
    private let hashers: [BlobHasher]

    /// Nil when nothing is to be checked.
    init?(_ fields: IntegrityFields) {
        if fields.isEmpty { return nil }
        self.fields = fields
        hashers = IntegrityAlgorithm.allCases.compactMap { algorithm in
            fields[algorithm] == nil ? nil : BlobHasher(algorithm)
        }
    }

    /// The next bytes.
    func update(_ bytes: RawSpan) {
        for hasher in hashers { hasher.update(bytes) }
    }

    /// Why the body, of which all bytes were seen, is another one; nil: it is the one. Once.
    func problem() -> Problem? {
        for hasher in hashers where fields[hasher.algorithm] != hasher.finish() {
            return Problem(
                .digestMismatch, "the \(hasher.algorithm.name) of the body is another one")
        }
        return nil
    }
}
