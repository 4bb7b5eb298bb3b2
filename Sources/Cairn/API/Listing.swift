// Listing — the keys of a store in order: as a stream, or page by page.
//
// Keys come in bytewise order. A key that has a blob all the time while a listing goes on comes exactly
// once; one that is written or deleted meanwhile may come or not. A listing holds nothing of the store
// between two batches: it may be left lying, and dropped at any time. Spec: Engine.md, "Listing".

internal import CairnSystem

/// One line of a listing: the key of a blob, or what several keys have in common.
public struct ListedItem: Equatable, Sendable {
    /// The key of a blob or, with `isPrefix`, what the keys begin with, up to and with the delimiter.
    public let key: Key
    /// Whether the line stands for all keys that begin with `key`.
    public let isPrefix: Bool
    /// What is known of the blob, when the listing was asked for it. Nil for a prefix, and for a blob
    /// that cannot be read: reading it says why.
    public let information: BlobInformation?

    init(key: [UInt8], information: BlobInformation? = nil) {
        self.key = Key(key)
        isPrefix = false
        self.information = information
    }

    init(prefix: [UInt8]) {
        key = Key(prefix)
        isPrefix = true
        information = nil
    }
}

/// A part of a listing.
public struct ListedPage: Equatable, Sendable {
    /// In bytewise order of their keys.
    public var items: [ListedItem] = []
    /// To go on with, as `after` of the next page; nil: this one is the last.
    public var next: Key?
}

/// Keys of a store in bytewise order, one after the other. Used by one thread or task at a time.
///
/// ```swift
/// let listing = store.list(prefix: "photos/2026/")
/// while let item = try listing.next() { print(item.key) }
/// ```
public final class Listing: Sendable {
    private let keys: KeyListing<SystemStorage>

    init(_ keys: KeyListing<SystemStorage>) { self.keys = keys }

    /// The next item; nil at the end. Blocks while it reads. After an error it may be tried again.
    public func next() throws(StoreError) -> ListedItem? { try keys.next() }

    /// The next item; nil at the end. Blocks no thread of a task.
    public func next() async throws(StoreError) -> ListedItem? {
        if keys.isReady { return try keys.next() }
        return try await onThread { () throws(StoreError) in try self.keys.next() }
    }
}

extension Listing: AsyncSequence {
    /// Takes items from the listing itself: two iterators share them.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let listing: Listing

        /// The next item; nil at the end.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(StoreError) -> ListedItem? {
            try await listing.next()
        }
    }

    /// Goes on where the listing stands.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(listing: self) }
}

extension Store {
    /// Lists keys in bytewise order. Nothing is read before the first `next`.
    ///
    /// - Parameters:
    ///   - prefix: Only keys that begin so.
    ///   - after: Only keys behind this one, which need not be there. A common prefix that an earlier
    ///     listing gave leaves out all keys that begin with it.
    ///   - delimiter: Keys that have these bytes behind `prefix` are not listed one by one: what they
    ///     begin with, up to and with the first delimiter, comes once for all of them. They are passed
    ///     over, not read.
    ///   - limit: At most so many items.
    ///   - includesInformation: Each blob comes with version, size and metadata. Costs a read of each.
    public func list(
        prefix: Key = "", after: Key? = nil, delimiter: Key? = nil, limit: Int? = nil,
        includesInformation: Bool = false
    ) -> Listing {
        Listing(
            engine.list(
                prefix: prefix.bytes, after: after?.bytes, delimiter: delimiter?.bytes ?? [],
                limit: limit, includesInformation: includesInformation))
    }

    /// As `list`, of a store with damage too: what is certain to be there.
    package func listCertain(
        prefix: Key, after: Key?, delimiter: Key?, limit: Int?
    ) -> Listing {
        Listing(
            engine.list(
                prefix: prefix.bytes, after: after?.bytes, delimiter: delimiter?.bytes ?? [],
                limit: limit, includesUncertain: true))
    }

    /// A page of a listing, at most `limit` items; `next` of it goes on. See `list` for the rest.
    public func listPage(
        prefix: Key = "", after: Key? = nil, delimiter: Key? = nil, limit: Int = 1000,
        includesInformation: Bool = false
    ) throws(StoreError) -> ListedPage {
        try pageListing(prefix, after, delimiter, limit, includesInformation).page()
    }

    /// A page of a listing, without blocking a thread of a task.
    public func listPage(
        prefix: Key = "", after: Key? = nil, delimiter: Key? = nil, limit: Int = 1000,
        includesInformation: Bool = false
    ) async throws(StoreError) -> ListedPage {
        let listing = pageListing(prefix, after, delimiter, limit, includesInformation)
        return try await onThread { () throws(StoreError) in try listing.page() }
    }

    private func pageListing(
        _ prefix: Key, _ after: Key?, _ delimiter: Key?, _ limit: Int, _ information: Bool
    ) -> KeyListing<SystemStorage> {
        engine.list(
            prefix: prefix.bytes, after: after?.bytes, delimiter: delimiter?.bytes ?? [],
            limit: limit, includesInformation: information)
    }
}

/// Runs `body`, which blocks, on a thread of its own. The outcome goes through a lock of ours: how the
/// runtime orders a hand-over, a sanitizer does not see.
private func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(StoreError) -> Value
) async throws(StoreError) -> Value {
    let outcome = Guarded<Result<Value, StoreError>?>(nil)
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        do throws(FileError) {
            _ = try ServiceThread.start(name: "cairn-list") {
                let result = Result { () throws(StoreError) in try body() }
                outcome.withLock { $0 = result }
                continuation.resume()
            }
        } catch {
            let failure = StoreError(error, doing: "starting a thread")
            outcome.withLock { $0 = .failure(failure) }
            continuation.resume()
        }
    }
    guard let result = outcome.withLock({ $0 }) else {
        preconditionFailure("a thread that resumes has left its outcome")
    }
    return try result.get()
}
