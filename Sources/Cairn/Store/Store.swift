// Store — a Cairn store in a directory: the public face of the engine.
//
// Every method may be called from any thread. Writes return when they are as durable as their
// options ask; reads return verified bytes only. A store must be closed; dropping it without
// closing is like a kill: what was acknowledged as interval and not yet synced may be lost.
// The facade owns four threads: the keeper syncs interval writes in time and commits writes that were
// submitted with callbacks, the worker does the engine's background work in steps, the compactor compacts,
// the scrubber, where it is wanted, reads everything again.

internal import CairnSystem

/// A blob store in a directory.
public final class Store: Sendable {
    package let engine: Engine<SystemStorage>
    private let keeper: Keeper
    private let worker: Worker
    private let compactor: Compactor?
    private let scrubber: Scrubber?

    private init(
        engine: Engine<SystemStorage>, keeper: Keeper, worker: Worker, compactor: Compactor?,
        scrubber: Scrubber?
    ) {
        self.engine = engine
        self.keeper = keeper
        self.worker = worker
        self.compactor = compactor
        self.scrubber = scrubber
    }

    deinit { stopThreads() }

    private func stopThreads() {
        scrubber?.stop()
        compactor?.stop()
        keeper.stop()
        worker.stop()
    }

    /// Opens the store in the directory `path`; makes it first unless `options` say otherwise.
    /// Reads everything that is needed to serve; see `findings` for what was wrong.
    public static func open(
        at path: String, options: StoreOptions = StoreOptions()
    ) throws(StoreError) -> Store {
        try open(at: path, options: options, tuning: Tuning())
    }

    /// As `open(at:options:)`, with sizes that tests make small.
    package static func open(
        at path: String, options: StoreOptions, tuning: Tuning
    ) throws(StoreError) -> Store {
        let bell = Parker()
        var options = options
        options.loadingThreadCount =
            options.loadingThreadCount ?? min(4, ResourceLimits.processorCount)
        let engine = try Engine.open(
            SystemStorage(path: path, maps: options.mapsSegments), options: options, tuning: tuning,
            wake: { bell.unpark() })
        do {
            return try start(engine, bell, options, tuning)
        } catch {
            try engine.close()
            throw StoreError(error, doing: "starting the store's threads")
        }
    }

    private static func start(
        _ engine: Engine<SystemStorage>, _ bell: Parker, _ options: StoreOptions, _ tuning: Tuning
    ) throws(FileError) -> Store {
        let worker = try Worker(engine: engine)
        var started: (keeper: Keeper?, compactor: Compactor?)
        do throws(FileError) {
            let keeper = try Keeper(
                engine: engine, bell: bell, worker: worker, options: options, tuning: tuning)
            started.keeper = keeper
            let isWriter = options.access != .readOnly
            if options.compacts && isWriter {
                started.compactor = try Compactor(engine: engine, worker: worker)
            }
            var scrubber: Scrubber?
            if let scrub = options.scrub, isWriter {
                scrubber = try Scrubber(engine: engine, scrub)
            }
            return Store(
                engine: engine, keeper: keeper, worker: worker, compactor: started.compactor,
                scrubber: scrubber)
        } catch {
            started.compactor?.stop()
            started.keeper?.stop()
            worker.stop()
            throw error
        }
    }

    /// What opening found wrong, one line each; empty for a sound store.
    public var findings: [String] { engine.findings }

    /// Whether opening met spans, or whole segments, whose records it cannot tell: whatever lists keys
    /// may lack some, and nobody knows which.
    package var lacksRecords: Bool { !engine.hiddenSpans.isEmpty }

    /// Makes everything durable, seals the log and gives the directory back. No other call may
    /// be under way or follow. Throws when acknowledged interval or os writes may be lost.
    public func close() throws(StoreError) {
        stopThreads()
        try engine.close()
    }

    /// Returns when everything written before the call is durable.
    public func flush() throws(StoreError) { try engine.flush() }

