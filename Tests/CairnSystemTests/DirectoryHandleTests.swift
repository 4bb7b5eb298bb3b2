// DirectoryHandleTests — the promises of directories, locks, descriptors and their errors.
//
// On real directories; another process is a real one. Descriptors whose number matters are looked at
// in a child, where no other test opens files.
// Why this is sound: the unsafe calls get strings lent for the call and a structure of our own.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Directory handle") struct DirectoryHandleTests {
    private func mode(_ path: String) -> UInt32 {
        var information = stat()
        return unsafe stat(path, &information) == 0 ? information.st_mode & 0o777 : 0
    }

    @Test("a directory is made on request, private to its owner, and opens again")
    func create() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/store"
        #expect(try DirectoryHandle.open(path: path) == nil)
        #expect(try DirectoryHandle.open(path: path, create: true) != nil)
        #expect(mode(path) == 0o700)
        #expect(try DirectoryHandle.open(path: path, create: true)?.path == path)
        let inner = try #require(try directory.handle.directory("inner", create: true))
        #expect(inner.path == directory.path + "/inner")
        #expect(mode(inner.path) == 0o700)
        #expect(try directory.handle.directory("other") == nil)
    }

    @Test("parents are not made, and a file is no directory")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        let deep = directory.path + "/a/b"
        #expect(throws: FileError(.makeDirectory, path: deep, code: ENOENT)) {
            try DirectoryHandle.open(path: deep, create: true)
        }
        _ = try directory.file("file")
        let path = directory.path + "/file"
        for create in [false, true] {
            #expect(throws: FileError(.open, path: path, code: ENOTDIR)) {
                try DirectoryHandle.open(path: path, create: create)
            }
            #expect(throws: FileError(.open, path: path, code: ENOTDIR)) {
                try directory.handle.directory("file", create: create)
            }
        }
    }

    @Test("the path itself may be a link, the names inside may not")
    func links() throws {
        let directory = try TemporaryDirectory()
        _ = try #require(try directory.handle.directory("real", create: true))
        _ = try directory.file("file")
        #expect(unsafe symlink("real", directory.path + "/link") == 0)
        #expect(unsafe symlink("file", directory.path + "/alias") == 0)
        #expect(try DirectoryHandle.open(path: directory.path + "/link") != nil)
        #expect(throws: FileError.self) { try directory.handle.directory("link") }
        let alias = FileError(.open, path: directory.path + "/alias", code: ELOOP)
        #expect(throws: alias) { _ = try directory.handle.open("alias", writable: false) }
        #expect(throws: alias) { _ = try directory.handle.openOrCreate("alias") }
    }

    @Test("a created file is new, empty, private and writable")
    func createFile() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.handle.create("file")
        #expect(mode(directory.path + "/file") == 0o600)
        #expect(try SystemCall.byteCount(file.rawValue) == 0)
        let bytes: [UInt8] = [1]
        try SystemCall.write(file.rawValue, bytes.rawSpan, at: 0)
        let error = #expect(throws: FileError.self) { _ = try directory.handle.create("file") }
        #expect(error?.isPresent == true)
        #expect(error?.operation == .create)
    }

    @Test("a missing file opens as nil")
    func missing() throws {
        let directory = try TemporaryDirectory()
        let isMissing = try directory.handle.open("none", writable: true) == nil
        #expect(isMissing)
    }

    @Test("only regular files open, and opening anything else does not wait")
    func irregular() throws {
        let directory = try TemporaryDirectory()
        #expect(unsafe mkfifo(directory.path + "/fifo", 0o600) == 0)
        try directory.handle.makeDirectory("inner")
        #expect(throws: FileError(.open, path: directory.path + "/fifo", code: EINVAL)) {
            _ = try directory.handle.open("fifo", writable: false)
        }
        #expect(throws: FileError(.open, path: directory.path + "/inner", code: EISDIR)) {
            _ = try directory.handle.open("inner", writable: false)
        }
    }

    @Test("an opened file is an ordinary blocking one")
    func blocking() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.handle.create("file")
        #expect(fcntl(file.rawValue, F_GETFL) & O_NONBLOCK == 0)
        #expect(fcntl(file.rawValue, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test("renaming replaces, links add a name, unlinking removes one")
    func names() throws {
        let directory = try TemporaryDirectory()
        let inner = try #require(try directory.handle.directory("inner", create: true))
        _ = try directory.file("one", [1])
        _ = try directory.file("two", [2])
        try directory.handle.rename("one", to: "two")
        #expect(try directory.handle.names().sorted() == ["inner", "two"])
        try directory.handle.rename("two", to: "three", in: inner)
        try inner.link("three", to: "four", in: directory.handle)
        let four = try directory.open("four")
        defer { try? SystemCall.close(four) }
        #expect(try contents(of: four) == [1])
        try inner.unlink("three")
        #expect(try inner.names() == [])
        let error = #expect(throws: FileError.self) { try inner.unlink("three") }
        #expect(error?.isMissing == true)
        #expect(error?.path == inner.path + "/three")
        try directory.handle.synchronize()
    }

    @Test("many names are listed whole, each time")
    func manyNames() throws {
        let directory = try TemporaryDirectory()
        let expected = (0..<2_000).map { "name-\($0)" }.sorted()
        for name in expected { try directory.handle.create(name).close() }
        #expect(try directory.handle.names().sorted() == expected)
        #expect(try directory.handle.names().sorted() == expected)
    }

    @Test("a name with a slash is a broken invariant")
    func slash() async {
        await #expect(processExitsWith: .failure) {
            _ = try DirectoryHandle.open(path: "/")?.directory("../x")
            exit(0)
        }
    }
}

