// Bytes — what the standard library's raw spans lack: copies, comparison, arrays as spans.
//
// Every range is checked, also in release. Pure functions on borrowed memory; no state.
// Why this is sound: each pointer lives inside the closure that lends it, lengths are checked
// against the span it came from, and exclusive access to a MutableRawSpan means that source and
// destination of a copy do not overlap. Bytes have no padding to expose. `mutableRawSpan` keeps a
// pointer past its closure, but within the exclusive access to the array that the result carries.

public import Glibc

extension MutableRawSpan {
    /// Copies all of `source` to `offset`. Traps when it does not fit.
    @inlinable
    @inline(__always)
    package mutating func copy(from source: RawSpan, to offset: Int) {
        precondition(
            offset >= 0 && offset <= byteCount && source.byteCount <= byteCount - offset,
            "a copy stays inside its destination")
        unsafe withUnsafeMutableBytes { destination in
            unsafe source.withUnsafeBytes { source in
                guard let to = destination.baseAddress, let from = source.baseAddress else {
                    return
                }
                unsafe memcpy(to + offset, from, source.count)
            }
        }
    }

    /// Fills a range with zeros. Traps when it is not inside.
    @inlinable
    package mutating func zero(_ range: Range<Int>) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= byteCount, "a fill stays inside its span")
        unsafe withUnsafeMutableBytes { destination in
            guard let to = destination.baseAddress else { return }
            unsafe memset(to + range.lowerBound, 0, range.count)
        }
    }
}

extension RawSpan {
    /// One byte. Traps outside.
    @inlinable
    @inline(__always)
    package func byte(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Eight bytes, the first one lowest. Traps outside.
    @inlinable
    @inline(__always)
    package func word(at offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Where the byte stands first, at `start` or behind it.
    @inlinable
    package func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        unsafe withUnsafeBytes { bytes in
            guard start < bytes.count, let base = bytes.baseAddress,
                let found = unsafe memchr(base + start, Int32(byte), bytes.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    /// Whether both hold the same bytes.
    @inlinable
    package func isEqual(to other: RawSpan) -> Bool {
        byteCount == other.byteCount && compare(other) == 0
    }

    /// Bytewise order: negative, zero or positive; a prefix comes first.
    @inlinable
    package func compare(_ other: RawSpan) -> Int {
        let common = Swift.min(byteCount, other.byteCount)
        let order = unsafe withUnsafeBytes { own in
            unsafe other.withUnsafeBytes { other in
                guard let left = own.baseAddress, let right = other.baseAddress else {
                    return Int32(0)
                }
                return unsafe memcmp(left, right, common)
            }
        }
        return order != 0 ? Int(order) : byteCount - other.byteCount
    }

    /// Whether all bytes are zero.
    package var isZero: Bool {
        unsafe withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, bytes.count > 0 else { return true }
            if unsafe bytes[0] != 0 { return false }
            // Every byte equals the one before it, and the first is zero.
            return unsafe memcmp(start, start + 1, bytes.count - 1) == 0
        }
    }

    /// How many bytes at the front are zero.
    package var leadingZeroByteCount: Int {
        var count = 0
        var step = 4096
        while step > 0 {
            while count + step <= byteCount, extracting(count..<count + step).isZero {
                count += step
            }
            step /= 16
        }
        return count
    }

    /// Asks the processor for the first KiB, so that a pass that comes soon does not wait for it;
    /// further on the processor sees by itself that the bytes are read in order.
    @inlinable
    @inline(__always)
    package func prefetch() {
        unsafe withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            var offset = 0
            while offset < Swift.min(bytes.count, 1024) {
                unsafe CairnSystem.prefetch(start + offset)
                offset &+= 64
            }
        }
    }

    /// A copy of the bytes.
    @inlinable
    package func copyBytes() -> [UInt8] {
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }
}

extension StaticString {
    /// Its bytes, which are the program's.
    @inlinable
    package var rawSpan: RawSpan {
        @inline(__always)
        @_lifetime(immortal)
        get {
            precondition(hasPointerRepresentation, "the string is more than one character's number")
            let span = unsafe RawSpan(_unsafeStart: utf8Start, byteCount: utf8CodeUnitCount)
            return unsafe _overrideLifetime(span, borrowing: ())
        }
    }
}

extension Array where Element == UInt8 {
    /// The bytes of the array, borrowed.
    @inlinable
    package var rawSpan: RawSpan {
        @_lifetime(borrow self)
        get { unsafe span.bytes }
    }

    /// The bytes of the array, borrowed for writing.
    @inlinable
    package var mutableRawSpan: MutableRawSpan {
        @_lifetime(&self)
        mutating get {
            var elements = mutableSpan
            // `elements.mutableBytes` would end with this getter; the storage is held by the access
            // to the array, which the result carries on.
            let bytes = unsafe elements.withUnsafeMutableBytes { bytes in unsafe bytes }
            let span = unsafe MutableRawSpan(_unsafeBytes: bytes)
            return unsafe _overrideLifetime(span, copying: elements)
        }
    }

    /// Appends a copy of `source`.
    @inlinable
    package mutating func append(copying source: RawSpan) {
        unsafe source.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }

    /// Lends the bytes for writing.
    @inlinable
    package mutating func withMutableRawSpan<Result: ~Copyable, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var span = mutableRawSpan
        return try body(&span)
    }
}
