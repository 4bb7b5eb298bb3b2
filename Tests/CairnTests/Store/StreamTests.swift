// Streamed writes and reads: nobody sees half a blob, and a reader keeps the version it began with.

import Cairn
import CairnTestSupport
import Testing

@Suite("Streams")
struct StreamTests {
    private let directory: StoreTestDirectory
    private let store: Store

    init() throws {
        directory = try StoreTestDirectory()
        store = try Store.open(at: directory.path, options: StoreOptions(), tuning: .smallChunks)
    }

    private func readAll(_ reader: BlobReader, pieceByteCount: Int = 1000) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try reader.read(byteCountMaximum: pieceByteCount)
            if piece.isEmpty { return bytes }
            bytes += piece
        }
    }

    @Test(
        "a streamed blob is seen at its commit, whole",
        arguments: [0, 1, 4095, 4096, 4097, 8192, 50_000])
    func commit(byteCount: Int) throws {
        let value = sampleBytes(byteCount)
        let writer = try store.writer("key", WriteOptions(metadata: [7]))
        for start in stride(from: 0, to: byteCount, by: 777) {
            try writer.write(Array(value[start..<min(start + 777, byteCount)]))
        }
        #expect(writer.byteCount == UInt64(byteCount))
        #expect(try store.get("key") == nil)
        let receipt = try writer.commit()
        let blob = try #require(try store.get("key"))
        #expect(blob.bytes == value && blob.metadata == [7] && blob.version == receipt.version)
        let reader = try #require(try store.reader("key"))
        #expect(try readAll(reader) == value)
        #expect(reader.offset == UInt64(byteCount))
        try store.close()
        let again = try Store.open(at: directory.path)
        #expect(try again.get("key")?.bytes == value)
        try again.close()
    }

    @Test("an aborted and a dropped upload leave nothing to be seen, now and after reopening")
    func given() throws {
        try store.put("key", [1])
        let writer = try store.writer("key")
        try writer.write(sampleBytes(10_000))
        writer.abort()
        expectError(.closed) { try writer.write([1]) }
        expectError(.closed) { _ = try writer.commit() }
        do {
            let dropped = try store.writer("other")
            try dropped.write(sampleBytes(10_000))
        }
        #expect(try store.get("key")?.bytes == [1])
        #expect(try store.get("other") == nil)
        #expect(store.statistics().keyCount == 1)
        try store.close()
        let again = try Store.open(at: directory.path)
        #expect(try again.get("key")?.bytes == [1])
        #expect(try again.get("other") == nil)
        #expect(again.statistics().keyCount == 1)
        try again.close()
    }

    @Test("a condition is checked when a streamed put begins")
    func conditionAtStart() throws {
        let version = try store.put("key", [1]).version
        expectError(.conditionFailed) {
            _ = try store.writer("key", WriteOptions(condition: .absent))
        }
        expectError(.conditionFailed) {
            _ = try store.writer("nobody", WriteOptions(condition: .matches(version)))
        }
        try store.close()
    }

    @Test("and decided when it is committed", arguments: [100, 10_000])
    func conditionAtCommit(byteCount: Int) throws {
        let version = try store.put("key", [1]).version
        let losing = try store.writer("key", WriteOptions(condition: .matches(version)))
        let winning = try store.writer("key", WriteOptions(condition: .matches(version)))
        try losing.write(sampleBytes(byteCount, salt: 2))
        try winning.write(sampleBytes(byteCount, salt: 4))
        try winning.commit()
        expectError(.conditionFailed) { try losing.commit() }
        #expect(try store.get("key")?.bytes == sampleBytes(byteCount, salt: 4))
        let creating = try store.writer("new", WriteOptions(condition: .absent))
        try creating.write(sampleBytes(byteCount))
        try store.put("new", [5])
        expectError(.conditionFailed) { try creating.commit() }
        #expect(try store.get("new")?.bytes == [5])
        try store.close()
    }

    @Test("a reader of a replaced or deleted blob finishes with the old one, whole")
    func readerKeepsItsVersion() throws {
        for byteCount in [3000, 40_000] {
            let old = sampleBytes(byteCount, salt: 2)
            let version = try store.put("key", old).version
            let reader = try #require(try store.reader("key"))
            var bytes = try reader.read(byteCountMaximum: 1500)
            try store.put("key", sampleBytes(byteCount, salt: 4))
            try store.engine.workUntilIdle()
            bytes += try reader.read(byteCountMaximum: 1500)
            try store.delete("key")
            try store.engine.workUntilIdle()
            bytes += try readAll(reader)
            #expect(bytes == old)
            #expect(reader.information.version == version)
            #expect(try store.get("key") == nil)
            reader.close()
            try store.engine.workUntilIdle()
        }
        try store.close()
    }

    @Test("what no reader needs any more leaves the index: dead chunks are not live bytes")
    func deadChunks() throws {
        try store.put("key", sampleBytes(40_000))
        let reader = try #require(try store.reader("key"))
        try store.delete("key")
        try store.engine.workUntilIdle()
        #expect(store.statistics().liveByteCount > 40_000)
        reader.close()
        try store.engine.workUntilIdle()
        #expect(store.statistics().liveByteCount == 0)
        try store.close()
    }

    @Test("a reader seeks, reads to the end, and says no more when it is closed")
    func seek() throws {
        let value = sampleBytes(20_000)
        try store.put("key", value)
        let reader = try #require(try store.reader("key"))
        reader.seek(to: 12_345)
        #expect(try readAll(reader) == Array(value[12_345...]))
        reader.seek(to: 1 << 40)
        #expect(try reader.read().isEmpty)
        reader.seek(to: 4095)
        #expect(try reader.read(byteCountMaximum: 1) == [value[4095]])
        reader.close()
        expectError(.closed) { _ = try reader.read() }
        try store.close()
    }
}
