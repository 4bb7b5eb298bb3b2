// IndexLoad — builds the whole index from the rows of all segments, on one thread or several.
//
// Each thread owns a range of the index's shards. When all are done the few things that cross shards
// are settled: chunks that no live composite names leave the index, keys that share a hash go to the
// overflow map, and every hint's rows must have been taken up, each once. Any doubt about a hint ends
// the attempt with that segment's ordinal; whoever opens scans the segment and loads again, from the
// start. Accounts are exact: a segment's live bytes are those of the records that the index holds.

internal import CairnFormat
internal import CairnSystem

/// What all loaders of one load share.
struct LoadContext<S: Storage>: Sendable {
    let storage: S
    let files: SegmentFiles<S>
    let handles: SegmentHandles
    let index: Index
    /// By ordinal.
    let sources: [LoadSource<S>]
    /// Bytes that one loader asks the disk for at a time, about.
    let loadByteCount: Int
    let progress: LoadProgress
    /// Bytes of all rows.
    let byteCount: Int
    let rowCount: Int

    init(
        storage: S, files: SegmentFiles<S>, handles: SegmentHandles, index: Index,
        sources: [LoadSource<S>], loadByteCount: Int, progress: LoadProgress
    ) {
        self.storage = storage
        self.files = files
        self.handles = handles
        self.index = index
        self.sources = sources
        self.loadByteCount = loadByteCount
        self.progress = progress
        byteCount = sources.reduce(0) { $0 + $1.byteCount }
        rowCount = sources.reduce(0) { $0 + $1.rowCount }
    }
}

/// What the index and the accounts are after a load.
struct LoadedIndex {
    /// By ordinal.
    var liveByteCounts: [UInt64]
    var keyCount: UInt64 = 0
    /// By ordinal, of segments whose hint says that records expire.
    var expiries: [Int: ExpiryTally] = [:]
}

struct IndexLoad<S: Storage> {
    let context: LoadContext<S>
    let overflow: OverflowMap
    let threadCount: Int

    /// Replaces all that the index and the overflow map hold.
    func run() throws(LoadFailure) -> LoadedIndex {
        context.progress.forgetKeys()
        let outcomes = try loadShards()
        for (ordinal, source) in context.sources.enumerated() {
            let count = outcomes.reduce(0) { $0 + $1.rowCounts[ordinal] }
            if count != source.rowCount { throw .doubt(ordinal: ordinal) }
        }
        var loaded = LoadedIndex(
            liveByteCounts: [UInt64](repeating: 0, count: context.sources.count))
        for outcome in outcomes {
            loaded.keyCount += outcome.keyCount
            for ordinal in loaded.liveByteCounts.indices {
                loaded.liveByteCounts[ordinal] += outcome.liveByteCounts[ordinal]
            }
            for entry in outcome.overflow {
                overflow.set(entry.hash, key: entry.key.rawSpan, to: entry.location)
            }
        }
        let parts = outcomes.flatMap(\.largeParts)
        removeOrphans(parts, &loaded)
        loaded.expiries = try ExpirySurvey(context, parts).run()
        return loaded
    }

    // MARK: Threads

    private func loadShards() throws(LoadFailure) -> [LoadOutcome] {
        let shardCount = context.index.shape.shardCount
        let count = max(1, min(threadCount, shardCount))
        let context = context
        let results = Guarded<[Int: Result<LoadOutcome, LoadFailure>]>([:])
        let work: @Sendable (Int) -> Void = { number in
            let shards = shardCount * number / count..<shardCount * (number + 1) / count
            let result = Self.load(shards, context)
            results.withLock { results in results[number] = result }
        }
        var threads: [ServiceThread] = []
        for number in 1..<max(count, 1) {
            // A thread that cannot be had: then its part is done here, below.
            guard let thread = try? ServiceThread.start(name: "cairn-load", { work(number) })
            else { break }
            threads.append(thread)
        }
        work(0)
        for number in threads.count + 1..<max(count, threads.count + 1) { work(number) }
        for thread in threads { thread.join() }
        var outcomes: [LoadOutcome] = []
        for number in 0..<count {
            guard let result = results.withLock({ $0[number] }) else {
                preconditionFailure("every range of shards is loaded")
            }
            outcomes.append(try result.get())
        }
        return outcomes
    }

    private static func load(
        _ shards: Range<Int>, _ context: LoadContext<S>
    ) -> Result<LoadOutcome, LoadFailure> {
        var loader = ShardLoader(context, shards: shards)
        do throws(LoadFailure) {
            try loader.run()
            return .success(loader.outcome)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Chunks

    /// Takes chunks whose blob no live composite record names out of the index: of uploads that
    /// never ended, and of blobs that were replaced.
    private func removeOrphans(_ parts: [LargePart], _ loaded: inout LoadedIndex) {
        let live = Set(parts.filter { !$0.isChunk }.map(\.blobID))
        for part in parts where part.isChunk && !live.contains(part.blobID) {
            if context.index.location(of: part.hash) == part.location {
                context.index.remove(part.hash)
            } else {
                let entries = overflow.entries(of: part.hash)
                guard let entry = entries.first(where: { $0.location == part.location }) else {
                    continue
                }
                overflow.remove(part.hash, key: entry.key.rawSpan)
            }
            loaded.liveByteCounts[part.ordinal] -= UInt64(part.byteCount)
        }
    }
}
