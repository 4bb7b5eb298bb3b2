// Descriptor — owns one file descriptor and closes it once.
//
// `close()` is the honest end: it reports what the kernel says. A descriptor that just goes out of
// scope is closed quietly. Closing a number that is not open is a broken invariant of ours, since
// by then it may be somebody else's file, and traps. Not copyable; move it between threads freely.

internal import CLinux
internal import Glibc

/// The owner of one open file descriptor.
package struct Descriptor: ~Copyable, Sendable {
    /// The number, valid while the owner lives.
    package let rawValue: Int32

    /// Takes over a descriptor that nobody else closes.
    package init(owning rawValue: Int32) {
        precondition(rawValue >= 0, "a descriptor is not negative")
        self.rawValue = rawValue
    }

    deinit { try? SystemCall.close(rawValue) }

    /// Closes and reports a failure; the descriptor is gone either way. Corresponds to `close(2)`.
    package consuming func close() throws(Errno) {
        let number = release()
        try SystemCall.close(number)
    }

    /// Gives up ownership: the caller closes the number.
    package consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }
}

extension SystemCall {
    /// Corresponds to `close(2)`; never repeated, because the number is free even after EINTR.
    package static func close(_ fd: Int32) throws(Errno) {
        let result = cairn_close(fd)
        precondition(result != -EBADF, "a descriptor is closed once")
        if result < 0 && result != -EINTR { throw Errno(code: -result) }
    }
}
