// The store's everyday promises on a real directory: what is put is read, whole or in part, now and
// after it was opened again.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Store")
struct StoreTests {
    let directory: StoreTestDirectory

    init() throws { directory = try StoreTestDirectory() }

    private func withStore<Result>(
        _ options: StoreOptions = StoreOptions(), tuning: Tuning = .smallChunks,
        _ body: (Store) throws -> Result
    ) throws -> Result {
        let store = try Store.open(at: directory.path, options: options, tuning: tuning)
        let result: Result
        do {
            result = try body(store)
        } catch {
            try store.close()
            throw error
        }
        try store.close()
        return result
    }

    @Test("a key that was never put is nil, not an error")
    func absent() throws {
        try withStore { (store) throws in
            #expect(try store.get("nobody") == nil)
            #expect(try store.get("nobody", range: 5..<9) == nil)
            #expect(try store.information("nobody") == nil)
            #expect(try store.reader("nobody") == nil)
            #expect(try store.delete("nobody") == nil)
            let nothing = try store.withBytes(of: Array("nobody".utf8).rawSpan) { _ in }
            #expect(nothing == nil)
        }
    }

    @Test(
        "a blob of any size is read as it was put, and after reopening",
        arguments: [0, 1, 127, 128, 1023, 1024, 1025, 4095, 4096, 4097, 12_288, 100_000])
    func sizes(byteCount: Int) throws {
        for salt in UInt64(0)..<2 {
            let value = sampleBytes(byteCount, salt: salt)
            let receipt = try withStore { (store) throws in
                let receipt = try store.put("blob", value)
                #expect(try store.get("blob")?.bytes == value)
                return receipt
            }
            try withStore { (store) throws in
                let blob = try #require(try store.get("blob"))
                #expect(blob.bytes == value)
                #expect(blob.version == receipt.version)
                #expect(blob.totalByteCount == UInt64(byteCount))
            }
        }
    }

