// SystemCallTests — the promises of the wrapped system calls.
//
// Interruptions and short transfers are played from a script, because a disk seldom does them on
// demand; everything else runs on real files. Limits of the process are set in a child only.
// Why this is sound: maps are made and unmapped in one function, structures are this function's own.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("System calls") struct SystemCallTests {
    /// Plays back results of a call, remembering how many bytes were done at each.
    private struct Script {
        var results: [Int64]
        var seen: [Int] = []

        mutating func run(byteCount: Int, endsAtZero: Bool) throws(Errno) -> Int {
            var left = results[...]
            var seen: [Int] = []
            defer { self.seen = seen }
            return try SystemCall.transfer(byteCount: byteCount, endsAtZero: endsAtZero) { done in
                seen.append(done)
                return left.removeFirst()
            }
        }
    }

    @Test("an interrupted transfer is repeated and a short one continued where it stopped")
    func shortAndInterrupted() throws {
        var script = Script(results: [Int64(-EINTR), 3, Int64(-EINTR), 1, 6])
        #expect(try script.run(byteCount: 10, endsAtZero: false) == 10)
        #expect(script.seen == [0, 0, 3, 3, 4])
    }

    @Test("a read ends at the end of the file")
    func readEnds() throws {
        var script = Script(results: [4, 0])
        #expect(try script.run(byteCount: 10, endsAtZero: true) == 4)
    }

    @Test("a write that makes no progress fails instead of looping")
    func noProgress() {
        var script = Script(results: [4, 0])
        #expect(throws: Errno(code: EIO)) { try script.run(byteCount: 10, endsAtZero: false) }
        #expect(script.seen == [0, 4])
    }

    @Test("an error after some bytes is the error of the whole")
    func errorAfterBytes() {
        var script = Script(results: [4, Int64(-ENOSPC)])
        #expect(throws: Errno(code: ENOSPC)) { try script.run(byteCount: 10, endsAtZero: false) }
    }

    @Test("nothing to transfer makes no call")
    func nothing() throws {
        var script = Script(results: [])
        #expect(try script.run(byteCount: 0, endsAtZero: false) == 0)
    }

    @Test("a call without bytes is repeated while interrupted, and only then")
    func perform() throws {
        var results = [-EINTR, -EINTR, 7]
        #expect(try SystemCall.perform { results.removeFirst() } == 7)
        var failing = [-EIO, 0]
        #expect(throws: Errno(code: EIO)) { try SystemCall.perform { failing.removeFirst() } }
        #expect(failing == [0])
    }

    @Test("a short transfer of two pieces goes on behind the last byte done, whole or not")
    func remainder() {
        let pieces = Array(0..<5) + Array(10..<13)
        for done in 0...8 {
            let left = SystemCall.remainder(of: 5, and: 3, after: done)
            #expect(Array(left.head) + left.tail.map { $0 + 10 } == Array(pieces.dropFirst(done)))
        }
    }

    @Test("what is written at an offset is read there, and reads end with the file")
    func roundTrip() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.handle.create("file")
        var random = TestRandom.reported("system calls round trip")
        let bytes = random.bytes(10_000)
        try SystemCall.write(file.rawValue, bytes.rawSpan, at: 123)
        var buffer = [UInt8](repeating: 7, count: 12_000)
        var span = buffer.mutableRawSpan
        #expect(try SystemCall.read(file.rawValue, into: &span, at: 123) == 10_000)
        #expect(Array(buffer.prefix(10_000)) == bytes)
        #expect(buffer.suffix(2_000).allSatisfy { $0 == 7 })
        #expect(try SystemCall.byteCount(file.rawValue) == 10_123)
        #expect(try contents(of: file.rawValue).prefix(123).allSatisfy { $0 == 0 })
    }

    @Test(
        "two pieces are written and read as one, wherever they meet",
        arguments: [(0, 0), (0, 5), (5, 0), (1, 1), (4096, 70_000), (70_000, 1)])
    func vectored(head: Int, tail: Int) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.handle.create("file")
        var random = TestRandom.reported("vectored \(head) \(tail)")
        let first = random.bytes(head)
        let second = random.bytes(tail)
        try SystemCall.writeVectored(file.rawValue, first.rawSpan, second.rawSpan, at: 9)
        #expect(try Array(contents(of: file.rawValue).dropFirst(9)) == first + second)

        var firstRead = [UInt8](repeating: 0, count: head)
        var secondRead = [UInt8](repeating: 0, count: tail)
        var firstSpan = firstRead.mutableRawSpan
        var secondSpan = secondRead.mutableRawSpan
        let count = try SystemCall.read(
            file.rawValue, into: &firstSpan, and: &secondSpan, at: 9)
        #expect(count == head + tail)
        #expect(firstRead == first)
        #expect(secondRead == second)
    }

    @Test("a vectored read past the end reports what there was")
    func vectoredEnd() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("file", [1, 2, 3, 4, 5])
        var head = [UInt8](repeating: 0, count: 3)
        var tail = [UInt8](repeating: 0, count: 9)
        var headSpan = head.mutableRawSpan
        var tailSpan = tail.mutableRawSpan
        #expect(
            try SystemCall.read(file.rawValue, into: &headSpan, and: &tailSpan, at: 1) == 4)
        #expect(head == [2, 3, 4])
        #expect(tail.first == 5)
    }

    @Test("an offset that no file has is refused by the kernel, not trapped on")
    func impossibleOffset() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("file", [1])
        var buffer: [UInt8] = [0]
        #expect(throws: Errno(code: EINVAL)) {
            try buffer.withMutableRawSpan { span throws(Errno) in
                try SystemCall.read(file.rawValue, into: &span, at: .max)
            }
        }
        #expect(throws: Errno(code: EINVAL)) {
            try SystemCall.truncate(file.rawValue, to: .max)
        }
    }

    @Test("a file opened for reading refuses writes with its errno")
    func readOnly() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.file("file", [1, 2])
        let file = try directory.open("file")
        defer { try? SystemCall.close(file) }
        let bytes: [UInt8] = [3]
        #expect(throws: Errno(code: EBADF)) { try SystemCall.write(file, bytes.rawSpan, at: 0) }
    }

    @Test("allocating lengthens with zeros and keeps what is there; it never shortens")
    func allocate() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("file", [1, 2, 3])
        try SystemCall.allocate(file.rawValue, byteCount: 10_000)
        #expect(try contents(of: file.rawValue) == [1, 2, 3] + [UInt8](repeating: 0, count: 9_997))
        try SystemCall.allocate(file.rawValue, byteCount: 5)
        try SystemCall.allocate(file.rawValue, byteCount: 0)
        #expect(try SystemCall.byteCount(file.rawValue) == 10_000)
        try SystemCall.truncate(file.rawValue, to: 2)
        #expect(try contents(of: file.rawValue) == [1, 2])
    }

    @Test("a synchronized file reads the same after its cache was dropped")
    func dropCache() throws {
        let directory = try TemporaryDirectory()
        var random = TestRandom.reported("drop cache")
        let bytes = random.bytes(1 << 20)
        let file = try directory.file("file", bytes)
        #expect(cachedPageCount(file.rawValue, byteCount: bytes.count) > 0)
        try SystemCall.synchronizeData(file.rawValue)
        try #expect(
            becomesTrue(dropping: file.rawValue) {
                cachedPageCount(file.rawValue, byteCount: bytes.count) == 0
            })
        #expect(try contents(of: file.rawValue) == bytes)
        try SystemCall.synchronize(file.rawValue)
    }

    @Test("reading what is cached gives all of it or nothing")
    func readIfCached() throws {
        let directory = try TemporaryDirectory()
        var random = TestRandom.reported("read if cached")
        let bytes = random.bytes(200_000)
        let file = try directory.file("file", bytes)
        var buffer = [UInt8](repeating: 0, count: 300_000)
        var span = buffer.mutableRawSpan
        if let count = try SystemCall.readIfCached(file.rawValue, into: &span, at: 0) {
            #expect(count == bytes.count)
            #expect(Array(buffer.prefix(count)) == bytes)
        }
        try SystemCall.synchronizeData(file.rawValue)
        try #expect(
            becomesTrue(dropping: file.rawValue) {
                var cold = buffer.mutableRawSpan
                return try SystemCall.readIfCached(file.rawValue, into: &cold, at: 0) == nil
            })
    }

    @Test("a file system has no more free bytes than bytes")
    func freeBytes() throws {
        let directory = try TemporaryDirectory()
        let fd = directory.handle.rawValue
        let free = try SystemCall.freeByteCount(fd)
        #expect(free > 0)
        #expect(try free <= SystemCall.totalByteCount(fd))
    }

    @Test("a write past the size limit is cut there and fails as out of space")
    func sizeLimit() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let file = try directory.handle.create("file")
            ResourceLimits.ignoreFileSizeSignal()
            var limit = rlimit(rlim_cur: 5_000, rlim_max: 1 << 40)
            guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0
            else { exit(2) }
            let bytes = [UInt8](repeating: 9, count: 4_096)
            try SystemCall.write(file.rawValue, bytes.rawSpan, at: 0)
            do throws(Errno) {
                try SystemCall.writeVectored(file.rawValue, bytes.rawSpan, bytes.rawSpan, at: 4_096)
                exit(3)
            } catch {
                let failure = FileError(.write, path: "file", error)
                guard failure.code == EFBIG, failure.isOutOfSpace else { exit(4) }
            }
            guard try SystemCall.byteCount(file.rawValue) == 5_000 else { exit(5) }
        }
    }

    @Test("closing a descriptor that is not open traps")
    func closeTwice() async {
        await #expect(processExitsWith: .failure) {
            let fd = dup(2)
            try SystemCall.close(fd)
            try SystemCall.close(fd)
            exit(0)
        }
    }
}

/// Whether the condition holds after the file's pages were dropped; true where there is no device
/// behind the cache. The kernel drops what it can at once: a page that somebody else has in hand,
/// another core's list of new pages for one, stays until the next time.
private func becomesTrue(
    dropping fd: Int32, _ condition: () throws -> Bool
) throws -> Bool {
    guard isOnDevice(fd) else { return true }
    for _ in 0..<1_000 {
        try SystemCall.dropCache(fd)
        if try condition() { return true }
    }
    return false
}

/// Pages of a file that the page cache holds.
private func cachedPageCount(_ fd: Int32, byteCount: Int) -> Int {
    guard let map = unsafe mmap(nil, byteCount, PROT_READ, MAP_SHARED, fd, 0) else { return -1 }
    defer { unsafe munmap(map, byteCount) }
    var pages = [UInt8](repeating: 0, count: (byteCount + 4095) / 4096)
    guard unsafe mincore(map, byteCount, &pages) == 0 else { return -1 }
    return pages.count { $0 & 1 == 1 }
}

/// Whether the file lies on a device, where there is more than its cache.
private func isOnDevice(_ fd: Int32) -> Bool {
    var information = stat()
    return unsafe fstat(fd, &information) == 0 && information.st_dev >> 8 != 0
}
