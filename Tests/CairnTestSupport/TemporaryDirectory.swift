// TemporaryDirectory — a directory of one test's own, removed with what it holds when it goes.
//
// Made below TMPDIR, or where the C library says temporary files go.
// Why this is sound: mkdtemp(3) changes a terminated array that is this function's own; the other
// pointers are strings lent for one call.

package import CairnSystem
internal import Glibc

/// A directory that goes with its last reference.
package final class TemporaryDirectory: Sendable {
    /// Absolute, if TMPDIR is.
    package let path: String
    package let handle: DirectoryHandle

    /// Throws when there is no place for temporary files.
    package init() throws(FileError) {
        let parent =
            unsafe getenv("TMPDIR").map { text in unsafe String(cString: text) } ?? P_tmpdir
        var template = Array("\(parent)/cairn-test-XXXXXX".utf8CString)
        guard let made = unsafe mkdtemp(&template) else {
            throw FileError(.makeDirectory, path: parent, code: errno)
        }
        path = unsafe String(cString: made)
        guard let handle = try DirectoryHandle.open(path: path) else {
            preconditionFailure("a directory that was just made is there")
        }
        self.handle = handle
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
}
