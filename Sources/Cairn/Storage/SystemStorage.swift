// SystemStorage — the disk: `Storage` over the system calls.
//
// A file handle is the descriptor itself, so reads, writes and syncs go straight to the kernel, with
// no lock and no reference counts. The open files' paths, wanted only in error messages, stand in a
// table under a lock that is touched at open, close and error and never held across a system call.
// `openDirectories` comes before everything else. A missing subdirectory, seen only by readers of a
// damaged store, has no names; writing into it fails as missing. Any thread.

package import CairnSystem

/// The storage of a directory of the operating system.
package final class SystemStorage: Storage {
    /// Everything that the lock guards.
    private struct State {
        var directories: [StoreDirectory: DirectoryHandle] = [:]
        /// Those that were made here.
        var new: Set<StoreDirectory> = []
        var paths: [FileHandle: String] = [:]
        var writerLock: FileLock?
    }

    /// The errno of a name that does not exist.
    private static let missingCode: Int32 = 2
    private static let lockName = "LOCK"

    package let location: String
    private let state = Guarded(State())
    private let maps: MappedFiles?

    /// Names the directory; nothing is opened yet. `maps`: what `expectReads` announces is mapped.
    package init(path: String, maps: Bool = true) {
        location = path
        self.maps = maps ? MappedFiles() : nil
    }

    deinit {
        // The engine closes what it opened; this catches what an error left behind.
        let left = state.withLock { state in Array(state.paths.keys) }
        for file in left { try? SystemCall.close(file.rawValue) }
    }
}

// MARK: - Bytes

extension SystemStorage {
    package func read(
        _ file: FileHandle, into buffer: inout MutableRawSpan, at offset: UInt64
    ) throws(FileError) -> Int {
        if let maps, maps.read(file.rawValue, into: &buffer, at: offset) {
            return buffer.byteCount
        }
        do throws(Errno) {
            return try SystemCall.read(file.rawValue, into: &buffer, at: offset)
        } catch {
            throw failure(.read, file, offset: offset, byteCount: buffer.byteCount, error)
        }
    }

    package func readIfCached(
        _ file: FileHandle, into buffer: inout MutableRawSpan, at offset: UInt64
    ) throws(FileError) -> Int? {
        do throws(Errno) {
            return try SystemCall.readIfCached(file.rawValue, into: &buffer, at: offset)
        } catch {
            throw failure(.read, file, offset: offset, byteCount: buffer.byteCount, error)
        }
    }

    package func expectReads(of file: FileHandle, byteCount: UInt64) {
        maps?.add(file.rawValue, byteCount: byteCount)
    }

    package func readAhead(_ file: FileHandle, _ range: Range<UInt64>) {
        SystemCall.readAhead(file.rawValue, range)
    }

    package func write(
        _ file: FileHandle, _ bytes: RawSpan, at offset: UInt64
    ) throws(FileError) {
        do throws(Errno) {
            try SystemCall.write(file.rawValue, bytes, at: offset)
        } catch {
            throw failure(.write, file, offset: offset, byteCount: bytes.byteCount, error)
        }
    }

    package func write(
        _ file: FileHandle, _ head: RawSpan, _ tail: RawSpan, at offset: UInt64
    ) throws(FileError) {
        do throws(Errno) {
            try SystemCall.writeVectored(file.rawValue, head, tail, at: offset)
        } catch {
            let byteCount = head.byteCount + tail.byteCount
            throw failure(.write, file, offset: offset, byteCount: byteCount, error)
        }
    }

    package func startWriting(_ file: FileHandle, _ range: Range<UInt64>) {
        SystemCall.startWriting(file.rawValue, range)
    }

    package func synchronize(_ file: FileHandle) throws(FileError) {
        do throws(Errno) {
            try SystemCall.synchronizeData(file.rawValue)
        } catch {
            throw failure(.synchronizeData, file, error)
        }
    }

    package func byteCount(of file: FileHandle) throws(FileError) -> UInt64 {
        do throws(Errno) {
            return try SystemCall.byteCount(file.rawValue)
        } catch {
            throw failure(.status, file, error)
        }
    }

