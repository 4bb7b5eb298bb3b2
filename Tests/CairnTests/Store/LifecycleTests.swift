// The store's life: made, opened in each way, sealed, closed, opened again, and what it says of it.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Store lifecycle")
struct LifecycleTests {
    private let directory: StoreTestDirectory

    init() throws { directory = try StoreTestDirectory() }

    private func open(
        _ access: StoreOptions.Access = .create, tuning: Tuning = .small
    ) throws -> Store {
        try Store.open(
            at: directory.path, options: StoreOptions(access: access), tuning: tuning)
    }

    @Test("a directory without a store is refused unless one is to be made, and left empty")
    func noStore() throws {
        for access in [StoreOptions.Access.existing, .readOnly] {
            expectError(.noStore, naming: directory.path) { _ = try open(access) }
        }
        expectError(.noStore, naming: "nowhere") {
            _ = try Store.open(
                at: directory.path + "/nowhere", options: StoreOptions(access: .existing))
        }
        #expect(try directory.files() == [])
        try open().close()
        try open(.existing).close()
        try open(.readOnly).close()
    }

    @Test("a directory that does not exist is made, but not its parents")
    func directoryIsMade() throws {
        let store = try Store.open(at: directory.path + "/new")
        try store.put("key", [1])
        try store.close()
        expectError(.inputOutput, naming: "mkdir", "a/b") {
            _ = try Store.open(at: directory.path + "/a/b")
        }
    }

    @Test("a program that puts one blob leaves one segment, sealed")
    func onePut() throws {
        for round in 1...3 {
            let store = try open()
            try store.put(.numbered(round), [1])
            try store.close()
            #expect(try directory.segments().count == round)
        }
        let bytes = try directory.bytes(of: "MANIFEST")
        let manifest = try Manifest(decoding: bytes.rawSpan)
        #expect(manifest.entries.map(\.state) == [.sealed, .sealed, .sealed])
        let last = try #require(manifest.entries.last)
        let name = try #require(try directory.segments().last)
        let file = try directory.bytes(of: name)
        #expect(UInt64(file.count) == last.logicalByteCount)
    }

    @Test("a program that writes nothing leaves no segment")
    func noPut() throws {
        let store = try open()
        #expect(try store.get("key") == nil)
        #expect(try store.delete("key") == nil)
        try store.close()
        #expect(try directory.segments().isEmpty)
        #expect(try directory.files().sorted() == ["LOCK", "MANIFEST", "RESERVE", "STORE"])
    }

    @Test("a log that outgrows its segment goes on in the next; every record stays readable")
    func rotation() throws {
        let store = try open()
        for number in 0..<100 { try store.put(.numbered(number), sampleBytes(500)) }
        #expect(store.statistics().segmentCount > 5)
        for number in 0..<100 {
            #expect(try store.get(.numbered(number))?.bytes == sampleBytes(500))
        }
        try store.close()
        let again = try open()
        #expect(again.findings.isEmpty)
        #expect(again.statistics().keyCount == 100)
        for number in 0..<100 {
            #expect(try again.get(.numbered(number))?.bytes == sampleBytes(500))
        }
        try again.close()
    }

    @Test("a store opened for reading answers, refuses writes, and changes nothing on disk")
    func readOnly() throws {
        let store = try open()
        for number in 0..<30 { try store.put(.numbered(number), sampleBytes(500)) }
        try store.delete(.numbered(3))
        try store.close()
        let before = try directory.contents()
        let reader = try open(.readOnly)
        #expect(try reader.get(.numbered(2))?.bytes == sampleBytes(500))
        #expect(try reader.get(.numbered(3)) == nil)
        #expect(reader.statistics().keyCount == 29)
        #expect(reader.statistics().isReadOnly)
        var batch = Batch()
        batch.put("key", [1])
        expectError(.readOnly, naming: "reading") { try reader.put("key", [1]) }
        expectError(.readOnly) { try reader.delete(.numbered(2)) }
        expectError(.readOnly) { try reader.delete("nobody") }
        expectError(.readOnly) { try reader.apply(batch) }
        expectError(.readOnly) { _ = try reader.writer("key") }
        try reader.flush()
        try reader.close()
        #expect(try directory.contents() == before)
    }

    @Test("a reader works beside a writer, and shows what the log held when it was opened")
    func besideWriter() throws {
        let store = try open()
        try store.put("key", [1])
        let reader = try open(.readOnly)
        #expect(try reader.get("key")?.bytes == [1])
        try store.put("key", [2])
        #expect(try reader.get("key")?.bytes == [1])
        let later = try open(.readOnly)
        #expect(try later.get("key")?.bytes == [2])
        try later.close()
        try reader.close()
        try store.close()
    }

