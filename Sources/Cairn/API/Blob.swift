// What reads and writes return: blobs, their descriptions, receipts, counts.
//
// Plain values that share nothing with the store: they stay as they are, and usable, whatever
// happens to the key or the store afterwards. Bytes in them were verified before they were
// returned. Any thread.

/// What is known of a blob without its bytes.
public struct BlobInformation: Equatable, Sendable {
    /// The version that was found; `Condition.matches` takes it.
    public let version: Version
    /// The size of the value as it was given, before compression.
    public let byteCount: UInt64
    /// What the write gave as metadata; empty when it gave none.
    public let metadata: [UInt8]
    /// When the blob expires; nil: never.
    public let expiry: WallTime?
}

/// A blob, or the requested range of it, verified.
public struct Blob: Equatable, Sendable {
    /// The version that was read; `Condition.matches` takes it.
    public let version: Version
    /// The size of the whole blob, also when a range was read.
    public let totalByteCount: UInt64
    /// The metadata of the whole blob, also when a range was read.
    public let metadata: [UInt8]
    /// When the blob expires; nil: never.
    public let expiry: WallTime?
    /// The value, or the requested range of it clipped to the value's end.
    public let bytes: [UInt8]
}

/// What a successful write answers.
public struct WriteReceipt: Equatable, Sendable {
    /// The version that the write made. For a delete: the version of the delete.
    public let version: Version
    /// Whether a blob of that key was there before.
    public let replaced: Bool
}

/// Counts of a store at one moment.
public struct Statistics: Equatable, Sendable {
    /// Keys that have a blob. One that has expired counts until compaction removes it.
    public var keyCount: UInt64 = 0
    /// Segments of the log, the active one included.
    public var segmentCount: Int = 0
    /// Record bytes of live blobs.
    public var liveByteCount: UInt64 = 0
    /// About so many of the live bytes are of blobs that have expired: what is certain of small ones,
    /// large ones by the length of their chunks before compression. Counted by whole hours, or longer
    /// times, that are over.
    public var expiredByteCount: UInt64 = 0
    /// Whether compaction leaves expired blobs alone for now, because the wall clock jumped. Always
    /// false while nothing is compacted.
    public var isClockDoubted: Bool = false
    /// Record bytes of overwritten and deleted blobs, tombstones, seals and marks.
    public var deadByteCount: UInt64 = 0
    /// Bytes of segments up to their logical end.
    public var logicalByteCount: UInt64 = 0
    /// Bytes of segments and hints for each live one; 0 for a store without any. Of segments without
    /// a hint that is to come, its size is guessed.
    public var spaceAmplification: Double = 0
    /// What compaction has done since the store was opened.
    public var compaction = CompactionCounts()
    /// Whether a compaction is under way.
    public var isCompacting: Bool = false
    /// Memory that the index takes, tables that await their last reader included.
    public var indexByteCount: Int = 0
    /// The sequence number that the next record will have.
    public var nextSequence: UInt64 = 0
    /// Whether writes are refused: opened so, degraded by damage, or after a failure. A full
    /// disk is no such reason.
    public var isReadOnly: Bool = false
    /// What opening, compaction and the scrub found wrong, one line each; empty for a sound store.
    public var damage: [String] = []
    /// What is known of the scrub.
    public var scrub = ScrubStatistics()

    /// Of a store without anything.
    package init() {}
}

/// What compaction has done.
public struct CompactionCounts: Equatable, Sendable {
    /// Compactions that were carried out.
    public var compactionCount = 0
    /// Compactions that were given up: too little to get back, damage, or a failure.
    public var abandonedCount = 0
    /// Segments that were replaced.
    public var replacedSegmentCount = 0
    /// Bytes that were read and written again.
    public var copiedByteCount: UInt64 = 0
    /// Bytes that were given back.
    public var reclaimedByteCount: UInt64 = 0
    /// Blobs that had expired and are gone for good.
    public var destroyedBlobCount = 0
    /// Such of them as left a delete, because an older version is still somewhere.
    public var keptExpiredCount = 0
    /// Deletes that were dropped, because nothing is left that they would have to hide.
    public var droppedDeleteCount = 0
    /// Deletes that had to stay.
    public var keptDeleteCount = 0
    /// Segments with a damaged record, which stay as they are until they are repaired.
    public var damagedSegmentCount = 0
    /// Records that were overwritten or deleted while they were moved.
    public var lostRaceCount = 0
    /// Of the records that were moved: chunks of large blobs.
    package var movedChunkCount = 0
    /// Such as were written in a batch.
    package var movedBatchMemberCount = 0

    /// Nothing was done.
    public init() {}
}