    @Test("a range is what the blob has of it, at every border of blocks and chunks")
    func ranges() throws {
        let value = sampleBytes(10_000, salt: 1)
        try withStore { (store) throws in
            for key in [Key("small"), Key("large")] {
                let value = key == "small" ? Array(value.prefix(3000)) : value
                try store.put(key, value)
                let borders = [0, 1, 1023, 1024, 1025, 2999, 3000, 4096, 8191, 8192, 9999, 10_000]
                for start in borders {
                    for end in borders + [20_000] where end >= start {
                        let blob = try #require(
                            try store.get(key, range: UInt64(start)..<UInt64(end)))
                        let from = min(start, value.count)
                        #expect(blob.bytes == Array(value[from..<max(from, min(end, value.count))]))
                        #expect(blob.totalByteCount == UInt64(value.count))
                    }
                }
            }
        }
    }

    @Test("withBytes hands over the same bytes in order")
    func pieces() throws {
        let value = sampleBytes(10_000, salt: 2)
        try withStore { (store) throws in
            try store.put("blob", value)
            var bytes: [UInt8] = []
            let information = try store.withBytes(of: Array("blob".utf8).rawSpan) { piece in
                bytes += piece.copyBytes()
            }
            #expect(bytes == value)
            #expect(information?.byteCount == 10_000)
        }
    }

    @Test("withBytes hands over no piece of an empty blob, and knows that it is there")
    func noPieces() throws {
        try withStore { (store) throws in
            try store.put("empty", [])
            try store.put("described", [], WriteOptions(metadata: [1]))
            for key in ["empty", "described"] {
                var pieceCount = 0
                let information = try store.withBytes(of: Array(key.utf8).rawSpan) { _ in
                    pieceCount += 1
                }
                #expect(information?.byteCount == 0 && pieceCount == 0, "\(key)")
            }
        }
    }

    @Test("metadata of 0 bytes to 16 KiB comes back with the blob, whether large or small")
    func metadata() throws {
        for byteCount in [0, 1, 300, 16_384] {
            let metadata = sampleBytes(byteCount, salt: 4)
            try withStore { (store) throws in
                for size in [0, 10, 9000] {
                    try store.put(
                        "blob", sampleBytes(size), WriteOptions(metadata: metadata))
                    #expect(try store.get("blob")?.metadata == metadata)
                    let information = try #require(try store.information("blob"))
                    #expect(information.metadata == metadata)
                    #expect(information.byteCount == UInt64(size))
                    #expect(try store.reader("blob")?.information == information)
                }
            }
        }
    }

    @Test("an overwrite replaces value, metadata and version; its receipt says so")
    func overwrite() throws {
        try withStore { (store) throws in
            let first = try store.put("key", [1, 2, 3], WriteOptions(metadata: [9]))
            let second = try store.put("key", [4])
            #expect(!first.replaced)
            #expect(second.replaced)
            #expect(second.version > first.version)
            let blob = try #require(try store.get("key"))
            #expect(blob.bytes == [4] && blob.metadata == [] && blob.version == second.version)
            #expect(store.statistics().keyCount == 1)
        }
    }

    @Test("a deleted blob is gone, also after reopening; deleting again is nil")
    func delete() throws {
        for value in [sampleBytes(10), sampleBytes(9000)] {
            try withStore { (store) throws in
                let put = try store.put("key", value)
                let deleted = try #require(try store.delete("key"))
                #expect(deleted.version > put.version)
                #expect(try store.get("key") == nil)
                #expect(try store.delete("key") == nil)
            }
            try withStore { (store) throws in
                #expect(try store.get("key") == nil)
                #expect(store.statistics().keyCount == 0)
            }
        }
    }

    @Test("keys of any bytes are different keys when one byte differs")
    func keys() throws {
        var keys = [[0], [0, 0], [255], [0x2f], Array("../x".utf8)]
        keys.append([UInt8](repeating: 7, count: 65_535))
        keys.append([UInt8](repeating: 7, count: 65_534))
        for reading in 0..<2 {
            try withStore { (store) throws in
                for (number, key) in keys.enumerated() {
                    if reading == 0 { try store.put(Key(key), [UInt8(number)]) }
                    #expect(try store.get(Key(key))?.bytes == [UInt8(number)])
                }
            }
        }
    }

    @Test("each durability is acknowledged, visible at once, and there after a clean close")
    func durabilities() throws {
        try withStore { (store) throws in
            for (number, durability) in Durability.allCases.enumerated() {
                let options = WriteOptions(durability: durability)
                try store.put(.numbered(number), [UInt8(number)], options)
                #expect(try store.get(.numbered(number))?.bytes == [UInt8(number)])
                try store.put("gone", [1], options)
                #expect(try store.delete("gone", options) != nil)
                #expect(try store.get("gone") == nil)
            }
        }
        try withStore { (store) throws in
            for number in Durability.allCases.indices {
                #expect(try store.get(.numbered(number))?.bytes == [UInt8(number)])
            }
            #expect(store.statistics().keyCount == 3)
        }
    }

    @Test("an interval write reaches its file by itself, with nobody waiting for it")
    func interval() throws {
        let options = StoreOptions(durability: .interval, intervalMilliseconds: 1)
        let store = try Store.open(at: directory.path, options: options)
        try store.put("key", [1, 2, 3])
        // A reader beside the writer sees what the file holds, never what is in the buffer.
        var found: [UInt8]?
        let deadline = Clock.monotonicNanoseconds() + 10_000_000_000
        while found == nil, Clock.monotonicNanoseconds() < deadline {
            let reader = try Store.open(
                at: directory.path, options: StoreOptions(access: .readOnly))
            found = try reader.get("key")?.bytes
            try reader.close()
        }
        #expect(found == [1, 2, 3])
        try store.close()
    }

    @Test("two keys are never confused although their hashes collide")
    func collisions() throws {
        var tuning = Tuning.smallChunks
        tuning.hashMask = 0
        try withStore(tuning: tuning) { (store) throws in
            for number in 0..<20 { try store.put(.numbered(number), sampleBytes(number * 400)) }
            for number in stride(from: 0, to: 20, by: 3) { try store.delete(.numbered(number)) }
            try store.put(.numbered(1), [1])
        }
        try withStore(tuning: tuning) { (store) throws in
            for number in 0..<20 {
                let expected =
                    number % 3 == 0 ? nil : number == 1 ? [1] : sampleBytes(number * 400)
                #expect(try store.get(.numbered(number))?.bytes == expected)
            }
            #expect(store.statistics().keyCount == 13)
        }
    }
}