    /// Takes dead space back until the store is below `target` (nil: that of its options), whatever
    /// the pace in the background. `progress` is told after every step and may end it by false;
    /// what was done by then stays done. Returns what compaction has done since the store was opened.
    @discardableResult
    public func compact(
        target: Double? = nil, progress: (Statistics) -> Bool = { _ in true }
    ) throws(StoreError) -> CompactionCounts {
        try engine.compact(target: target, progress: progress)
    }

    /// See `Engine.plannedCompactions`.
    package func plannedCompactions(target: Double) throws(StoreError) -> [CompactionPlan] {
        try engine.plannedCompactions(CompactionPolicy(target: target))
    }

    /// Counts at this moment.
    public func statistics() -> Statistics { engine.statistics() }

    // MARK: Writing

    /// Writes a blob.
    @discardableResult
    public func put(
        _ key: Key, _ value: [UInt8], _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> WriteReceipt {
        try engine.put(key.bytes.rawSpan, value.rawSpan, options)
    }

    /// Writes a blob from bytes that are borrowed for the call. Nothing is allocated.
    @discardableResult
    public func put(
        _ key: RawSpan, _ value: RawSpan, _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> WriteReceipt {
        try engine.put(key, value, options)
    }

    /// Removes a blob; nil when there was none.
    @discardableResult
    public func delete(
        _ key: Key, _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> WriteReceipt? {
        try engine.delete(key.bytes.rawSpan, options)
    }

    /// Removes a blob whose key is borrowed for the call; nil when there was none.
    @discardableResult
    public func delete(
        _ key: RawSpan, _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> WriteReceipt? {
        try engine.delete(key, options)
    }

    /// Gives a blob other metadata or another expiry without writing its bytes again if it is a large
    /// one; makes a new version. Nil when there is no such blob. Of `options` the metadata and the expiry
    /// mean nothing.
    ///
    /// - Parameters:
    ///   - metadata: Nil: the blob keeps its own.
    ///   - expiry: By default the blob keeps its own.
    @discardableResult
    public func update(
        _ key: Key, metadata: [UInt8]? = nil, expiry: ExpiryChange = .keep,
        _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> WriteReceipt? {
        try engine.update(key.bytes.rawSpan, metadata: metadata, expiry: expiry, options)
    }

    /// Applies a batch whole or not at all, across a power cut too. A receipt for each member.
    @discardableResult
    public func apply(
        _ batch: Batch, durability: Durability? = nil
    ) throws(StoreError) -> [WriteReceipt] {
        try engine.apply(batch, durability: durability)
    }

    /// Begins a blob of unknown length; see `BlobWriter`.
    public func writer(
        _ key: Key, _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> BlobWriter {
        BlobWriter(try engine.upload(key.bytes.rawSpan, options))
    }

    // MARK: Reading

    /// The blob, or the part of `range` that it has; nil when there is none.
    public func get(_ key: Key, range: Range<UInt64>? = nil) throws(StoreError) -> Blob? {
        try engine.get(key.bytes.rawSpan, range: range)
    }

    /// Version, size and metadata of a blob; nil when there is none.
    public func information(_ key: Key) throws(StoreError) -> BlobInformation? {
        try engine.information(key.bytes.rawSpan)
    }

    /// Calls `body` with the verified bytes in order, in one or more pieces that are valid during
    /// the call only; nil when there is no such blob. Nothing is copied that needs no decoding.
    /// A blob that turns out damaged half-way has handed over true bytes, and throws.
    public func withBytes(
        of key: RawSpan, range: Range<UInt64>? = nil, _ body: (RawSpan) -> Void
    ) throws(StoreError) -> BlobInformation? {
        try engine.withBytes(of: key, range: range, body)
    }

    /// Opens a blob for reading piece by piece; nil when there is none.
    public func reader(_ key: Key) throws(StoreError) -> BlobReader? {
        try engine.stream(key.bytes.rawSpan).map(BlobReader.init)
    }
}