@Suite("File lock") struct FileLockTests {
    private func isAcquired(_ outcome: FileLockOutcome) -> Bool {
        if case .acquired = outcome { true } else { false }
    }

    @Test("a lock excludes others, names its holder, and ends with the object")
    func exclusion() throws {
        let directory = try TemporaryDirectory()
        var first: FileLockOutcome? = try FileLock.acquire("LOCK", in: directory.handle)
        #expect(try isAcquired(#require(first)))
        guard case .held(let holder) = try FileLock.acquire("LOCK", in: directory.handle) else {
            Issue.record("a held lock was taken")
            return
        }
        #expect(holder == ResourceLimits.processID)
        first = nil
        #expect(isAcquired(try FileLock.acquire("LOCK", in: directory.handle)))
        #expect(try directory.handle.names() == ["LOCK"])
    }

    @Test(
        "what the file said before does not matter",
        arguments: ["", "nonsense", "99999999999"])
    func contents(text: String) throws {
        let directory = try TemporaryDirectory()
        _ = try directory.file("LOCK", Array(text.utf8))
        let first = try FileLock.acquire("LOCK", in: directory.handle)
        #expect(isAcquired(first))
        guard
            case .held(ResourceLimits.processID) = try FileLock.acquire(
                "LOCK", in: directory.handle)
        else {
            Issue.record("the holder is not named")
            return
        }
        withExtendedLifetime(first) {}
    }

