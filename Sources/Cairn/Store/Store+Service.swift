// Store+Service — what a server asks of a store beyond the public calls.
//
// Keys are borrowed, and blobs are read and written without waiting for the disk, if that can be. What is generic over `Storage`
// is specialised only where it is compiled, so that servers call these and not the engine. Any thread.

package import CairnSystem

extension Store {
    /// The options under which it was opened.
    package var options: StoreOptions { engine.options }

    /// Throws why nothing could be written now.
    package func checkTakesWrites() throws(StoreError) { try engine.checkTakesWrites() }

    /// Throws why no blob could be put now. May wait for the disk.
    package func checkTakesPuts() throws(StoreError) { try engine.checkTakesPuts() }

    /// Bytes that the file system has left.
    package func freeByteCount() throws(FileError) -> UInt64 {
        try engine.storage.freeByteCount()
    }

    // MARK: Blobs

    /// Version, size and metadata of a blob; nil when there is none.
    package func information(_ key: RawSpan) throws(StoreError) -> BlobInformation? {
        try engine.information(key)
    }

    /// Opens the newest version of a key; nil when there is none.
    package func open(_ key: RawSpan) throws(StoreError) -> OpenedBlob<BlobReader>? {
        try engine.open(key)?.withReader
    }

    /// The same, from memory alone; see `Engine.openIfCached`.
    package func openIfCached(_ key: RawSpan) throws(StoreError) -> PromptOpening<BlobReader> {
        switch try engine.openIfCached(key) {
        case .lent(let information, let bytes): .lent(information, bytes)
        case .found(let blob): .found(blob.withReader)
        case .absent: .absent
        case .unknown: .unknown
        }
    }

    /// Opens a blob for reading piece by piece, however small; nil when there is none.
    package func reader(_ key: RawSpan) throws(StoreError) -> BlobReader? {
        try engine.stream(key).map(BlobReader.init)
    }

    /// Begins a blob of unknown length; see `BlobWriter`.
    package func writer(
        _ key: RawSpan, _ options: WriteOptions
    ) throws(StoreError) -> BlobWriter {
        BlobWriter(try engine.upload(key, options))
    }

    /// See `Engine.putPromptly`.
    package func putPromptly(
        _ key: RawSpan, _ value: RawSpan, _ options: WriteOptions,
        completion: @escaping @Sendable (Result<WriteReceipt, StoreError>) -> Void
    ) throws(StoreError) -> PromptWrite {
        try engine.putPromptly(key, value, options, completion: completion)
    }

    /// See `Engine.deletePromptly`.
    package func deletePromptly(
        _ key: RawSpan, _ options: WriteOptions,
        completion: @escaping @Sendable (Result<WriteReceipt, StoreError>) -> Void
    ) throws(StoreError) -> PromptWrite {
        try engine.deletePromptly(key, options, completion: completion)
    }

    /// See `Engine.isSettled`.
    package func isSettled(for durability: Durability) -> Bool {
        engine.isSettled(for: durability)
    }

    /// See `Engine.sampleKeys`.
    package func sampleKeys(_ count: Int) throws(StoreError) -> [ListedItem] {
        try engine.sampleKeys(count)
    }

    // MARK: Looking at the files

    /// See `KeyHistory`: what was acknowledged before the call is in it. Blocks.
    package func versions(of key: [UInt8]) throws(StoreError) -> [PhysicalVersion] {
        if !statistics().isReadOnly { try flush() }
        return try files.versions(of: key)
    }

    /// See `Engine.scrubWhole`.
    package func scrub(
        progress: @escaping (CheckProgress) -> Bool, report: @escaping (CheckFinding) -> Void
    ) throws(StoreError) -> CheckSummary? {
        try engine.scrubWhole(progress: progress, report: report)
    }

    /// The store's files, with descriptors of their own.
    private var files: SystemStorage {
        SystemStorage(path: engine.storage.location, maps: false)
    }
}

extension OpenedBlob where Stream == BlobStream<SystemStorage> {
    fileprivate var withReader: OpenedBlob<BlobReader> {
        switch content {
        case .bytes(let bytes):
            OpenedBlob<BlobReader>(information: information, content: .bytes(bytes))
        case .stream(let stream):
            OpenedBlob<BlobReader>(
                information: information, content: .stream(BlobReader(stream)))
        }
    }
}
