// SystemCall+Files — the calls on descriptors that move no bytes.
//
// Same rules as SystemCall.swift: EINTR repeated, everything else thrown as it came.
// Why this is sound: the only pointers are those of two local numbers that one call fills.

internal import CLinux
internal import Glibc

/// Two numbers that no other file of the system has while this one is open.
package struct FileIdentity: Hashable, Sendable {
    package let device: UInt64
    package let number: UInt64
}

extension SystemCall {
    /// Makes bytes and length durable; corresponds to `fdatasync(2)`. A failure is final: the
    /// kernel forgets the pages it could not write, so asking again would lie.
    package static func synchronizeData(_ fd: Int32) throws(Errno) {
        try perform { cairn_synchronize_data(fd) }
    }

    /// Makes everything about the file durable; corresponds to `fsync(2)`. A failure is final.
    package static func synchronize(_ fd: Int32) throws(Errno) {
        try perform { cairn_synchronize(fd) }
    }

    /// Lets the kernel begin to write a range that is dirty, and does not wait; corresponds to
    /// `sync_file_range(2)`. Promises nothing: a failure shows in the next synchronisation.
    package static func startWriting(_ fd: Int32, _ range: Range<UInt64>) {
        cairn_start_writing(
            fd, Int64(bitPattern: range.lowerBound), Int64(bitPattern: UInt64(range.count)))
    }

    /// Corresponds to `ftruncate(2)`.
    package static func truncate(_ fd: Int32, to byteCount: UInt64) throws(Errno) {
        try perform { cairn_truncate(fd, Int64(bitPattern: byteCount)) }
    }

    /// Allocates `[0, byteCount)` and makes the file at least that long; corresponds to
    /// `fallocate(2)`, with zeros written where the file system has none.
    package static func allocate(_ fd: Int32, byteCount: UInt64) throws(Errno) {
        if byteCount == 0 { return }
        try perform { cairn_allocate(fd, Int64(bitPattern: byteCount)) }
    }

    /// Asks the kernel to read bytes that are wanted soon; corresponds to `posix_fadvise(2)`.
    /// Only advice: nothing is reported.
    package static func readAhead(_ fd: Int32, _ range: Range<UInt64>) {
        cairn_read_ahead(
            fd, Int64(clamping: range.lowerBound),
            Int64(clamping: range.upperBound - range.lowerBound))
    }

    /// Drops the clean cached pages of the whole file; corresponds to `posix_fadvise(2)`. Dirty
    /// pages stay, so synchronize first.
    package static func dropCache(_ fd: Int32) throws(Errno) {
        try perform { cairn_drop_cache(fd) }
    }

    /// The length of the file; corresponds to `fstat(2)`.
    package static func byteCount(_ fd: Int32) throws(Errno) -> UInt64 {
        UInt64(try perform { cairn_byte_count(fd) })
    }

    /// Which file of the system it is; corresponds to `fstat(2)`.
    package static func identity(_ fd: Int32) throws(Errno) -> FileIdentity {
        var (device, number): (UInt64, UInt64) = (0, 0)
        try perform { unsafe cairn_identity(fd, &device, &number) }
        return FileIdentity(device: device, number: number)
    }

    /// Lets an empty file share all bytes of another until one of them changes; corresponds to
    /// `ioctl(2)` with FICLONE. Most file systems cannot.
    package static func clone(_ source: Int32, to target: Int32) throws(Errno) {
        try perform { cairn_clone(target, source) }
    }

    /// Bytes of the file system that an ordinary user may still take; `statvfs(3)`.
    package static func freeByteCount(_ fd: Int32) throws(Errno) -> UInt64 {
        UInt64(try perform { cairn_free_byte_count(fd) })
    }

    /// Bytes of the whole file system; corresponds to `statvfs(3)`.
    package static func totalByteCount(_ fd: Int32) throws(Errno) -> UInt64 {
        UInt64(try perform { cairn_total_byte_count(fd) })
    }

    /// Takes the exclusive lock of an open file without waiting; false when another open file has
    /// it. Corresponds to `flock(2)`.
    package static func lockExclusively(_ fd: Int32) throws(Errno) -> Bool {
        do throws(Errno) {
            try perform { cairn_lock_exclusive(fd) }
            return true
        } catch {
            if error.code == EWOULDBLOCK { return false }
            throw error
        }
    }

    /// Gives up the lock of an open file, also where copies of the descriptor are open: those that a
    /// child process has until it executes. Corresponds to `flock(2)`.
    package static func unlock(_ fd: Int32) throws(Errno) {
        try perform { cairn_unlock(fd) }
    }
}