    @Test("a store that was not closed is opened again with all that was synced")
    func notClosed() throws {
        let store = try open()
        for number in 0..<20 { try store.put(.numbered(number), sampleBytes(300)) }
        let copy = try StoreTestDirectory()
        let made = try Store.open(at: copy.path, options: StoreOptions(), tuning: .small)
        try made.close()
        for file in try copy.files() { try copy.remove(file) }
        for file in try directory.files() {
            try copy.replace(file, try directory.bytes(of: file))
        }
        try store.close()
        let again = try Store.open(at: copy.path, options: StoreOptions(), tuning: .small)
        for number in 0..<20 {
            #expect(try again.get(.numbered(number))?.bytes == sampleBytes(300))
        }
        #expect(again.statistics().keyCount == 20)
        try again.close()
    }

    @Test("a closed store answers closed, also when it is closed again")
    func closed() throws {
        let store = try open()
        try store.put("key", [1])
        try store.close()
        expectError(.closed) { try store.put("key", [2]) }
        expectError(.closed) { try store.delete("key") }
        try store.close()
        let again = try open()
        #expect(try again.get("key")?.bytes == [1])
        try again.close()
    }

    @Test("the last reference to a store can be dropped, and the store closed, in a callback")
    func droppedInCallback() async throws {
        for closes in [false, true] {
            let path = directory.path
            await #expect(processExitsWith: .success) {
                [path = path as String, closes = closes as Bool] in
                try dropInCallback(path, closes: closes)
            }
        }
    }

    @Test("statistics count keys, live and dead bytes, and segments")
    func statistics() throws {
        let store = try open(tuning: .smallChunks)
        #expect(store.statistics().keyCount == 0)
        try store.put("a", sampleBytes(1000))
        let one = store.statistics()
        #expect(one.keyCount == 1 && one.segmentCount == 1)
        #expect(one.liveByteCount >= 1000 && one.liveByteCount < 1200)
        #expect(one.deadByteCount == 0)
        try store.put("a", sampleBytes(1000))
        let two = store.statistics()
        #expect(two.liveByteCount == one.liveByteCount)
        #expect(two.deadByteCount == one.liveByteCount)
        #expect(two.nextSequence > one.nextSequence)
        try store.delete("a")
        let three = store.statistics()
        #expect(three.keyCount == 0 && three.liveByteCount == 0)
        #expect(three.deadByteCount > 2 * one.liveByteCount)
        #expect(three.indexByteCount > 0)
        #expect(!three.isReadOnly)
        try store.put("b", sampleBytes(9000))
        let four = store.statistics()
        try store.close()
        let again = try open(tuning: .smallChunks)
        let reopened = again.statistics()
        #expect(reopened.keyCount == four.keyCount)
        #expect(reopened.liveByteCount == four.liveByteCount)
        #expect(reopened.nextSequence > four.nextSequence)
        #expect(again.findings.isEmpty)
        try again.close()
    }

    @Test("findings name what opening met; a sound store has none")
    func findings() throws {
        let store = try open()
        try store.put("key", [1])
        #expect(store.findings.isEmpty)
        try store.close()
        try directory.replace("segments/notes.txt", Array("hello".utf8))
        let again = try open()
        #expect(again.findings.contains { $0.contains("notes.txt") && $0.contains("quarantine") })
        #expect(again.statistics().damage == again.findings)
        #expect(try again.get("key")?.bytes == [1])
        try again.close()
        #expect(try directory.bytes(of: "quarantine/notes.txt") == Array("hello".utf8))
    }

    @Test("impossible options are refused before anything is touched")
    func options() throws {
        var segment = StoreOptions()
        segment.segmentByteCount = 100
        var blob = StoreOptions()
        blob.blobByteCountMaximum = StoreOptions.blobByteCountLimit + 1
        var interval = StoreOptions()
        interval.intervalMilliseconds = 0
        var threads = StoreOptions()
        threads.loadingThreadCount = 0
        var target = StoreOptions()
        target.spaceAmplificationTarget = 1
        var pace = StoreOptions()
        pace.compactionBytesPerSecond = 0
        for options in [segment, blob, interval, threads, target, pace] {
            expectError(.invalidOption) {
                _ = try Store.open(at: directory.path, options: options)
            }
        }
        #expect(try directory.files().isEmpty)
    }
}

/// A callback runs on the store's own thread. The store is free when that has ended.
private func dropInCallback(_ path: String, closes: Bool) throws {
    let held = Guarded<Store?>(try Store.open(at: path))
    let (bell, permission) = (Parker(), Parker())
    let failure = Guarded<String?>(nil)
    let submit = {
        try held.withLock { $0 }?.put("key", [1]) { outcome in called(outcome) }
    }
    @Sendable func called(_ outcome: Result<WriteReceipt, StoreError>) {
        permission.park()
        do {
            _ = try outcome.get()
            if closes { try held.withLock { $0 }?.close() }
        } catch {
            failure.withLock { $0 = "\(error)" }
        }
        held.withLock { $0 = nil }
        bell.unpark()
    }
    try submit()
    // From here on only the callback holds the store.
    permission.unpark()
    bell.park()
    #expect(failure.withLock { $0 } == nil)
    while true {
        do {
            let again = try Store.open(at: path)
            #expect(try again.get("key")?.bytes == [1])
            return try again.close()
        } catch {
            guard error.kind == .inUse else { throw error }
            yieldProcessor()
        }
    }
}
