// DirectoryHandle — an open directory; every name is resolved inside it and never by path.
//
// The path of the directory itself follows symbolic links, names inside never do. Only regular
// files open, and opening never waits, whatever stands under the name. A change of names is durable
// after `synchronize()`. Any thread; closed when the last reference goes.
// Why this is sound: pointers are the terminated strings that `String` lends for one call, and a
// name from readdir(3), copied before the stream moves on. The stream stays in one function.

internal import CLinux
internal import Glibc

/// An open directory.
package final class DirectoryHandle: Sendable {
    /// The path it was opened by, for messages.
    package let path: String
    /// The descriptor, valid while the handle lives.
    package let rawValue: Int32
    /// Whether the directory was made when it was opened.
    package let isNew: Bool

    private init(path: String, rawValue: Int32, isNew: Bool) {
        self.path = path
        self.rawValue = rawValue
        self.isNew = isNew
    }

    deinit { try? SystemCall.close(rawValue) }

    /// Opens the directory at a path, making it (mode 0700, not its parents) first if asked. Nil
    /// when there is none and `create` is false.
    package static func open(
        path: String, create: Bool = false
    ) throws(FileError) -> DirectoryHandle? {
        var isNew = false
        if create {
            isNew = try make(path) { () throws(Errno) in
                try SystemCall.perform { unsafe cairn_make_directory(path) }
            }
        }
        return try adopt(path, mustExist: create, isNew: isNew) { () throws(Errno) in
            try SystemCall.perform { unsafe cairn_open_directory(path) }
        }
    }

    /// Opens a directory inside this one; as `open(path:create:)`, but refuses a symbolic link.
    package func directory(
        _ name: String, create: Bool = false
    ) throws(FileError) -> DirectoryHandle? {
        let path = self.path(of: name)
        var isNew = false
        if create {
            isNew = try Self.make(path) { () throws(Errno) in
                try SystemCall.perform { unsafe cairn_make_directory_at(rawValue, name) }
            }
        }
        return try Self.adopt(path, mustExist: create, isNew: isNew) { () throws(Errno) in
            try SystemCall.perform { unsafe cairn_open_directory_at(rawValue, name) }
        }
    }

    /// False when it is there already.
    private static func make(
        _ path: String, _ call: () throws(Errno) -> Int32
    ) throws(FileError) -> Bool {
        do throws(Errno) {
            _ = try call()
            return true
        } catch {
            if error.code != EEXIST { throw FileError(.makeDirectory, path: path, error) }
            return false
        }
    }

    private static func adopt(
        _ path: String, mustExist: Bool, isNew: Bool, _ call: () throws(Errno) -> Int32
    ) throws(FileError) -> DirectoryHandle? {
        do throws(Errno) {
            return DirectoryHandle(path: path, rawValue: try call(), isNew: isNew)
        } catch {
            if error.code == ENOENT && !mustExist { return nil }
            throw FileError(.open, path: path, error)
        }
    }

    /// The path of a name, for messages. A name has no slash and no zero byte.
    package func path(of name: String) -> String {
        precondition(
            !name.isEmpty && !name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") },
            "a name is one component of a path")
        return path.hasSuffix("/") ? path + name : path + "/" + name
    }

    /// Runs a call and names it in the error.
    private func attempt<Value>(
        _ operation: FileOperation, _ name: String, _ call: () throws(Errno) -> Value
    ) throws(FileError) -> Value {
        let path = path(of: name)
        do throws(Errno) {
            return try call()
        } catch {
            throw FileError(operation, path: path, error)
        }
    }

    /// Makes a directory of mode 0700; the name must not exist. Corresponds to `mkdirat(2)`.
    package func makeDirectory(_ name: String) throws(FileError) {
        _ = try attempt(.makeDirectory, name) { () throws(Errno) in
            try SystemCall.perform { unsafe cairn_make_directory_at(rawValue, name) }
        }
    }

    /// Removes a directory that is empty; corresponds to `unlinkat(2)` with AT_REMOVEDIR.
    package func removeDirectory(_ name: String) throws(FileError) {
        _ = try attempt(.removeDirectory, name) { () throws(Errno) in
            try SystemCall.perform { unsafe cairn_remove_directory_at(rawValue, name) }
        }
    }

    /// Removes the directory at a path, if it is empty; corresponds to `rmdir(2)`.
    package static func remove(path: String) throws(FileError) {
        do throws(Errno) {
            _ = try SystemCall.perform { unsafe cairn_remove_directory(path) }
        } catch {
            throw FileError(.removeDirectory, path: path, error)
        }
    }

    /// Creates a regular file of mode 0600 for reading and writing; the name must not exist.
    package func create(_ name: String) throws(FileError) -> Descriptor {
        let fd = try attempt(.create, name) { () throws(Errno) in
            try SystemCall.perform { unsafe cairn_create_at(rawValue, name) }
        }
        return Descriptor(owning: fd)
    }

    /// Opens a regular file; nil when the name does not exist. Corresponds to `openat(2)`.
    package func open(_ name: String, writable: Bool) throws(FileError) -> Descriptor? {
        try open(name) { () throws(Errno) in
            try SystemCall.perform { unsafe cairn_open_at(rawValue, name, writable ? 1 : 0) }
        }
    }

    /// Opens a regular file to be read past the page cache, where the file system lets us; nil when the
    /// name does not exist. Corresponds to `openat(2)` with O_DIRECT.
    package func openUncached(_ name: String) throws(FileError) -> Descriptor? {
        try open(name) { () throws(Errno) in
            try SystemCall.perform { unsafe cairn_open_direct_at(rawValue, name) }
        }
    }

    private func open(
        _ name: String, _ call: () throws(Errno) -> Int32
    ) throws(FileError) -> Descriptor? {
        let fd: Int32? = try attempt(.open, name) { () throws(Errno) in
            do throws(Errno) {
                return try call()
            } catch {
                if error.code == ENOENT { return nil }
                throw error
            }
        }
        guard let fd else { return nil }
        return Descriptor(owning: fd)
    }

    /// Opens a regular file for reading and writing, creating it (mode 0600) when missing.
    package func openOrCreate(_ name: String) throws(FileError) -> Descriptor {
        let fd = try attempt(.open, name) { () throws(Errno) in
            try SystemCall.perform { unsafe cairn_open_or_create_at(rawValue, name) }
        }
        return Descriptor(owning: fd)
    }

    /// Renames atomically, replacing an existing name; corresponds to `renameat(2)`.
    package func rename(
        _ name: String, to newName: String, in destination: DirectoryHandle? = nil
    ) throws(FileError) {
        let destination = destination ?? self
        _ = destination.path(of: newName)
        _ = try attempt(.rename, name) { () throws(Errno) in
            try SystemCall.perform {
                unsafe cairn_rename_at(rawValue, name, destination.rawValue, newName)
            }
        }
    }

    /// Gives a file a second name, which must not exist; corresponds to `linkat(2)`.
    package func link(
        _ name: String, to newName: String, in destination: DirectoryHandle
    ) throws(FileError) {
        _ = destination.path(of: newName)
        _ = try attempt(.link, name) { () throws(Errno) in
            try SystemCall.perform {
                unsafe cairn_link_at(rawValue, name, destination.rawValue, newName)
            }
        }
    }

    /// Makes a new file that shares the bytes of `name` until one of the two changes; false when the
    /// file system cannot, and then nothing was made. Corresponds to `ioctl(2)` with FICLONE.
    package func clone(
        _ name: String, to newName: String, in destination: DirectoryHandle
    ) throws(FileError) -> Bool {
        guard let source = try open(name, writable: false) else {
            throw FileError(.open, path: path(of: name), code: ENOENT)
        }
        let target = try destination.create(newName)
        do throws(Errno) {
            try SystemCall.clone(source.rawValue, to: target.rawValue)
            return true
        } catch {
            let failure = FileError(.clone, path: path(of: name), error)
            try destination.unlink(newName)
            if failure.isUnshareable { return false }
            throw failure
        }
    }

    /// Which directory of the system it is; corresponds to `fstat(2)`.
    package func identity() throws(FileError) -> FileIdentity {
        do throws(Errno) {
            return try SystemCall.identity(rawValue)
        } catch {
            throw FileError(.status, path: path, error)
        }
    }

    /// The path of the directory in which a path's last name stands.
    package static func parent(of path: String) -> String {
        var bytes = Array(path.utf8)
        let slash = UInt8(ascii: "/")
        while bytes.count > 1, bytes.last == slash { bytes.removeLast() }
        guard let place = bytes.lastIndex(of: slash) else { return "." }
        return place == 0 ? "/" : String(decoding: bytes[..<place], as: UTF8.self)
    }

    /// Removes a name; corresponds to `unlinkat(2)`.
    package func unlink(_ name: String) throws(FileError) {
        _ = try attempt(.unlink, name) { () throws(Errno) in
            try SystemCall.perform { unsafe cairn_unlink_at(rawValue, name) }
        }
    }

    /// Makes the names durable; corresponds to `fsync(2)` of the directory. A failure is final.
    package func synchronize() throws(FileError) {
        do throws(Errno) {
            try SystemCall.synchronize(rawValue)
        } catch {
            throw FileError(.synchronize, path: path, error)
        }
    }

    /// All names in no order, without "." and ".."; corresponds to `readdir(3)`. Names that are
    /// not UTF-8 come repaired: they are nobody's of ours, and do not open.
    package func names() throws(FileError) -> [String] {
        var code: Int32 = 0
        guard let stream = unsafe cairn_names_open(rawValue, &code) else {
            throw FileError(.listNames, path: path, code: code)
        }
        defer { unsafe cairn_names_close(stream) }
        var names: [String] = []
        while let name = unsafe cairn_names_next(stream, &code) {
            names.append(unsafe String(cString: name))
        }
        if code != 0 { throw FileError(.listNames, path: path, code: code) }
        return names
    }
}
