// Examples: each way of using a store, as a user would write it. Compiled and run by ExampleTests;
// the README and the documentation quote them.

import Cairn

/// Blocking calls: simplest, and fastest for a thread that waits anyway.
func blockingExample(directory: String) throws {
    let store = try Store.open(at: directory)
    try store.put("greeting", Array("hello".utf8), WriteOptions(metadata: Array("text".utf8)))
    if let blob = try store.get("greeting") {
        print("\(blob.bytes.count) bytes, version \(blob.version.sequence)")
    }
    // Only if nobody wrote it meanwhile:
    if let version = try store.information("greeting")?.version {
        try store.put(
            "greeting", Array("good morning".utf8), WriteOptions(condition: .matches(version)))
    }
    try store.delete("greeting")
    try store.close()
}

/// Callbacks: many writes in flight from one thread share one sync. `completion` runs on the
/// store's thread; it should hand on its result and return.
func callbackExample(
    directory: String, completion: @escaping @Sendable (Result<WriteReceipt, StoreError>) -> Void
) throws -> Store {
    let store = try Store.open(at: directory)
    for number in 0..<100 {
        try store.put(Key("item \(number)"), Array("value \(number)".utf8), completion: completion)
    }
    // Returns when all of them are durable; their callbacks have run by then or run soon.
    try store.flush()
    return store
}

/// `async`: no thread is blocked while a sync is under way.
func asyncExample(directory: String) async throws -> Int {
    let store = try Store.open(at: directory)
    try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<20 {
            group.addTask {
                try await store.put(Key("task \(number)"), Array("value".utf8))
            }
        }
        try await group.waitForAll()
    }
    let isGone = try await store.delete("task 0") != nil
    let count = Int(store.statistics().keyCount)
    try store.close()
    return isGone ? count : -1
}

/// A batch: all of its writes happen or none, across a power cut too.
func batchExample(directory: String) throws -> [WriteReceipt] {
    let store = try Store.open(at: directory)
    defer { try? store.close() }
    try store.put("account/1", Array("100".utf8))
    var batch = Batch()
    batch.put("account/1", Array("60".utf8), condition: .present)
    batch.put("account/2", Array("40".utf8), condition: .absent)
    batch.delete("pending/7")
    return try store.apply(batch)
}

/// Streams: blobs larger than memory, in and out. Nobody sees the blob before `commit`.
func streamingExample(directory: String, pieces: [[UInt8]]) throws -> UInt64 {
    let store = try Store.open(at: directory)
    defer { try? store.close() }
    let writer = try store.writer("film", WriteOptions(condition: .absent))
    for piece in pieces { try writer.write(piece) }
    try writer.commit()
    guard let reader = try store.reader("film") else { return 0 }
    var byteCount: UInt64 = 0
    while true {
        let piece = try reader.read(byteCountMaximum: 64 << 10)
        if piece.isEmpty { break }
        byteCount += UInt64(piece.count)
    }
    return byteCount
}

/// A listing, item by item: the blobs and directories right below a prefix.
func listingExample(directory: String) throws -> [String] {
    let store = try Store.open(at: directory)
    defer { try? store.close() }
    for name in ["photos/2025/a.jpg", "photos/2025/b.jpg", "photos/2026/c.jpg", "photos/index"] {
        try store.put(Key(name), Array(name.utf8))
    }
    var lines: [String] = []
    let listing = store.list(prefix: "photos/", delimiter: "/", includesInformation: true)
    while let item = try listing.next() {
        lines.append(
            item.isPrefix
                ? "\(item.key) …" : "\(item.key), \(item.information?.byteCount ?? 0) bytes")
    }
    return lines
}

/// Pages: what a server hands out, and goes on with later by `next`, also in another process.
func pageExample(directory: String) throws -> [Int] {
    let store = try Store.open(at: directory)
    defer { try? store.close() }
    for number in 0..<25 { try store.put(Key("item \(number)"), []) }
    var counts: [Int] = []
    var page = try store.listPage(limit: 10)
    counts.append(page.items.count)
    while let next = page.next {
        page = try store.listPage(after: next, limit: 10)
        counts.append(page.items.count)
    }
    return counts
}

/// A listing in a task; no thread of its pool is blocked.
func asyncListingExample(directory: String) async throws -> Int {
    let store = try Store.open(at: directory)
    for number in 0..<300 { try await store.put(Key("item \(number)"), []) }
    var count = 0
    for try await item in store.list(prefix: "item 1") where !item.isPrefix { count += 1 }
    let page = try await store.listPage(prefix: "item 2", limit: 7)
    count += page.items.count
    try store.close()
    return count
}

/// Blobs that expire: absent from that moment on, for everybody; longer life without writing them again.
func expiryExample(directory: String) throws -> [Bool] {
    let store = try Store.open(at: directory)
    defer { try? store.close() }
    try store.put("session", Array("token".utf8), WriteOptions(expiry: .after(.seconds(1800))))
    try store.put("old", [], WriteOptions(expiry: .after(.seconds(-1))))
    let isThere = try store.get("session") != nil
    // Another half hour, if it is still there:
    let isRenewed = try store.update("session", expiry: .at(.after(.seconds(1800)))) != nil
    return [isThere, isRenewed, try store.get("old") != nil]
}
