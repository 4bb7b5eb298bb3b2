// SystemStorageTests — the disk behind the engine's seam keeps the seam's promises.
//
// On a real directory below TMPDIR, removed afterwards; another opener is a second storage on the
// same directory, whose lock conflicts as another process's would.
// Why this is sound: pointers are strings and local structures lent for one call.

import Cairn
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("System storage") struct SystemStorageTests {
    /// A storage in a new directory that does not exist yet; the parent goes with the object.
    private final class Fixture {
        private let directory: TemporaryDirectory
        let storage: SystemStorage

        var parent: String { directory.path }

        init(creating: Bool = true) throws {
            directory = try TemporaryDirectory()
            storage = SystemStorage(path: directory.path + "/store")
            if creating { #expect(try storage.openDirectories(creating: true)) }
        }
    }

    @Test("opening makes the directories only when asked, private to their owner")
    func directories() throws {
        let fixture = try Fixture(creating: false)
        let storage = fixture.storage
        #expect(try storage.openDirectories(creating: false) == false)
        #expect(try storage.openDirectories(creating: true))
        #expect(try storage.names(in: .root).sorted() == ["quarantine", "segments"])
        for directory in ["", "/segments", "/quarantine"] {
            var information = stat()
            #expect(unsafe stat(storage.location + directory, &information) == 0)
            #expect(information.st_mode & 0o777 == 0o700)
        }
        #expect(try storage.openDirectories(creating: false))
    }

    @Test("directories that were made here are removed again, and no other", arguments: 0..<4)
    func newDirectories(presentCount: Int) throws {
        let parent = try TemporaryDirectory()
        let path = parent.path + "/store"
        for name in ["", "/segments", "/quarantine"].prefix(presentCount) {
            _ = try DirectoryHandle.open(path: path + name, create: true)
        }
        let storage = SystemStorage(path: path)
        for _ in 0..<2 { #expect(try storage.openDirectories(creating: true)) }
        if presentCount < 3 {
            storage.close(try storage.create("file", in: .quarantine))
            #expect(throws: FileError.self) { try storage.removeNewDirectories() }
            try storage.unlink("file", in: .quarantine)
        }
        try storage.removeNewDirectories()
        let left = try DirectoryHandle.open(path: path)
        #expect((left == nil) == (presentCount == 0))
        #expect(try left?.names().count ?? 0 == max(0, presentCount - 1))
    }

    @Test("a store whose parent is missing, or which is a file, is refused clearly")
    func refused() throws {
        let fixture = try Fixture()
        let deep = fixture.parent + "/a/b"
        #expect(throws: FileError(.makeDirectory, path: deep, code: ENOENT)) {
            try SystemStorage(path: deep).openDirectories(creating: true)
        }
        let file = try fixture.storage.create("file", in: .root)
        defer { fixture.storage.close(file) }
        let path = fixture.storage.location + "/file"
        #expect(throws: FileError(.open, path: path, code: ENOTDIR)) {
            try SystemStorage(path: path).openDirectories(creating: false)
        }
    }

    @Test("a missing subdirectory reads as empty and refuses writes")
    func missingSubdirectory() throws {
        let fixture = try Fixture()
        let storage = SystemStorage(path: fixture.storage.location)
        #expect(unsafe rmdir(storage.location + "/quarantine") == 0)
        #expect(try storage.openDirectories(creating: false))
        #expect(try storage.names(in: .quarantine) == [])
        #expect(try storage.open("x", in: .quarantine, writable: false) == nil)
        let error = #expect(throws: FileError.self) {
            try storage.create("x", in: .quarantine)
        }
        #expect(error?.isMissing == true)
        #expect(error?.path == storage.location + "/quarantine")
    }

    @Test("a file keeps what is written, in each directory", arguments: StoreDirectory.allCases)
    func files(directory: StoreDirectory) throws {
        let fixture = try Fixture()
        let storage = fixture.storage
        let file = try storage.create("file", in: directory)
        let head: [UInt8] = [1, 2, 3]
        let tail: [UInt8] = [4, 5]
        try storage.write(file, head.rawSpan, tail.rawSpan, at: 10)
        try storage.write(file, tail.rawSpan, at: 0)
        try storage.synchronize(file)
        try storage.dropCache(of: file)
        try storage.synchronize(directory)
        storage.close(file)

        let opened = try #require(try storage.open("file", in: directory, writable: false))
        defer { storage.close(opened) }
        #expect(try storage.byteCount(of: opened) == 15)
        var bytes = [UInt8](repeating: 9, count: 20)
        var span = bytes.mutableRawSpan
        #expect(try storage.read(opened, into: &span, at: 1) == 14)
        #expect(bytes == [5, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 9, 9, 9, 9, 9, 9])
    }

    @Test("allocating and truncating set the length")
    func lengths() throws {
        let fixture = try Fixture()
        let file = try fixture.storage.create("file", in: .segments)
        defer { fixture.storage.close(file) }
        try fixture.storage.allocate(file, byteCount: 1 << 20)
        #expect(try fixture.storage.byteCount(of: file) == 1 << 20)
        try fixture.storage.truncate(file, to: 100)
        #expect(try fixture.storage.byteCount(of: file) == 100)
    }

    @Test("a failure names operation, file, place, length and errno")
    func failures() throws {
        let fixture = try Fixture()
        let storage = fixture.storage
        storage.close(try storage.create("file", in: .segments))
        let path = storage.location + "/segments/file"
        #expect(throws: FileError(.create, path: path, code: EEXIST)) {
            try storage.create("file", in: .segments)
        }
        let file = try #require(try storage.open("file", in: .segments, writable: false))
        defer { storage.close(file) }
        let bytes: [UInt8] = [1, 2, 3]
        #expect(throws: FileError(.write, path: path, offset: 5, byteCount: 3, code: EBADF)) {
            try storage.write(file, bytes.rawSpan, at: 5)
        }
        #expect(throws: FileError(.write, path: path, offset: 5, byteCount: 6, code: EBADF)) {
            try storage.write(file, bytes.rawSpan, bytes.rawSpan, at: 5)
        }
        #expect(throws: FileError(.truncate, path: path, byteCount: 7, code: EINVAL)) {
            try storage.truncate(file, to: 7)
        }
        #expect(throws: FileError(.unlink, path: storage.location + "/x", code: ENOENT)) {
            try storage.unlink("x", in: .root)
        }
    }

    @Test("names move between directories and go")
    func names() throws {
        let fixture = try Fixture()
        let storage = fixture.storage
        storage.close(try storage.create("one", in: .segments))
        try storage.rename("one", in: .segments, to: "two", in: .quarantine)
        #expect(try storage.names(in: .segments) == [])
        #expect(try storage.names(in: .quarantine) == ["two"])
        try storage.unlink("two", in: .quarantine)
        #expect(try storage.names(in: .quarantine) == [])
    }

    @Test("one storage has the writer's lock at a time, and the other learns who")
    func lock() throws {
        let fixture = try Fixture()
        let other = SystemStorage(path: fixture.storage.location)
        #expect(try other.openDirectories(creating: false))
        #expect(try fixture.storage.lock() == .acquired)
        #expect(try other.lock() == .held(by: getpid()))
        fixture.storage.unlock()
        #expect(try other.lock() == .acquired)
    }

    @Test("a storage that goes closes what was left open")
    func closesAll() throws {
        let fixture = try Fixture()
        var storage: SystemStorage? = SystemStorage(path: fixture.storage.location)
        #expect(try storage?.openDirectories(creating: false) == true)
        let file = try #require(try storage?.create("file", in: .root))
        storage = nil
        // The number may be another file's by now, but not this one's.
        var information = stat()
        let path = fixture.storage.location + "/file"
        #expect(unsafe stat(path, &information) == 0)
        var open = stat()
        let isSame =
            unsafe fstat(file.rawValue, &open) == 0 && open.st_ino == information.st_ino
            && open.st_dev == information.st_dev
        #expect(!isSame)
    }

    @Test("closing a file twice traps")
    func closeTwice() async throws {
        let fixture = try Fixture()
        await #expect(processExitsWith: .failure) {
            [path = fixture.storage.location as String] in
            let storage = SystemStorage(path: path)
            guard try storage.openDirectories(creating: false) else { exit(0) }
            let file = try storage.create("file", in: .root)
            storage.close(file)
            storage.close(file)
            exit(0)
        }
    }

    @Test("clocks, randomness and free space are the system's")
    func world() throws {
        let fixture = try Fixture()
        let free = try fixture.storage.freeByteCount()
        #expect(try free > 0 && free <= fixture.storage.totalByteCount())
        let before = fixture.storage.monotonicClock()
        #expect(fixture.storage.monotonicClock() >= before)
        #expect(fixture.storage.wallClock() > 1_700_000_000_000_000_000)
        #expect(fixture.storage.random() != fixture.storage.random())
    }
}