    package func truncate(_ file: FileHandle, to byteCount: UInt64) throws(FileError) {
        do throws(Errno) {
            try SystemCall.truncate(file.rawValue, to: byteCount)
        } catch {
            throw failure(.truncate, file, byteCount: Int(clamping: byteCount), error)
        }
    }

    package func allocate(_ file: FileHandle, byteCount: UInt64) throws(FileError) {
        do throws(Errno) {
            try SystemCall.allocate(file.rawValue, byteCount: byteCount)
        } catch {
            throw failure(.allocate, file, byteCount: Int(clamping: byteCount), error)
        }
    }

    package func dropCache(of file: FileHandle) throws(FileError) {
        do throws(Errno) {
            try SystemCall.dropCache(file.rawValue)
        } catch {
            throw failure(.dropCache, file, error)
        }
    }

    @inline(never)
    private func failure(
        _ operation: FileOperation, _ file: FileHandle, offset: UInt64? = nil,
        byteCount: Int? = nil, _ error: Errno
    ) -> FileError {
        let path = state.withLock { state in state.paths[file] }
        return FileError(
            operation, path: path ?? "a file of \(location) that is not open", offset: offset,
            byteCount: byteCount, error)
    }
}

// MARK: - Names

extension SystemStorage {
    package func openDirectories(creating: Bool) throws(FileError) -> Bool {
        guard let root = try DirectoryHandle.open(path: location, create: creating) else {
            return false
        }
        if creating { try confirmName(of: root) }
        var directories = [StoreDirectory.root: root]
        directories[.segments] = try root.directory(StoreNames.segments, create: creating)
        directories[.quarantine] = try root.directory(StoreNames.quarantine, create: creating)
        let opened = directories
        state.withLock { state in
            state.directories = opened
            state.new.formUnion(opened.filter { $0.value.isNew }.keys)
        }
        return true
    }

    package func removeNewDirectories() throws(FileError) {
        let new = state.withLock { state in state.new }
        let root = try present(.root, for: .removeDirectory)
        if new.contains(.quarantine) { try root.removeDirectory(StoreNames.quarantine) }
        if new.contains(.segments) { try root.removeDirectory(StoreNames.segments) }
        if new.contains(.root) { try DirectoryHandle.remove(path: location) }
    }

    /// Makes the name of a new store's directory durable, before anything in it is; also after an
    /// attempt that was cut short. The names inside are the engine's to make durable.
    private func confirmName(of root: DirectoryHandle) throws(FileError) {
        if try root.open(StoreNames.identity, writable: false) != nil { return }
        do throws(FileError) {
            try root.directory("..")?.synchronize()
        } catch {
            // A directory in a place that we may not read is its maker's to make durable.
            if root.isNew || !error.isDenied { throw error }
        }
    }

    package func lock() throws(FileError) -> LockOutcome {
        switch try FileLock.acquire(Self.lockName, in: try present(.root, for: .lock)) {
        case .held(let holder): return .held(by: holder)
        case .acquired(let writerLock):
            state.withLock { state in state.writerLock = writerLock }
            return .acquired
        }
    }

    package func unlock() {
        // The last reference goes outside the lock, because it closes the file.
        _ = state.withLock { state in state.writerLock.take() }
    }

    package func names(in directory: StoreDirectory) throws(FileError) -> [String] {
        try opened(directory)?.names() ?? []
    }

    package func synchronize(_ directory: StoreDirectory) throws(FileError) {
        try present(directory, for: .synchronize).synchronize()
    }

    package func rename(
        _ name: String, in source: StoreDirectory, to newName: String,
        in destination: StoreDirectory
    ) throws(FileError) {
        let target = try present(destination, for: .rename)
        try present(source, for: .rename).rename(name, to: newName, in: target)
    }

    package func unlink(_ name: String, in directory: StoreDirectory) throws(FileError) {
        try present(directory, for: .unlink).unlink(name)
    }

    package func create(
        _ name: String, in directory: StoreDirectory
    ) throws(FileError) -> FileHandle {
        let parent = try present(directory, for: .create)
        return register(try parent.create(name), path: parent.path(of: name))
    }

    package func open(
        _ name: String, in directory: StoreDirectory, writable: Bool
    ) throws(FileError) -> FileHandle? {
        guard let parent = opened(directory),
            let descriptor = try parent.open(name, writable: writable)
        else { return nil }
        return register(descriptor, path: parent.path(of: name))
    }

