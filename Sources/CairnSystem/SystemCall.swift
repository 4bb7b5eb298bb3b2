// SystemCall — the system calls on descriptors, each wrapped once.
//
// Interrupted calls are repeated and short transfers continued here and nowhere else: a read ends
// early only at the end of the file, a write is whole or throws. A write that makes no progress
// throws EIO rather than loop. A sync is repeated only after EINTR, never after a failure. Offsets
// above Int64.max are the kernel's to refuse (EINVAL). Any thread; one system call when nothing is
// short, no allocation.
// Why this is sound: every pointer comes from a span inside the closure that lends it, and each
// call gets the bytes from `done` to the end of that same span.

internal import CLinux
internal import Glibc

/// The namespace of the wrapped system calls.
package enum SystemCall {
    /// Repeats `step`, which gets the bytes done so far and returns a count or a negated errno,
    /// until all bytes are done, an error, or (for reads) the end of the file.
    @inline(__always)
    package static func transfer(
        byteCount: Int, endsAtZero: Bool, _ step: (_ done: Int) -> Int64
    ) throws(Errno) -> Int {
        var done = 0
        while done < byteCount {
            let result = step(done)
            if result > 0 {
                done += Int(result)
            } else if result == 0 {
                if endsAtZero { break }
                throw Errno(code: EIO)
            } else if result != Int64(-EINTR) {
                throw Errno(code: Int32(truncatingIfNeeded: -result))
            }
        }
        return done
    }

    /// Repeats a call that transfers nothing while it is interrupted.
    @inline(__always)
    @discardableResult
    package static func perform<Result: FixedWidthInteger & SignedInteger>(
        _ call: () -> Result
    ) throws(Errno) -> Result {
        while true {
            let result = call()
            if result >= 0 { return result }
            if result != Result(-EINTR) { throw Errno(code: Int32(truncatingIfNeeded: -result)) }
        }
    }

    @inline(__always)
    private static func position(_ offset: UInt64, plus done: Int) -> Int64 {
        Int64(bitPattern: offset) &+ Int64(done)
    }

    /// What is left of two pieces after `done` bytes of both together.
    @inline(__always)
    package static func remainder(
        of headByteCount: Int, and tailByteCount: Int, after done: Int
    ) -> (head: Range<Int>, tail: Range<Int>) {
        (
            Swift.min(done, headByteCount)..<headByteCount,
            Swift.max(0, done - headByteCount)..<tailByteCount
        )
    }

    /// Positional read, short only at the end of the file; corresponds to `pread(2)`.
    package static func read(
        _ fd: Int32, into buffer: inout MutableRawSpan, at offset: UInt64
    ) throws(Errno) -> Int {
        try unsafe buffer.withUnsafeMutableBytes { bytes throws(Errno) in
            guard let start = bytes.baseAddress else { return 0 }
            return try transfer(byteCount: bytes.count, endsAtZero: true) { done in
                unsafe cairn_read(
                    fd, start + done, bytes.count - done, position(offset, plus: done))
            }
        }
    }

    /// Reads into `head`, then into `tail`, short only at the end of the file; one `preadv(2)`.
    package static func read(
        _ fd: Int32, into head: inout MutableRawSpan, and tail: inout MutableRawSpan,
        at offset: UInt64
    ) throws(Errno) -> Int {
        if tail.byteCount == 0 { return try read(fd, into: &head, at: offset) }
        if head.byteCount == 0 { return try read(fd, into: &tail, at: offset) }
        return try unsafe head.withUnsafeMutableBytes { head throws(Errno) in
            try unsafe tail.withUnsafeMutableBytes { tail throws(Errno) in
                guard let first = head.baseAddress, let second = tail.baseAddress else { return 0 }
                let byteCount = head.count + tail.count
                return try transfer(byteCount: byteCount, endsAtZero: true) { done in
                    let left = remainder(of: head.count, and: tail.count, after: done)
                    return unsafe cairn_read_two(
                        fd, first + left.head.lowerBound, left.head.count,
                        second + left.tail.lowerBound, left.tail.count,
                        position(offset, plus: done))
                }
            }
        }
    }

    /// Like `read`, but never waits for the disk: nil when a page is not cached, or when the file
    /// system cannot tell. Corresponds to `preadv2(2)` with RWF_NOWAIT.
    package static func readIfCached(
        _ fd: Int32, into buffer: inout MutableRawSpan, at offset: UInt64
    ) throws(Errno) -> Int? {
        do throws(Errno) {
            return try unsafe buffer.withUnsafeMutableBytes { bytes throws(Errno) in
                guard let start = bytes.baseAddress else { return 0 }
                return try transfer(byteCount: bytes.count, endsAtZero: true) { done in
                    unsafe cairn_read_cached(
                        fd, start + done, bytes.count - done, position(offset, plus: done))
                }
            }
        } catch {
            if error.code == EAGAIN || error.code == EOPNOTSUPP || error.code == ENOSYS {
                return nil
            }
            throw error
        }
    }

    /// Positional write of all bytes; corresponds to `pwrite(2)`.
    package static func write(
        _ fd: Int32, _ bytes: RawSpan, at offset: UInt64
    ) throws(Errno) {
        try unsafe bytes.withUnsafeBytes { bytes throws(Errno) in
            guard let start = bytes.baseAddress else { return }
            _ = try transfer(byteCount: bytes.count, endsAtZero: false) { done in
                unsafe cairn_write(
                    fd, start + done, bytes.count - done, position(offset, plus: done))
            }
        }
    }

    /// Writes all of `head`, then all of `tail`; one `pwritev(2)` when nothing is short.
    package static func writeVectored(
        _ fd: Int32, _ head: RawSpan, _ tail: RawSpan, at offset: UInt64
    ) throws(Errno) {
        if tail.byteCount == 0 { return try write(fd, head, at: offset) }
        if head.byteCount == 0 { return try write(fd, tail, at: offset) }
        try unsafe head.withUnsafeBytes { head throws(Errno) in
            try unsafe tail.withUnsafeBytes { tail throws(Errno) in
                guard let first = head.baseAddress, let second = tail.baseAddress else { return }
                let byteCount = head.count + tail.count
                _ = try transfer(byteCount: byteCount, endsAtZero: false) { done in
                    let left = remainder(of: head.count, and: tail.count, after: done)
                    return unsafe cairn_write_two(
                        fd, first + left.head.lowerBound, left.head.count,
                        second + left.tail.lowerBound, left.tail.count,
                        position(offset, plus: done))
                }
            }
        }
    }
}
