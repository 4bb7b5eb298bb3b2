// A sample of the keys: what is where, without reading all of them.
//
// Drawn from the index, where keys stand by their hashes, so that no prefix and no size is likelier than
// another. Two reads a key, each of which may wait for the disk. A key that goes while it is looked at is left
// out, and so are the few whose hashes collide. Any thread, without locks. Spec: Engine.md, "Listing".

internal import CairnFormat
internal import CairnSystem

extension Engine {
    /// The index is gone through for all keys of few if it has no more entries.
    private static var sweptCountMaximum: Int { 1 << 20 }

    /// At most so many keys, drawn at random, none twice; all of them where there are no more.
    package func sampleKeys(_ count: Int) throws(StoreError) -> [ListedItem] {
        var items: [ListedItem] = []
        let isAll = statistics().keyCount <= UInt64(count) && index.count <= Self.sweptCountMaximum
        let hashes = isAll ? allHashes() : drawnHashes(count)
        for hash in hashes where items.count < count {
            if let item = try item(ofHash: hash) { items.append(item) }
        }
        return items
    }

    private func allHashes() -> Set<UInt64> {
        var hashes: Set<UInt64> = []
        let token = readers.enter()
        defer { readers.leave(token) }
        index.forEach { hash, location in
            if Self.isBlob(hash, location) { hashes.insert(hash) }
        }
        return hashes
    }

    private func drawnHashes(_ count: Int) -> Set<UInt64> {
        var hashes: Set<UInt64> = []
        // Some shards may have none.
        for _ in 0..<4 * count where hashes.count < count {
            if let hash = drawnHash() { hashes.insert(hash) }
        }
        return hashes
    }

    private static func isBlob(_ hash: UInt64, _ location: Location) -> Bool {
        hash & 1 == 0 && location.isRecord && location.kind != .tombstone
    }

    private func drawnHash() -> UInt64? {
        let token = readers.enter()
        defer { readers.leave(token) }
        return index.key(near: storage.random(), where: Self.isBlob)?.hash
    }

    /// Nil: there is none any more.
    private func item(ofHash hash: UInt64) throws(StoreError) -> ListedItem? {
        // A key that nobody has: what stands there is another one.
        guard let key = try examine(hash, RawSpan()).otherKey else { return nil }
        return try item(key)
    }
}
