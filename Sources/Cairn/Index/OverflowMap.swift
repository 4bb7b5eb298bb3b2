// OverflowMap — the exact places of keys whose 64-bit hashes are equal.
//
// Almost always empty: 10 million keys hold such a pair with probability 3e-6. The index slot of
// such a hash says `overflow`, and all keys of the hash live here, with their bytes. Writers change
// the map before they set the slot, and the slot before they take keys out of the map. Any thread;
// a lock of its own guards the entries, and no other lock is taken inside it.

import CairnSystem

/// An exact map from key to location, for the few keys that share a hash.
package final class OverflowMap: Sendable {
    /// One key.
    package struct Entry: Equatable, Sendable {
        package let hash: UInt64
        package let key: [UInt8]
        package var location: Location
    }

    private let entries = Guarded([UInt64: [Entry]]())

    package init() {}

    /// How many keys the map holds.
    package var count: Int { entries.withLock { $0.values.reduce(0) { $0 + $1.count } } }

    /// How many keys of this hash the map holds.
    package func count(of hash: UInt64) -> Int { entries(of: hash).count }

    /// All keys of this hash.
    package func entries(of hash: UInt64) -> [Entry] { entries.withLock { $0[hash] ?? [] } }

    /// A copy of everything.
    package var allEntries: [Entry] { entries.withLock { $0.values.flatMap { $0 } } }

    /// The place of exactly this key, or nil.
    package func location(of hash: UInt64, key: RawSpan) -> Location? {
        entries.withLock { entries in
            guard let index = entries[hash]?.index(of: key) else { return nil }
            return entries[hash]?[index].location
        }
    }

    /// Inserts or replaces; returns the old location.
    @discardableResult
    package func set(_ hash: UInt64, key: RawSpan, to location: Location) -> Location? {
        entries.withLock { entries in
            guard let index = entries[hash]?.index(of: key) else {
                let entry = Entry(hash: hash, key: key.copyBytes(), location: location)
                entries[hash, default: []].append(entry)
                return nil
            }
            let old = entries[hash]?[index].location
            entries[hash]?[index].location = location
            return old
        }
    }

    /// Takes the key out; returns its location.
    @discardableResult
    package func remove(_ hash: UInt64, key: RawSpan) -> Location? {
        entries.withLock { entries in
            guard let index = entries[hash]?.index(of: key) else { return nil }
            let old = entries[hash]?.remove(at: index).location
            if entries[hash]?.isEmpty == true { entries[hash] = nil }
            return old
        }
    }

    /// Takes out the key of this hash that lies at `expected`. True if there was one.
    @discardableResult
    package func remove(_ hash: UInt64, expecting expected: Location) -> Bool {
        entries.withLock { entries in
            guard let index = entries[hash]?.firstIndex(where: { $0.location == expected }) else {
                return false
            }
            entries[hash]?.remove(at: index)
            if entries[hash]?.isEmpty == true { entries[hash] = nil }
            return true
        }
    }

    /// Takes out all keys of a hash; returns them.
    @discardableResult
    package func removeAll(of hash: UInt64) -> [Entry] {
        entries.withLock { $0.removeValue(forKey: hash) ?? [] }
    }

    /// Moves the key of this hash that lies at `expected`. True if there was one.
    @discardableResult
    package func replace(
        _ hash: UInt64, expecting expected: Location, with location: Location
    ) -> Bool {
        entries.withLock { entries in
            guard let index = entries[hash]?.firstIndex(where: { $0.location == expected }) else {
                return false
            }
            entries[hash]?[index].location = location
            return true
        }
    }
}

extension [OverflowMap.Entry] {
    fileprivate func index(of key: RawSpan) -> Int? {
        for index in indices {
            let candidate = self[index].key
            if candidate.rawSpan.isEqual(to: key) { return index }
        }
        return nil
    }
}
