// DeadChunks — chunks of replaced blobs that are still in the index, and which is next to leave.
//
// A chunk that cannot be read keeps no other waiting: it is set aside, and tried again behind all
// others, at most once in a pause. The others go on meanwhile, until so many failed in one pause
// that the disk is to blame: each failing read may take seconds of the thread that does them.
// Pure: no file, no clock. Guarded by the log lock. Spec: Engine.md, "Index", "Failures".

internal import CairnFormat

struct DeadChunks {
    /// Failed reads in one pause, beyond which even chunks that were never tried wait for its end.
    static var failureCountMaximum: Int { 16 }

    private var blobs: [BlobExtent] = []
    /// Of other blobs, or behind what is left of theirs; the last is the next.
    private var unreadable: [ChunkKey] = []
    /// In the pause that ends at `pauseEnd`.
    private var failureCount = 0
    private var pauseEnd: UInt64 = 0
    private var retryTime: UInt64 = 0

    /// Queues the first `chunkCount` chunks of a blob that nobody names any more.
    mutating func add(_ extent: BlobExtent) { blobs.append(extent) }

    var isEmpty: Bool { blobs.isEmpty && unreadable.isEmpty }

    /// The next blob that nobody reads.
    mutating func takeBlob(at now: UInt64, isPinned: (UInt64) -> Bool) -> BlobExtent? {
        guard failureCount < Self.failureCountMaximum || now >= pauseEnd,
            let place = blobs.firstIndex(where: { !isPinned($0.blobID) })
        else { return nil }
        return blobs.remove(at: place)
    }

    /// The next chunk that could not be read, if its time has come.
    mutating func takeUnreadable(at now: UInt64) -> ChunkKey? {
        now >= retryTime ? unreadable.popLast() : nil
    }

    /// The chunk could not be read. Again: then none of them is tried before the pause is over.
    mutating func setAside(
        _ chunk: ChunkKey, again isRetry: Bool, at now: UInt64, pause nanoseconds: UInt64
    ) {
        if now >= pauseEnd { (failureCount, pauseEnd) = (0, now + nanoseconds) }
        failureCount += 1
        if isRetry { retryTime = now + nanoseconds }
        unreadable.insert(chunk, at: 0)
    }
}
