// FileError — what the operating system refused: the operation, where, and its errno.
//
// The lowest of the three kinds of error (FileError, FormatError, StoreError). `Errno` is the bare
// number that the system calls throw; whoever knows the file's name turns it into a FileError.
// Descriptions are for operators and name everything that is known.
// Why this is sound: the only pointer is a local buffer of fixed size that strerror_r(3) fills with
// a terminated string, copied into a String before the buffer goes.

internal import CLinux
internal import Glibc

/// A bare error number of the operating system.
package struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
    package let code: Int32

    package init(code: Int32) { self.code = code }

    /// The system's words for it: "No space left on device (errno 28)".
    package var description: String {
        let message = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) {
            buffer in
            guard let start = buffer.baseAddress else { return "" }
            return unsafe String(cString: cairn_error_message(code, start, buffer.count))
        }
        return "\(message) (errno \(code))"
    }
}

/// The operations that a `FileError` can name, by their system call.
package enum FileOperation: String, Sendable, CaseIterable {
    case open
    case create
    case close
    case read = "pread"
    case write = "pwrite"
    case readNext = "read"
    case writeNext = "write"
    case truncate = "ftruncate"
    case allocate = "fallocate"
    case synchronize = "fsync"
    case synchronizeData = "fdatasync"
    case dropCache = "fadvise"
    case status = "fstat"
    case freeSpace = "statvfs"
    case lock = "flock"
    case listNames = "readdir"
    case makeDirectory = "mkdir"
    case removeDirectory = "rmdir"
    case rename
    case link
    case clone = "ioctl FICLONE of"
    case unlink
    case startThread = "pthread_create"
}

/// A failed operation on a file or directory.
package struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    package let operation: FileOperation
    package let path: String
    package let offset: UInt64?
    package let byteCount: Int?
    package let code: Int32

    package init(
        _ operation: FileOperation, path: String, offset: UInt64? = nil, byteCount: Int? = nil,
        code: Int32
    ) {
        self.operation = operation
        self.path = path
        self.offset = offset
        self.byteCount = byteCount
        self.code = code
    }

    package init(
        _ operation: FileOperation, path: String, offset: UInt64? = nil, byteCount: Int? = nil,
        _ error: Errno
    ) {
        self.init(operation, path: path, offset: offset, byteCount: byteCount, code: error.code)
    }

    /// No room for the bytes: the disk, the quota or the size limit is reached.
    package var isOutOfSpace: Bool { code == ENOSPC || code == EDQUOT || code == EFBIG }
    /// The name does not exist.
    package var isMissing: Bool { code == ENOENT }
    /// The user may not do that.
    package var isDenied: Bool { code == EACCES || code == EPERM }
    /// The name exists already.
    package var isPresent: Bool { code == EEXIST }
    /// The file system takes no writes.
    package var isReadOnly: Bool { code == EROFS }
    /// The two places cannot share bytes, or not any more.
    package var isUnshareable: Bool {
        [EXDEV, EPERM, EMLINK, EOPNOTSUPP, EINVAL, ENOTTY, ENOSYS].contains(code)
    }
    /// A sync failed, of data or of names. That is final: it is never tried again.
    package var isFailedSync: Bool { operation == .synchronize || operation == .synchronizeData }
    /// Nobody reads the pipe any more.
    package var isBrokenPipe: Bool { code == EPIPE }
    /// The process or the system has no more descriptors.
    package var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }

    /// "pwrite 4096 bytes at 81920 of X: No space left on device (errno 28)".
    package var description: String {
        var text = operation.rawValue
        if let byteCount { text += " " + counted(byteCount, "byte") }
        if let offset { text += " at \(offset)" }
        if byteCount != nil || offset != nil { text += " of" }
        return "\(text) \(path): \(Errno(code: code))"
    }
}
