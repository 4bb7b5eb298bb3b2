// ModelDirectory — a directory of one test's own, removed with what it holds when it goes.
//
// Made below TMPDIR, or where the C library says temporary files go.
// Why this is sound: mkdtemp(3) changes a terminated array that is this function's own; the other
// pointers are strings lent for one call.

import CairnSystem
import Glibc
import Testing

final class ModelDirectory: Sendable {
    let path: String

    init() throws {
        let parent =
            unsafe getenv("TMPDIR").map { text in unsafe String(cString: text) } ?? P_tmpdir
        var template = Array("\(parent)/cairn-model-XXXXXX".utf8CString)
        let made = try unsafe #require(unsafe mkdtemp(&template))
        path = unsafe String(cString: made)
    }

    deinit {
        if let handle = try? DirectoryHandle.open(path: path) { Self.empty(handle) }
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
