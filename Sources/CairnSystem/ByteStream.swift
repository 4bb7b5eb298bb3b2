// ByteStream — a file read or written from front to back: the standard streams, pipes, a path.
//
// For the tools: the store's own files go through `DirectoryHandle`. Interrupted calls are repeated
// and short transfers continued; the end of the input is a read of nothing. A stream is used by one
// thread at a time. What was opened is closed with the last reference; the standard streams stay.
// Why this is sound: every pointer comes from a span inside the closure that lends it, or is the
// terminated string that `String` lends for one call.

internal import CLinux
internal import Glibc

/// A file that is read or written from front to back.
package final class ByteStream: Sendable {
    /// What messages call it.
    package let name: String
    let rawValue: Int32
    private let isOwned: Bool

    private init(name: String, rawValue: Int32, isOwned: Bool) {
        self.name = name
        self.rawValue = rawValue
        self.isOwned = isOwned
    }

    deinit { if isOwned { try? SystemCall.close(rawValue) } }

    /// Descriptor 0.
    package static let standardInput = ByteStream(
        name: "standard input", rawValue: 0, isOwned: false)
    /// Descriptor 1.
    package static let standardOutput = ByteStream(
        name: "standard output", rawValue: 1, isOwned: false)
    /// Descriptor 2.
    package static let standardError = ByteStream(
        name: "standard error", rawValue: 2, isOwned: false)

    /// Opens the file at a path for reading, whatever its kind.
    package static func reading(_ path: String) throws(FileError) -> ByteStream {
        try opened(path, .open) { unsafe cairn_open_for_reading(path) }
    }

    /// Opens the file at a path for writing: emptied if it is there, made if not.
    package static func writing(_ path: String) throws(FileError) -> ByteStream {
        try opened(path, .create) { unsafe cairn_open_for_writing(path) }
    }

    private static func opened(
        _ path: String, _ operation: FileOperation, _ call: () -> Int32
    ) throws(FileError) -> ByteStream {
        do throws(Errno) {
            return ByteStream(name: path, rawValue: try SystemCall.perform(call), isOwned: true)
        } catch {
            throw FileError(operation, path: path, error)
        }
    }

    /// Fills `buffer`, waiting for what is to come; fewer bytes only at the end of the input.
    package func read(into buffer: inout MutableRawSpan) throws(FileError) -> Int {
        let byteCount = buffer.byteCount
        do throws(Errno) {
            return try unsafe buffer.withUnsafeMutableBytes { bytes throws(Errno) in
                guard let start = bytes.baseAddress else { return 0 }
                return try SystemCall.transfer(byteCount: byteCount, endsAtZero: true) { done in
                    unsafe cairn_read_next(rawValue, start + done, byteCount - done)
                }
            }
        } catch {
            throw FileError(.readNext, path: name, error)
        }
    }

    /// Writes all bytes.
    package func write(_ bytes: RawSpan) throws(FileError) {
        do throws(Errno) {
            try unsafe bytes.withUnsafeBytes { bytes throws(Errno) in
                guard let start = bytes.baseAddress else { return }
                _ = try SystemCall.transfer(byteCount: bytes.count, endsAtZero: false) { done in
                    unsafe cairn_write_next(rawValue, start + done, bytes.count - done)
                }
            }
        } catch {
            throw FileError(.writeNext, path: name, error)
        }
    }

    /// How long the input is; nil when it is no regular file.
    package var byteCount: UInt64? {
        let count = cairn_regular_byte_count(rawValue)
        return count < 0 ? nil : UInt64(count)
    }

    /// A directory can be opened for reading, and has no bytes: throws what a read of it would.
    package func requireNoDirectory() throws(FileError) {
        guard cairn_is_directory(rawValue) != 0 else { return }
        throw FileError(.readNext, path: name, code: EISDIR)
    }

    /// Whether a person sits at the other end.
    package var isTerminal: Bool { cairn_is_terminal(rawValue) != 0 }

    /// The width of the terminal, where it is one and says so.
    package var columnCount: Int? {
        let count = Int(cairn_terminal_column_count(rawValue))
        return count > 0 ? count : nil
    }

    /// Keeps the numbers of standard streams that were closed from files that are opened later: what is
    /// meant for such a stream fails, instead of going to a file of the store. Called before any other.
    package static func holdStandardStreams() throws(FileError) {
        do throws(Errno) {
            _ = try SystemCall.perform { cairn_hold_standard_descriptors() }
        } catch {
            throw FileError(.open, path: "/dev/null", error)
        }
    }

    /// Makes a write into a closed pipe an error; by default SIGPIPE ends the process.
    package static func ignorePipeSignal() { cairn_ignore_pipe_signal() }
}
