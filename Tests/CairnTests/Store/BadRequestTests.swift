// Bad input: keys, metadata and blobs beyond their limits, on every way in.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Bad input: requests")
struct BadRequestTests {
    private let directory: StoreTestDirectory
    private let store: Store

    init() throws {
        directory = try StoreTestDirectory()
        var options = StoreOptions()
        options.blobByteCountMaximum = 20_000
        store = try Store.open(at: directory.path, options: options, tuning: .smallChunks)
        try store.put("present", [1])
    }

    private func expectUntouched(
        _ before: [String: UInt32], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(try directory.contents() == before, sourceLocation: sourceLocation)
        #expect(store.statistics().keyCount == 1, sourceLocation: sourceLocation)
        try store.close()
    }

    @Test("an empty key and one of 65,536 bytes are refused everywhere")
    func keys() throws {
        let before = try directory.contents()
        for byteCount in [0, 65_536, 1 << 20] {
            let key = Key([UInt8](repeating: 65, count: byteCount))
            let words = "\(byteCount)"
            var batch = Batch()
            batch.put(key, [1])
            expectError(.invalidKey, naming: words, "65,535") { try store.put(key, [1]) }
            expectError(.invalidKey, naming: words) { try store.put(key, [1]) { _ in } }
            expectError(.invalidKey, naming: words) { try store.delete(key) }
            expectError(.invalidKey, naming: words) { try store.delete(key) { _ in } }
            expectError(.invalidKey, naming: words) { _ = try store.get(key) }
            expectError(.invalidKey, naming: words) { _ = try store.information(key) }
            expectError(.invalidKey, naming: words) { _ = try store.reader(key) }
            expectError(.invalidKey, naming: words) { _ = try store.writer(key) }
            expectError(.invalidKey, naming: words) { try store.update(key) }
            expectError(.invalidKey, naming: words) { try store.apply(batch) }
        }
        try expectUntouched(before)
    }

    @Test("a key of 65,535 bytes with 16 KiB of metadata is taken, as a large blob too")
    func longest() throws {
        let key = Key([UInt8](repeating: 65, count: 65_535))
        let options = WriteOptions(metadata: [UInt8](repeating: 3, count: 16_384))
        for byteCount in [0, 20_000] {
            try store.put(key, sampleBytes(byteCount), options)
            let blob = try #require(try store.get(key))
            #expect(blob.bytes == sampleBytes(byteCount) && blob.metadata == options.metadata)
            var batch = Batch()
            batch.put(key, sampleBytes(byteCount), metadata: options.metadata)
            try store.apply(batch)
            #expect(try store.get(key)?.metadata == options.metadata)
        }
        try store.close()
        let again = try Store.open(at: directory.path)
        #expect(try again.get(key)?.bytes == sampleBytes(20_000))
        #expect(try again.delete(key) != nil)
        try again.close()
    }

    @Test("16 KiB and one byte of metadata are refused everywhere")
    func metadata() throws {
        let before = try directory.contents()
        let options = WriteOptions(metadata: [UInt8](repeating: 3, count: 16_385))
        var batch = Batch()
        batch.put("key", [1], metadata: options.metadata)
        expectError(.metadataTooLong, naming: "16384", "16385") {
            try store.put("key", [1], options)
        }
        expectError(.metadataTooLong) { try store.put("key", sampleBytes(20_000), options) }
        expectError(.metadataTooLong) { _ = try store.writer("key", options) }
        expectError(.metadataTooLong) { try store.apply(batch) }
        for key: Key in ["present", "absent"] {
            expectError(.metadataTooLong) { try store.update(key, metadata: options.metadata) }
        }
        try expectUntouched(before)
    }

    @Test("a blob over the store's limit is refused; a stream of one as soon as it passes it")
    func blobs() throws {
        let before = try directory.contents()
        let long = sampleBytes(20_001)
        var batch = Batch()
        batch.put("key", long)
        expectError(.blobTooLarge, naming: "20000", "20001") { try store.put("key", long) }
        expectError(.blobTooLarge) { try store.apply(batch) }
        try expectUntouched(before)
    }

    @Test("a stream over the limit fails where it passes it, and leaves nothing to be seen")
    func stream() throws {
        let writer = try store.writer("key")
        try writer.write(sampleBytes(20_000))
        expectError(.blobTooLarge, naming: "20000") { try writer.write([1]) }
        writer.abort()
        #expect(try store.get("key") == nil)
        #expect(store.statistics().keyCount == 1)
        try store.close()
    }

    @Test("the limit holds for small blobs too")
    func smallLimit() throws {
        try store.close()
        let options = StoreOptions(blobByteCountMaximum: 10)
        let small = try Store.open(at: directory.path, options: options)
        try small.put("key", sampleBytes(10))
        expectError(.blobTooLarge) { try small.put("key", sampleBytes(11)) }
        #expect(try small.get("key")?.bytes == sampleBytes(10))
        try small.close()
    }
}
