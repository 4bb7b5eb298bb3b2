// Writes that call back, and `async` forms on top of them.
//
// A submitted write returns at once; the keeper commits everything that waits with one write and
// one sync. Callbacks run on the committing thread, in log order, without a lock; they may submit
// more. Memory is bounded: a submitter that finds the buffers full writes them out itself, and one
// that finds too many writes waiting commits them.

internal import CairnSystem

extension Store {
    /// Submits a write; `completion` learns its result. An error that is thrown was found before
    /// anything was appended, and is not called back.
    public func put(
        _ key: RawSpan, _ value: RawSpan, _ options: WriteOptions = WriteOptions(),
        completion: @escaping @Sendable (Result<WriteReceipt, StoreError>) -> Void
    ) throws(StoreError) {
        try engine.put(key, value, options, completion: completion)
    }

    /// Submits a write; see the form for borrowed bytes.
    public func put(
        _ key: Key, _ value: [UInt8], _ options: WriteOptions = WriteOptions(),
        completion: @escaping @Sendable (Result<WriteReceipt, StoreError>) -> Void
    ) throws(StoreError) {
        try engine.put(key.bytes.rawSpan, value.rawSpan, options, completion: completion)
    }

    /// Submits a delete; in the result, `replaced` is false when there was no such blob.
    public func delete(
        _ key: Key, _ options: WriteOptions = WriteOptions(),
        completion: @escaping @Sendable (Result<WriteReceipt, StoreError>) -> Void
    ) throws(StoreError) {
        try engine.delete(key.bytes.rawSpan, options, completion: completion)
    }

    /// Submits a delete; see the form for a `Key`. The key is borrowed for the call.
    public func delete(
        _ key: RawSpan, _ options: WriteOptions = WriteOptions(),
        completion: @escaping @Sendable (Result<WriteReceipt, StoreError>) -> Void
    ) throws(StoreError) {
        try engine.delete(key, options, completion: completion)
    }

    // MARK: async

    /// Writes a blob without blocking a thread while its sync is under way.
    @discardableResult
    public func put(
        _ key: Key, _ value: [UInt8], _ options: WriteOptions = WriteOptions()
    ) async throws(StoreError) -> WriteReceipt {
        let outcome = await withCheckedContinuation { continuation in
            do throws(StoreError) {
                try put(key, value, options) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: WriteOutcome.failure(error))
            }
        }
        return try outcome.get()
    }

    /// Removes a blob without blocking a thread while its sync is under way; nil when there was
    /// none.
    @discardableResult
    public func delete(
        _ key: Key, _ options: WriteOptions = WriteOptions()
    ) async throws(StoreError) -> WriteReceipt? {
        let outcome = await withCheckedContinuation { continuation in
            do throws(StoreError) {
                try delete(key, options) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: WriteOutcome.failure(error))
            }
        }
        let receipt = try outcome.get()
        return receipt.replaced ? receipt : nil
    }
}
