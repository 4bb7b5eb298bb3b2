// KeyListing — a listing as it is handed out: item by item, fetched in batches that grow.
//
// Between two batches nothing of the store is held, so a listing may be left lying for any time. The
// first batch is small, so that the first item comes soon; later ones are larger, since each begins with
// a look at every segment. One thread at a time. Memory: one batch, a MiB of keys or 16,384 of them.

internal import CairnSystem

/// Used by one thread at a time, as its owner promises; what it shares with others is the engine.
package final class KeyListing<S: Storage>: @unchecked Sendable {
    private static var firstCount: Int { 256 }
    private static var countMaximum: Int { 16_384 }

    private let engine: Engine<S>
    private let query: ListQuery
    /// Items that may still be handed out; nil: all.
    private var left: Int?
    /// Where the next batch begins; nil: there is none.
    private var start: [UInt8]?
    private var items: [ListedItem] = []
    private var place = 0
    private var batchCount: Int

    init(engine: Engine<S>, query: ListQuery, limit: Int?) {
        self.engine = engine
        self.query = query
        left = limit.map { max($0, 0) }
        start = query.start
        batchCount = Self.firstCount
    }

    /// Whether `next` has an item, or the end, without looking at the store.
    package var isReady: Bool { place < items.count || start == nil || left == 0 }

    /// The next item; nil at the end. After an error the listing may be tried again where it stands.
    package func next() throws(StoreError) -> ListedItem? {
        while place == items.count {
            guard left != 0, let start else { return nil }
            try fetch(from: start, count: min(batchCount, left ?? .max))
        }
        defer { place += 1 }
        left = left.map { $0 - 1 }
        return items[place]
    }

    private func fetch(from start: [UInt8], count: Int) throws(StoreError) {
        let batch = try engine.listBatch(query, from: start, count: count)
        (items, place) = (batch.items, 0)
        self.start = batch.next
        batchCount = min(batchCount * 4, Self.countMaximum)
    }

    /// All items up to the limit, and the key to go on after; nil: nothing is left.
    package func page() throws(StoreError) -> ListedPage {
        batchCount = Self.countMaximum
        let limit = left
        // One more tells whether there is another page.
        left = limit.map { $0 + 1 }
        var page = ListedPage()
        while let item = try next() { page.items.append(item) }
        if let limit, page.items.count > limit {
            page.items.removeLast()
            page.next = page.items.last?.key
        }
        return page
    }
}
