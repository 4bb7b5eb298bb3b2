// AlignedBuffer — a fixed block of zeroed memory at an aligned address.
//
// Ranges are checked in release too. The buffer has no lock: whoever shares it sees to it that no
// byte is written while another thread reads or writes that byte. Freed with the last reference;
// spans borrow the buffer and so cannot outlive it.
// Why this is sound: the memory is allocated, zeroed and freed by this object alone, every span is
// cut from it after a range check, and its lifetime is tied to a borrow of the buffer. Two mutable
// spans of one byte are the caller's data race to avoid, as said above.

internal import Glibc

// Sendable although mutable: the class promises nothing about threads beyond memory that stays
// where it is; disjoint ranges are independent, and callers order access to the same range.
/// Aligned memory of fixed length.
@safe
package final class AlignedBuffer: @unchecked Sendable {
    @usableFromInline
    let start: UnsafeMutableRawPointer
    /// The length, never changing.
    package let byteCount: Int

    /// Allocates and zeroes; the alignment is a power of two.
    package init(byteCount: Int, alignment: Int = 4096) {
        precondition(byteCount >= 0, "a length is not negative")
        precondition(
            alignment > 0 && alignment & (alignment - 1) == 0, "an alignment is a power of two")
        unsafe start = .allocate(byteCount: Swift.max(byteCount, 1), alignment: alignment)
        unsafe memset(start, 0, byteCount)
        self.byteCount = byteCount
    }

    deinit { unsafe start.deallocate() }

    @inlinable
    @inline(__always)
    func check(_ range: Range<Int>) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= byteCount, "a range stays in its buffer")
    }

    /// All bytes.
    @inlinable
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = unsafe RawSpan(_unsafeStart: start, byteCount: byteCount)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// The bytes of a range.
    @inlinable
    @inline(__always)
    @_lifetime(borrow self)
    package func bytes(_ range: Range<Int>) -> RawSpan {
        check(range)
        let span = unsafe RawSpan(_unsafeStart: start + range.lowerBound, byteCount: range.count)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// The bytes of a range for writing; nobody else may touch them meanwhile.
    @inlinable
    @inline(__always)
    @_lifetime(borrow self)
    package func mutableBytes(_ range: Range<Int>) -> MutableRawSpan {
        check(range)
        let span = unsafe MutableRawSpan(
            _unsafeStart: start + range.lowerBound, byteCount: range.count)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// Fills a range with zeros.
    @inlinable
    package func zero(_ range: Range<Int>) {
        check(range)
        unsafe memset(start + range.lowerBound, 0, range.count)
    }

    /// Copies `source` to `offset`; source may be another part of this buffer.
    @inlinable
    package func copy(from source: RawSpan, to offset: Int) {
        precondition(
            offset >= 0 && offset <= byteCount && source.byteCount <= byteCount - offset,
            "a copy stays inside its buffer")
        unsafe source.withUnsafeBytes { bytes in
            guard let from = bytes.baseAddress else { return }
            unsafe memmove(start + offset, from, bytes.count)
        }
    }
}
