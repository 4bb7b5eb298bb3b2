// SecretComparison — whether two byte strings are the same, without telling where they differ.
//
// For what somebody who may not know it presents: digests of tokens. How long it takes depends on the
// lengths alone, which are no secret. Pure, any thread.
// Why this is sound: both pointers come from spans inside the closures that lend them, and as many bytes
// are looked at as both have.

internal import COpenSSL

extension RawSpan {
    /// Whether both hold the same bytes, in a time that does not depend on them.
    package func isEqualInConstantTime(to other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        return unsafe withUnsafeBytes { left in
            unsafe other.withUnsafeBytes { right in
                unsafe cairn_is_equal_in_constant_time(
                    left.baseAddress, right.baseAddress, left.count) != 0
            }
        }
    }
}
