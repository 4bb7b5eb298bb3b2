// SipHash — the keyed hash of keys: SipHash-1-3 over the bytes and one domain byte behind them.
//
// The domain byte keeps inputs of different meaning apart (a user's key never hashes like an
// internal one), and comes last so that nothing is copied. Pure, any thread, no allocation.
// Budget: 15 ns for a key of 16 bytes.
// Why this is sound: the pointer and length that the C functions get are those of one borrowed
// span, and they read nothing outside of it.

internal import CLinux

/// A hash of 128 bits.
package struct Hash128: Hashable, Sendable, BitwiseCopyable {
    package let first: UInt64
    package let second: UInt64

    @inlinable
    package init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }
}

/// The secret key of a SipHash.
package struct SipHashKey: Hashable, Sendable, BitwiseCopyable {
    package let first: UInt64
    package let second: UInt64

    @inlinable
    package init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    /// A fresh key from the kernel's generator.
    package static func random() -> SipHashKey {
        SipHashKey(first: SystemRandom.next(), second: SystemRandom.next())
    }

    /// SipHash-1-3 of 128 bits over `bytes`, then the byte `domain`.
    @inlinable
    @inline(__always)
    package func hash(_ bytes: RawSpan, domain: UInt8) -> Hash128 {
        let hash = unsafe bytes.withUnsafeBytes { bytes in
            unsafe cairn_siphash13_128(first, second, bytes.baseAddress, bytes.count, domain)
        }
        return Hash128(first: hash.first, second: hash.second)
    }

    /// The first half of `hash(_:domain:)`, without computing the second.
    @inlinable
    @inline(__always)
    package func hashFirst(_ bytes: RawSpan, domain: UInt8) -> UInt64 {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe cairn_siphash13_128(first, second, bytes.baseAddress, bytes.count, domain).first
        }
    }

    /// SipHash-1-3 of 64 bits over `bytes`, then the byte `domain`. Not a half of `hash`.
    @inlinable
    @inline(__always)
    package func hash64(_ bytes: RawSpan, domain: UInt8) -> UInt64 {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe cairn_siphash13_64(first, second, bytes.baseAddress, bytes.count, domain)
        }
    }

    /// SipHash-2-4 of 128 bits over `bytes` alone: the same code with the published parameters,
    /// for its reference vectors.
    package func referenceHash(_ bytes: RawSpan) -> Hash128 {
        let hash = unsafe bytes.withUnsafeBytes { bytes in
            unsafe cairn_siphash24_128(first, second, bytes.baseAddress, bytes.count)
        }
        return Hash128(first: hash.first, second: hash.second)
    }

    /// SipHash-2-4 of 64 bits over `bytes` alone, for the reference vectors.
    package func referenceHash64(_ bytes: RawSpan) -> UInt64 {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe cairn_siphash24_64(first, second, bytes.baseAddress, bytes.count)
        }
    }
}
