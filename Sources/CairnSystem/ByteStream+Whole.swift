// ByteStream+Whole — small files that are read whole, and who may read or change them.
//
// For configuration and secrets: what is asked is asked of the open file, not of its name, which may be
// another file's by then. Any thread that has the stream for itself.
// Why this is sound: the pointers are those of two local integers, lent for one call.

internal import CLinux
internal import Glibc

/// Who may do what with a file.
package struct FilePermissions: Hashable, Sendable {
    /// The lowest nine bits are those of chmod(1).
    package let mode: UInt32
    /// The number of the user whose it is.
    package let owner: UInt32

    /// Whether the group or anybody else may read it, change it or run it.
    package var isForOthers: Bool { mode & 0o077 != 0 }
    /// Whether the group or anybody else may change it.
    package var isWritableByOthers: Bool { mode & 0o022 != 0 }
    /// Whether it belongs to the user of this process, or to the one who may do everything anyway.
    package var isOwnedHere: Bool { owner == cairn_effective_user() || owner == 0 }

    /// "0640".
    package var text: String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension ByteStream {
    /// Who may do what with the file; corresponds to `fstat(2)`.
    package func permissions() throws(FileError) -> FilePermissions {
        var (mode, owner): (UInt32, UInt32) = (0, 0)
        let code = unsafe cairn_file_permissions(rawValue, &mode, &owner)
        if code < 0 { throw FileError(.status, path: name, code: -code) }
        return FilePermissions(mode: mode, owner: owner)
    }

    /// All bytes from here to the end; EFBIG when there are more than so many.
    package func readAll(atMost byteCount: Int) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = try buffer.withMutableRawSpan { (buffer) throws(FileError) in
                try read(into: &buffer)
            }
            bytes += buffer[..<count]
            if bytes.count > byteCount { throw FileError(.readNext, path: name, code: EFBIG) }
            if count < buffer.count { return bytes }
        }
    }
}
