// Digest — SHA-256 and MD5 of bytes that come in pieces of any size, or all at once.
//
// By the system's OpenSSL. MD5 is what clients may send to have a transfer checked; it proves nothing
// against anybody who wants two bodies to look the same. A digest is for one thread at a time, the rest
// is for any. Budget: as fast as the processor's own instructions; one allocation for a `Digest`, none
// for a piece.
// Why this is sound: each pointer comes from a span inside the closure that lends it, with that span's
// length; results are written into arrays of the length that the algorithm has; the state is made,
// used and freed by one object alone.

internal import COpenSSL

/// The digests that there are.
package enum DigestAlgorithm: Hashable, Sendable, CaseIterable {
    case sha256
    case md5

    /// How long a digest is.
    package var byteCount: Int {
        switch self {
        case .sha256: 32
        case .md5: 16
        }
    }

    fileprivate var number: Int32 {
        switch self {
        case .sha256: CAIRN_DIGEST_SHA256
        case .md5: CAIRN_DIGEST_MD5
        }
    }

    /// The digest of all bytes.
    package func digest(of bytes: RawSpan) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: byteCount)
        let isDone = unsafe result.withUnsafeMutableBytes { result in
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe cairn_digest_of(number, bytes.baseAddress, bytes.count, result.baseAddress)
            }
        }
        precondition(isDone == 1, "OpenSSL has its digests, and memory for one")
        return result
    }
}

/// A digest that is being computed.
@safe
package final class Digest {
    /// Which one it is.
    package let algorithm: DigestAlgorithm
    private let state: OpaquePointer
    private var isFinished = false

    /// Of no bytes yet.
    package init(_ algorithm: DigestAlgorithm) {
        guard let state = unsafe cairn_digest_create(algorithm.number) else {
            preconditionFailure("OpenSSL has its digests, and memory for one")
        }
        self.algorithm = algorithm
        unsafe self.state = state
    }

    deinit { unsafe cairn_digest_destroy(state) }

    /// Goes on with these bytes.
    package func update(_ bytes: RawSpan) {
        precondition(!isFinished, "a digest that is finished takes no more bytes")
        let isDone = unsafe bytes.withUnsafeBytes { bytes in
            unsafe cairn_digest_update(state, bytes.baseAddress, bytes.count)
        }
        precondition(isDone == 1, "OpenSSL has memory for a digest")
    }

    /// The digest of all bytes so far, once: nothing may follow.
    package func finish() -> [UInt8] {
        precondition(!isFinished, "a digest is finished once")
        isFinished = true
        var result = [UInt8](repeating: 0, count: algorithm.byteCount)
        let isDone = unsafe result.withUnsafeMutableBytes { result in
            unsafe cairn_digest_finish(state, result.baseAddress)
        }
        precondition(isDone == 1, "OpenSSL has memory for a digest")
        return result
    }
}

/// SHA-256: FIPS 180-4.
package enum SHA256 {
    /// How long a digest is.
    package static let byteCount = 32

    /// The digest of all bytes.
    package static func digest(of bytes: RawSpan) -> [UInt8] {
        DigestAlgorithm.sha256.digest(of: bytes)
    }
}

/// MD5: RFC 1321. For checking transfers only.
package enum MD5 {
    /// How long a digest is.
    package static let byteCount = 16

    /// The digest of all bytes.
    package static func digest(of bytes: RawSpan) -> [UInt8] {
        DigestAlgorithm.md5.digest(of: bytes)
    }
}
