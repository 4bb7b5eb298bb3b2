// Tuning — the sizes and limits that users do not set.
//
// The defaults are the product's. Tests make them small, so that a script of a few hundred bytes
// rotates segments, cuts blobs into chunks and blocks, and runs a sequence lease out.

/// Internal sizes of an engine.
package struct Tuning: Sendable {
    /// Shards of the index; a power of two.
    package var indexShardCount = 256
    /// Bytes of each of the two append buffers.
    package var bufferByteCount = 256 << 10
    /// Records from this size on are written from the caller's memory, past the buffers.
    package var directByteCount = 128 << 10
    /// Key and value up to which a record surely fits the buffers.
    var plainByteCountMaximum: Int { min(directByteCount, bufferByteCount) - 64 }
    /// A payload longer than this is cut into blocks of this size.
    package var blockByteCount = 64 << 10
    /// A blob longer than this is cut into chunks of this size.
    package var chunkByteCount = 1 << 20
    package var segmentByteCountMinimum: UInt64 = 16 << 20
    package var segmentByteCountMaximum: UInt64 = 256 << 20
    package var segmentRecordCountMaximum: UInt64 = 1_000_000
    /// Sequence numbers reserved at a time.
    package var sequenceLease: UInt64 = 1 << 32
    /// Zeroed bytes written ahead of the tail when commits are small; 0: none.
    package var zeroAheadByteCount = 1 << 20
    /// Zeroed bytes written at most to the next segment while commits are small.
    package var zeroSpareByteCountMaximum: UInt64 = 64 << 20
    /// Bytes that the disk is asked to begin with at a time, long before their sync.
    package var writeAheadByteCount: UInt64 = 1 << 20
    /// How long a leader waits for the writers of the last batch.
    package var lingerNanoseconds: UInt64 = 50_000
    /// How often the keeper looks whether the log is idle: a mark proves the last batch when nothing
    /// was appended between two looks.
    package var idleMarkNanoseconds: UInt64 = 1_000_000_000
    /// Least time between two attempts to leave the disk-full state.
    package var regainNanoseconds: UInt64 = 20_000_000
    /// Least time between two attempts to read chunks that could not be read when they were to leave
    /// the index.
    package var unreadableChunkPauseNanoseconds: UInt64 = 60_000_000_000
    /// Failed writes in a row after which the store turns read-only.
    package var writeFailureMaximum = 3
    /// Writes waiting for their sync, beyond which a submitter commits itself.
    package var pendingCountMaximum = 65_536
    /// Bytes set aside for the time when the disk is full: a segment, in steps of the least.
    package var reserveByteCounts: ClosedRange<UInt64> = 16 << 20...256 << 20
    /// Free bytes that the output of a compaction leaves to others.
    package var outputLeavesByteCount: UInt64 = 16 << 20
    /// Files of ended segments that are open at a time; nil: three quarters of the descriptors that
    /// the process may have.
    package var segmentFileCountMaximum: Int?
    /// Bytes read at a time while scanning.
    package var scanByteCount = 1 << 20
    /// Rows and keys of a hint stand in blocks of this size.
    package var hintBlockByteCount = 64 << 10
    /// Bytes that one step of a compaction reads and writes, about.
    package var compactionStepByteCount = 1 << 20
    /// Bytes that a compaction reads at a time: they stay in the processor's second cache.
    package var compactionScanByteCount = 256 << 10
    /// Bytes that a compaction writes at a time, in whole pieces of 256 KiB, and a small record.
    package var compactionBufferByteCount = (512 << 10) + (64 << 10)
    /// How long closing may write hints.
    package var hintNanosecondsAtClose: UInt64 = 10_000_000_000
    /// Bytes of hints that one loading thread reads at a time.
    package var loadByteCount = 16 << 20
    /// Bits of a key's hash that count; fewer make different keys collide.
    package var hashMask: UInt64 = .max

    package init() {}
}