    @Test("where holders take the lock's file away, there is one holder at a time all the same")
    func removedFile() throws {
        let directory = try TemporaryDirectory()
        let handle = directory.handle
        let (holders, takings, failures) = (Guarded(0), Guarded(0), Guarded<[String]>([]))
        let threads = try (0..<4).map { number in
            try ServiceThread.start(name: "holder \(number)") {
                do {
                    for _ in 0..<3_000 {
                        guard case .acquired(let lock) = try FileLock.acquire("LOCK", in: handle)
                        else { continue }
                        let count = holders.withLock { count in
                            count += 1
                            return count
                        }
                        if count > 1 { failures.withLock { $0.append("\(count) holders") } }
                        takings.withLock { $0 += 1 }
                        // The last act of a holder.
                        holders.withLock { $0 -= 1 }
                        try handle.unlink("LOCK")
                        withExtendedLifetime(lock) {}
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        threads.forEach { $0.join() }
        #expect(failures.withLock { $0 } == [])
        #expect(takings.withLock { $0 } > 0)
    }

    @Test("a lock ends with its object although copies of its descriptor are open")
    func copies() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            var first: FileLockOutcome? = try FileLock.acquire("LOCK", in: directory.handle)
            guard case .acquired = first else { exit(2) }
            for fd in Int32(3)..<64 { _ = dup(fd) }
            first = nil
            guard case .acquired = try FileLock.acquire("LOCK", in: directory.handle)
            else { exit(3) }
        }
    }

    @Test("another process meets the lock, and takes it when its holder is gone")
    func processes() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        do {
            let first = try FileLock.acquire("LOCK", in: directory.handle)
            let own = ResourceLimits.processID
            await #expect(processExitsWith: .success) {
                [path = path as String, own = own as Int32] in
                let handle = try DirectoryHandle.open(path: path)!
                guard case .held(own) = try FileLock.acquire("LOCK", in: handle)
                else { exit(2) }
            }
            withExtendedLifetime(first) {}
        }
        await #expect(processExitsWith: .success) { [path = path as String] in
            let handle = try DirectoryHandle.open(path: path)!
            guard case .acquired = try FileLock.acquire("LOCK", in: handle) else { exit(2) }
            _exit(0)
        }
        #expect(isAcquired(try FileLock.acquire("LOCK", in: directory.handle)))
    }
}

@Suite("Descriptor") struct DescriptorTests {
    private func isOpen(_ fd: Int32) -> Bool { fcntl(fd, F_GETFD) >= 0 }

    @Test("a released descriptor stays open, and is the caller's to close")
    func ownership() throws {
        let directory = try TemporaryDirectory()
        let number = try directory.handle.create("released").release()
        #expect(isOpen(number))
        try SystemCall.close(number)
    }

    @Test("closing and going out of scope both close")
    func closing() async {
        // In a process of its own, where no other test takes the number again.
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let explicit = try directory.handle.create("explicit")
            let first = explicit.rawValue
            try explicit.close()
            guard fcntl(first, F_GETFD) < 0 else { exit(2) }
            let second: Int32
            do {
                let quiet = try directory.handle.create("quiet")
                second = quiet.rawValue
            }
            guard fcntl(second, F_GETFD) < 0 else { exit(3) }
        }
    }
}

@Suite("File error") struct FileErrorTests {
    @Test("the description is for operators")
    func description() {
        let error = FileError(
            .write, path: "0000000000000011.seg", offset: 81_920, byteCount: 4_096, code: ENOSPC)
        #expect(
            error.description == "pwrite 4096 bytes at 81920 of 0000000000000011.seg: "
                + "No space left on device (errno 28)")
        #expect(
            FileError(.open, path: "X", code: EACCES).description
                == "open X: Permission denied (errno 13)")
        #expect(
            FileError(.truncate, path: "X", byteCount: 5, code: EIO).description
                == "ftruncate 5 bytes of X: Input/output error (errno 5)")
    }

    @Test(
        "full disk, quota and size limit are all out of space",
        arguments: [ENOSPC, EDQUOT, EFBIG])
    func outOfSpace(code: Int32) {
        #expect(FileError(.write, path: "X", code: code).isOutOfSpace)
    }

    @Test("each kind is told by its errno alone")
    func kinds() {
        #expect(FileError(.open, path: "X", code: ENOENT).isMissing)
        #expect(FileError(.open, path: "X", code: EROFS).isReadOnly)
        #expect(FileError(.open, path: "X", code: EMFILE).isOutOfDescriptors)
        #expect(!FileError(.open, path: "X", code: EIO).isOutOfSpace)
    }
}
