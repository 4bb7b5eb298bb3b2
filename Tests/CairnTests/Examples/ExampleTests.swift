// The documented examples run and do what they say.

import Cairn
import CairnSystem
import Testing

@Suite("Examples")
struct ExampleTests {
    private let directory: StoreTestDirectory

    init() throws { directory = try StoreTestDirectory() }

    @Test("blocking calls")
    func blocking() throws {
        try blockingExample(directory: directory.path)
        let store = try Store.open(at: directory.path)
        #expect(try store.get("greeting") == nil)
        try store.close()
    }

    @Test("callbacks")
    func callbacks() throws {
        let counts = Guarded((succeeded: 0, failed: 0))
        let done = Parker()
        let store = try callbackExample(directory: directory.path) { result in
            counts.withLock { counts in
                if case .success = result { counts.succeeded += 1 } else { counts.failed += 1 }
            }
            done.unpark()
        }
        while counts.withLock({ $0.succeeded + $0.failed }) < 100 { done.park() }
        #expect(counts.withLock { $0.succeeded } == 100)
        #expect(store.statistics().keyCount == 100)
        try store.close()
    }

    @Test("async")
    func asynchronous() async throws {
        #expect(try await asyncExample(directory: directory.path) == 19)
    }

    @Test("a batch")
    func batch() throws {
        let receipts = try batchExample(directory: directory.path)
        #expect(receipts.map(\.replaced) == [true, false, false])
        let store = try Store.open(at: directory.path)
        #expect(try store.get("account/1")?.bytes == Array("60".utf8))
        #expect(try store.get("account/2")?.bytes == Array("40".utf8))
        try store.close()
    }

    @Test("streams")
    func streams() throws {
        let pieces = (0..<40).map { sampleBytes(100_000, salt: UInt64($0)) }
        #expect(try streamingExample(directory: directory.path, pieces: pieces) == 4_000_000)
    }

    @Test("a listing")
    func listing() throws {
        #expect(
            try listingExample(directory: directory.path) == [
                "photos/2025/ …", "photos/2026/ …", "photos/index, 12 bytes",
            ])
    }

    @Test("pages of a listing")
    func pages() throws {
        #expect(try pageExample(directory: directory.path) == [10, 10, 5])
    }

    @Test("a listing in a task")
    func asynchronousListing() async throws {
        // item 1, 10 to 19, 100 to 199; then seven more.
        #expect(try await asyncListingExample(directory: directory.path) == 111 + 7)
    }

    @Test("blobs that expire")
    func expiry() throws {
        #expect(try expiryExample(directory: directory.path) == [true, true, false])
    }
}
