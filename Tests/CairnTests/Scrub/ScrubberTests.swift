// The scrub of a store in a directory: its thread, and the page cache that it leaves alone.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

@Suite("Scrub: the thread")
struct ScrubberTests {
    private let directory: StoreTestDirectory

    init() throws {
        directory = try StoreTestDirectory()
        let store = try Store.open(at: directory.path)
        var random = TestRandom(seed: 7)
        for number in 0..<50 {
            try store.put(
                Key("k\(number)"), random.bytes(100_000), WriteOptions(durability: .os))
        }
        try store.close()
    }

    /// Opens the store and waits for the end of a pass; what was told.
    private func pass() throws -> [ScrubEvent] {
        let told = Guarded<[ScrubEvent]>([])
        let bell = Parker()
        var options = StoreOptions()
        options.scrub = ScrubOptions(bytesPerSecond: 1 << 40) { event in
            told.withLock { $0.append(event) }
            if case .ended = event { bell.unpark() }
        }
        let store = try Store.open(at: directory.path, options: options)
        bell.park()
        #expect(store.statistics().scrub.byteCount > 100_000 * 50)
        try store.close()
        return told.withLock { $0 }
    }

    @Test("a byte that rots on the disk is found, and its key told")
    func rot() throws {
        let segment = try #require(try directory.segments().first)
        try directory.edit(segment) { $0[20_000] ^= 1 }
        let errors = try pass().compactMap { event -> String? in
            if case .damaged(let error) = event { error.message } else { nil }
        }
        #expect(errors.count == 1 && errors.first?.contains("the blob k") == true, "\(errors)")
    }

    @Test(
        "what nobody read before is not in the page cache afterwards, and what was there still is")
    func pageCache() throws {
        let segment = try #require(try directory.segments().first)
        let storage = SystemStorage(path: directory.path, maps: false)
        #expect(try storage.openDirectories(creating: false))
        let name = String(segment.dropFirst("segments/".count))
        let file = try #require(try storage.open(name, in: .segments, writable: false))
        defer { storage.close(file) }
        try storage.synchronize(file)
        try storage.dropCache(of: file)
        // To ask for a page that is not there brings it in, so that each is asked for once.
        if try isCached(storage, file, at: 1_000_000) {
            print("SKIPPED: the file system keeps what it is told to drop")
            return
        }
        var byte = [UInt8](repeating: 0, count: 1)
        _ = try byte.withMutableRawSpan { try storage.read(file, into: &$0, at: 4_000_000) }
        _ = try pass()
        let isCold = try isCached(storage, file, at: 2_500_000) == false
        #expect(isCold)
        #expect(try isCached(storage, file, at: 4_000_000))
    }

    private func isCached(
        _ storage: SystemStorage, _ file: FileHandle, at offset: UInt64
    ) throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: 1)
        return try bytes.withMutableRawSpan {
            try storage.readIfCached(file, into: &$0, at: offset) != nil
        }
    }

    @Test("a store is closed at once, however slow its scrub is")
    func closes() throws {
        var options = StoreOptions()
        let bell = Parker()
        options.scrub = ScrubOptions(bytesPerSecond: 1) { _ in bell.unpark() }
        let store = try Store.open(at: directory.path, options: options)
        bell.park()
        try store.close()
        let files = try directory.files()
        #expect(files.contains("SCRUB") || !files.contains("SCRUB.new"))
    }
}
