// Listing: keys in order, as the index holds them now.
//
// The keys of all segments are merged; each is looked up in the index, and listed once if what it finds
// is a record of exactly this key: the one that a segment's keys name at that place, or else, when the
// record was moved or written since, one whose key is read. So a key that is there all the time is
// listed exactly once, wherever it lies, and one that is deleted is not. Between two batches nothing
// is held: the next one looks at the segments anew and goes on behind the last key.
// Any thread; readers' sections are short. Spec: Engine.md, "Listing".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

/// A part of a listing.
struct ListBatch {
    var items: [ListedItem] = []
    /// Where the listing goes on; nil: it is complete.
    var next: [UInt8]?

    /// A batch ends when its keys have so many bytes.
    static let byteCountMaximum = 1 << 20
}

extension Engine {
    /// A listing that hands out its items one by one; see `Store.list`.
    package func list(
        prefix: [UInt8] = [], after: [UInt8]? = nil, delimiter: [UInt8] = [], limit: Int? = nil,
        includesInformation: Bool = false, includesUncertain: Bool = false
    ) -> KeyListing<S> {
        let query = ListQuery(
            prefix: prefix, after: after, delimiter: delimiter,
            includesInformation: includesInformation, includesUncertain: includesUncertain)
        return KeyListing(engine: self, query: query, limit: limit)
    }

    /// At most `count` items from `start` on.
    func listBatch(
        _ query: ListQuery, from start: [UInt8], count: Int
    ) throws(StoreError) -> ListBatch {
        try checkListable(query)
        while true {
            let sources = try listedSources(includingUncertain: query.includesUncertain)
            do throws(ListFailure) {
                return try merge(sources, query, from: start, count: count)
            } catch {
                switch error {
                case .doubt(let segmentID): refuseHint(of: segmentID)
                case .error(let error): throw error
                }
            }
        }
    }

    private func checkListable(_ query: ListQuery) throws(StoreError) {
        lock.lock()
        let isClosed = state.isClosed
        lock.unlock()
        if isClosed { throw StoreError(.closed, "the store is closed") }
        guard let span = hiddenSpans.first, !query.includesUncertain else { return }
        throw StoreError(
            .uncertain, "a damaged span may hold keys, or deletes of keys: \(span)",
            segmentID: span.segmentID, offset: span.offset)
    }

    private func merge(
        _ sources: [KeySource<S>], _ query: ListQuery, from start: [UInt8], count: Int
    ) throws(ListFailure) -> ListBatch {
        var batch = ListBatch()
        var byteCount = 0
        var merge = try KeyMerge(
            sources, from: start, before: ListQuery.successor(of: query.prefix), count: count)
        var places: [KeyPlace] = []
        while let key = try merge.next(&places), query.holds(key.rawSpan) {
            let common = query.commonPrefixByteCount(of: key.rawSpan)
            guard let item = try listed(key, common, places, query) else { continue }
            batch.items.append(item)
            byteCount += item.key.bytes.count
            let isFull = batch.items.count >= count || byteCount >= ListBatch.byteCountMaximum
            guard isFull || item.isPrefix else { continue }
            let next = item.isPrefix ? ListQuery.successor(of: item.key.bytes) : key + [0]
            guard let next, !isFull else {
                batch.next = next
                return batch
            }
            try merge.seek(to: next)
        }
        return batch
    }

    // MARK: One key

    /// What the listing says of a key; nil when it has no blob.
    private func listed(
        _ key: [UInt8], _ common: Int?, _ places: [KeyPlace], _ query: ListQuery
    ) throws(ListFailure) -> ListedItem? {
        do throws(StoreError) {
            guard try isThere(key.rawSpan, places, query) else { return nil }
            if let common { return ListedItem(prefix: Array(key[..<common])) }
            guard query.includesInformation else { return ListedItem(key: key) }
            return try item(key)
        } catch {
            throw .error(error)
        }
    }

    /// Whether a key has a blob now.
    private func isThere(
        _ key: RawSpan, _ places: [KeyPlace], _ query: ListQuery
    ) throws(StoreError) -> Bool {
        if let isThere = try isIndexed(key, places, query) { return isThere }
        do {
            return try information(key) != nil
        } catch {
            // Damaged is not absent: whoever reads it learns what is wrong.
            if error.kind == .damaged { return true }
            guard error.kind == .uncertain, query.includesUncertain else { throw error }
            return false
        }
    }

    /// Whether the index holds one of the key's places. Nil: it holds another one, which may be a new
    /// place of the key or another key's.
    private func isIndexed(
        _ key: RawSpan, _ places: [KeyPlace], _ query: ListQuery
    ) throws(StoreError) -> Bool? {
        let hash = hash(key)
        let token = readers.enter()
        defer { readers.leave(token) }
        if hasFailed.load(ordering: .acquiring), !query.includesUncertain {
            try checkCertain(hash, key)
        }
        let location = location(of: hash, key)
        guard location.isRecord else { return false }
        // Not the ordinal: another segment may have that of one that is gone.
        let segmentID = handles.segmentID(of: location.segmentOrdinal)
        let known = places.first { place in
            place.offset == location.offset && place.segmentID == segmentID
        }
        return known.map { $0.expiry == 0 || !isPast($0.expiry) }
    }

    /// A key with what is known of its blob; nil when it is gone by now.
    func item(_ key: [UInt8]) throws(StoreError) -> ListedItem? {
        do {
            guard let information = try information(key.rawSpan) else { return nil }
            return ListedItem(key: key, information: information)
        } catch {
            switch error.kind {
            case .damaged, .uncertain, .outcomeUnknown: return ListedItem(key: key)
            default: throw error
            }
        }
    }
}
