// TemporaryDirectory — a directory of one test's own, removed with what it holds when it goes.
//
// Made below TMPDIR, or where the C library says temporary files go.
// Why this is sound: mkdtemp(3) changes a terminated array that is this function's own; the other
// pointers are strings lent for one call.

import CairnSystem
import Glibc
import Testing

final class TemporaryDirectory: Sendable {
    let path: String
    let handle: DirectoryHandle

    init() throws {
        let parent =
            unsafe getenv("TMPDIR").map { text in unsafe String(cString: text) } ?? P_tmpdir
        var template = Array("\(parent)/cairn-system-XXXXXX".utf8CString)
        let made = try unsafe #require(unsafe mkdtemp(&template))
        path = unsafe String(cString: made)
        handle = try #require(try DirectoryHandle.open(path: path))
    }

    deinit {
        Self.empty(handle)
        unsafe rmdir(path)
    }

    /// Removes all names, and those of directories inside first.
    private static func empty(_ directory: DirectoryHandle) {
        for name in (try? directory.names()) ?? [] {
            if let inner = try? directory.directory(name) {
                empty(inner)
                unsafe rmdir(inner.path)
            } else {
                try? directory.unlink(name)
            }
        }
    }

    /// An existing file, whose descriptor the caller closes.
    func open(_ name: String, writable: Bool = false) throws -> Int32 {
        guard let descriptor = try handle.open(name, writable: writable) else {
            throw FileError(.open, path: name, code: ENOENT)
        }
        return descriptor.release()
    }

    /// A new file with these contents.
    func file(_ name: String, _ contents: [UInt8] = []) throws -> Descriptor {
        let descriptor = try handle.create(name)
        try SystemCall.write(descriptor.rawValue, contents.rawSpan, at: 0)
        return descriptor
    }
}

/// All bytes of an open file.
func contents(of fd: Int32) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(try SystemCall.byteCount(fd)) + 1)
    let count = try bytes.withMutableRawSpan { span in
        try SystemCall.read(fd, into: &span, at: 0)
    }
    return Array(bytes.prefix(count))
}

/// What a file without a length, as those of /proc are, has to say; closes it.
func contents(ofStream fd: Int32) throws -> [UInt8] {
    defer { try? SystemCall.close(fd) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = try bytes.withMutableRawSpan { span in
        try SystemCall.read(fd, into: &span, at: 0)
    }
    return Array(bytes.prefix(count))
}
