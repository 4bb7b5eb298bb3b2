// MappedFilesTests — the promises of reads through maps.
//
// Signals that end a process, or are handled, are raised in a child.
// Why this is sound: maps and structures are this file's own, made and used in one function.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Mapped files") struct MappedFilesTests {
    private static let page = 4096

    private static func bytes(_ count: Int) -> [UInt8] {
        var random = TestRandom(seed: UInt64(count))
        return random.bytes(count)
    }

    /// The bytes that a map gives; nil: it gives none.
    private static func read(
        _ maps: MappedFiles, _ fd: Int32, _ count: Int, at offset: Int
    ) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        let isRead = bytes.withMutableRawSpan { span in
            maps.read(fd, into: &span, at: UInt64(offset))
        }
        return isRead ? bytes : nil
    }

    @Test("a mapped file reads as it was written, at any place and any length")
    func anyPlace() throws {
        let directory = try TemporaryDirectory()
        let written = Self.bytes(3 << 20)
        let file = try directory.file("file", written)
        let maps = MappedFiles()
        #expect(maps.add(file.rawValue, byteCount: UInt64(written.count)))
        var random = TestRandom(seed: 11)
        for number in 0..<2000 {
            let longest = [100, 5000, 40_000, 1 << 20][number % 4]
            let count = 1 + random.below(longest)
            let offset = random.below(written.count - count + 1)
            let read = try #require(Self.read(maps, file.rawValue, count, at: offset))
            let wanted = written.rawSpan.extracting(offset..<offset + count)
            let isSame = read.rawSpan.isEqual(to: wanted)
            #expect(isSame)
        }
    }

    @Test("what is not mapped is left to the caller, and the buffer to itself")
    func notMapped() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("file", Self.bytes(3 << 20))
        let other = try directory.file("other", Self.bytes(100))
        let maps = MappedFiles()
        #expect(Self.read(maps, file.rawValue, 10, at: 0) == nil)
        #expect(maps.add(file.rawValue, byteCount: 2 << 20))
        #expect(Self.read(maps, file.rawValue, 10, at: (2 << 20) - 10) != nil)
        for (count, offset) in [(10, (2 << 20) - 9), (1, 2 << 20), (1, 5 << 20), (1, Int.max)] {
            #expect(Self.read(maps, file.rawValue, count, at: offset) == nil)
        }
        #expect(Self.read(maps, file.rawValue, 1 << 20, at: 0) != nil)
        #expect(Self.read(maps, file.rawValue, (1 << 20) + 1, at: 0) == nil)
        for fd in [other.rawValue, -1, Int32.max] { #expect(Self.read(maps, fd, 10, at: 0) == nil) }
        maps.remove(file.rawValue)
        #expect(Self.read(maps, file.rawValue, 10, at: 0) == nil)
    }

    @Test("no more is mapped than was allowed, and what is removed may be mapped anew")
    func limit() throws {
        let directory = try TemporaryDirectory()
        let first = try directory.file("first", Self.bytes(6000))
        let second = try directory.file("second", Self.bytes(6000))
        let maps = MappedFiles(byteCountMaximum: 10_000)
        #expect(maps.add(first.rawValue, byteCount: 6000))
        #expect(!maps.add(second.rawValue, byteCount: 6000))
        #expect(maps.add(second.rawValue, byteCount: 4000))
        maps.remove(second.rawValue)
        maps.remove(first.rawValue)
        #expect(maps.add(second.rawValue, byteCount: 6000))
        #expect(!maps.add(-1, byteCount: 10))
        #expect(!maps.add(first.rawValue, byteCount: 0))
    }

    @Test("a file that shrank gives no copy, whichever threads ask, and its rest still reads")
    func shrunk() throws {
        let directory = try TemporaryDirectory()
        let written = Self.bytes(4 * Self.page)
        let file = try directory.file("file", written)
        let maps = MappedFiles()
        #expect(maps.add(file.rawValue, byteCount: UInt64(written.count)))
        // All pages are known to this process before they go.
        #expect(Self.read(maps, file.rawValue, written.count, at: 0) == written)
        try SystemCall.truncate(file.rawValue, to: UInt64(Self.page))
        let fd = file.rawValue
        let right = Guarded(0)
        let threads = try (0..<3).map { index in
            try ServiceThread.start(name: "reader \(index)") {
                for number in 0..<1000 {
                    let page = number % 4
                    let read = Self.read(maps, fd, 100, at: page * Self.page + 50)
                    let isRight = page == 0 ? read == Array(written[50..<150]) : read == nil
                    if isRight { right.withLock { $0 += 1 } }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(right.withLock { $0 } == 3000)
        // Over the edge of what is left: nothing of it.
        #expect(Self.read(maps, fd, 100, at: Self.page - 50) == nil)
    }

    @Test("somebody else's SIGBUS ends the process as it would have")
    func foreignSignal() async {
        await #expect(processExitsWith: .signal(SIGBUS)) {
            signal(SIGBUS, SIG_DFL)
            try touchBeyondTheEnd(beside: MappedFiles())
        }
    }

    @Test("somebody else's SIGBUS reaches the handler that was there before")
    func foreignHandler() async {
        await #expect(processExitsWith: .exitCode(7)) {
            signal(SIGBUS) { _ in _exit(7) }
            try touchBeyondTheEnd(beside: MappedFiles())
        }
    }
}

/// Touches a page of a map of our own that its file does not have.
private func touchBeyondTheEnd(beside maps: MappedFiles) throws {
    // The directory goes at once, for the end of this process leaves no time.
    let file = try TemporaryDirectory().file("file", [1, 2, 3])
    #expect(maps.add(file.rawValue, byteCount: 3))
    let start = unsafe mmap(nil, 8192, PROT_READ, MAP_SHARED, file.rawValue, 0)
    let bytes = unsafe try #require(start)
    print(unsafe bytes.load(fromByteOffset: 4096, as: UInt8.self))
}