    package func openUncached(
        _ name: String, in directory: StoreDirectory
    ) throws(FileError) -> FileHandle? {
        guard let parent = opened(directory), let descriptor = try parent.openUncached(name) else {
            return nil
        }
        return register(descriptor, path: parent.path(of: name))
    }

    package func close(_ file: FileHandle) {
        // First the path: once the descriptor is closed, another file may get its number.
        let path = state.withLock { state in state.paths.removeValue(forKey: file) }
        precondition(path != nil, "a file is closed once")
        maps?.remove(file.rawValue)
        // What matters was synchronized, and its outcome reported; close(2) adds nothing to that.
        try? SystemCall.close(file.rawValue)
    }

    private func register(_ descriptor: consuming Descriptor, path: String) -> FileHandle {
        let file = FileHandle(rawValue: descriptor.release())
        state.withLock { state in state.paths[file] = path }
        return file
    }

    private func opened(_ directory: StoreDirectory) -> DirectoryHandle? {
        state.withLock { state in
            precondition(!state.directories.isEmpty, "directories are opened before they are used")
            return state.directories[directory]
        }
    }

    private func present(
        _ directory: StoreDirectory, for operation: FileOperation
    ) throws(FileError) -> DirectoryHandle {
        if let handle = opened(directory) { return handle }
        throw FileError(operation, path: "\(location)/\(directory)", code: Self.missingCode)
    }
}

// MARK: - Two directories

extension SystemStorage {
    package func share(
        _ name: String, as newName: String, with other: SystemStorage
    ) throws(FileError) -> SharedBytes? {
        let source = try present(.segments, for: .link)
        let target = try other.present(.segments, for: .link)
        do {
            try source.link(name, to: newName, in: target)
            return .linked
        } catch {
            guard error.isUnshareable else { throw error }
        }
        return try source.clone(name, to: newName, in: target) ? .cloned : nil
    }

    package func isSame(
        _ file: FileHandle, as otherFile: FileHandle, of other: SystemStorage
    ) throws(FileError) -> Bool {
        try identity(of: file) == other.identity(of: otherFile)
    }

    private func identity(of file: FileHandle) throws(FileError) -> FileIdentity {
        do throws(Errno) {
            return try SystemCall.identity(file.rawValue)
        } catch {
            throw failure(.status, file, error)
        }
    }

    /// Whether the directory at `path`, or the one in which it would be made, is the store's own or
    /// lies in it.
    package func encloses(directoryAt path: String) throws(FileError) -> Bool {
        let root = try present(.root, for: .open)
        var place = try DirectoryHandle.open(path: path)
        if place == nil { place = try DirectoryHandle.open(path: DirectoryHandle.parent(of: path)) }
        while let here = place {
            if try here.identity() == root.identity() { return true }
            place = try above(here)
        }
        return false
    }

    /// Nil at the top, and where we may not look: the store's own directories are ours.
    private func above(_ directory: DirectoryHandle) throws(FileError) -> DirectoryHandle? {
        do throws(FileError) {
            guard let parent = try directory.directory("..") else { return nil }
            return try parent.identity() == directory.identity() ? nil : parent
        } catch {
            guard error.isDenied else { throw error }
            return nil
        }
    }
}

// MARK: - The rest of the world

extension SystemStorage {
    package func freeByteCount() throws(FileError) -> UInt64 {
        let root = try present(.root, for: .freeSpace)
        do throws(Errno) {
            return try SystemCall.freeByteCount(root.rawValue)
        } catch {
            throw FileError(.freeSpace, path: location, error)
        }
    }

    package func totalByteCount() throws(FileError) -> UInt64 {
        let root = try present(.root, for: .freeSpace)
        do throws(Errno) {
            return try SystemCall.totalByteCount(root.rawValue)
        } catch {
            throw FileError(.freeSpace, path: location, error)
        }
    }

    package func wallClock() -> UInt64 { Clock.wallNanoseconds() }

    package func monotonicClock() -> UInt64 { Clock.monotonicNanoseconds() }

    package func random() -> UInt64 { SystemRandom.next() }
}
