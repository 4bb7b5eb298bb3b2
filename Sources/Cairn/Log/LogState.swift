// LogState — the log, the segments and what is in flight: everything that the log lock guards.
//
// Pure: no file, no clock, no thread. The engine moves bytes to the disk and reports back.
// Invariants:
//  (1) flushedOffset <= bufferBase <= tail; bytes in [flushedOffset, tail) are in memory;
//  (2) syncedOffset <= flushedOffset; everything below it in the active segment is durable, and so
//      is every earlier segment, whole (a segment is synced before the next one takes a byte);
//  (3) the index holds published records only, each newer than what it replaced;
//  (4) sequence numbers handed out are below `leaseEnd`, which is durable in MANIFEST.
// Spec: Engine.md, "The write path".

internal import CairnFormat
internal import CairnSystem

/// A segment as the engine knows it; `ordinal` is its place in `LogState.segments`.
struct SegmentInfo {
    let id: UInt64
    let salt: UInt64
    /// Bytes up to the logical end.
    var logicalByteCount: UInt64
    var recordCount: UInt64
    /// Record bytes of what the index holds of it.
    var liveByteCount: UInt64 = 0
    /// Bytes of its hint; a guess while it has none.
    var hintByteCount: UInt64 = 0
    /// Seal, marks and tombstones that stay whatever is dead; a guess until it was looked at.
    var keptByteCount: UInt64 = 0
    /// Nothing while the segment takes records.
    var expiries = ExpirySchedule()
    /// Of the chunks of its composites that were replaced; about.
    var replacedChunkByteCount: UInt64 = 0
    /// Compaction replaced it: it is listed no more, and read only by who still is at it.
    var isRetired = false
}

/// The segment that takes records.
struct ActiveSegment {
    let ordinal: Int
    let id: UInt64
    let salt: UInt64
    let seed: SegmentSeed
    let file: FileHandle
    /// Beyond it the next record goes to another segment.
    let byteCountTarget: UInt64
    /// Of everything below `flushedOffset`.
    var flushedTotals = SegmentTotals()
    /// The file holds zeros up to here.
    var zeroedOffset: UInt64 = 0
    /// Somebody waited for a sync of it.
    var hasWaitedFor = false
    /// The disk was asked to begin with everything below.
    var writingOffset: UInt64 = 0
    /// Its seal is written.
    var isSealed = false
}

/// What an append needs of the active segment: apart from the rest, so that it is never copied.
struct AppendPoint {
    /// There is an active segment, and it takes records. Otherwise what follows `flushedOffset` is
    /// void, and the next record goes elsewhere: the seal is written, or a write failed.
    var isOpen = false
    var ordinal = 0
    var seed = SegmentSeed(salt: 0, segmentID: 0)
    var byteCountTarget: UInt64 = 0
    /// Of everything appended.
    var totals = SegmentTotals()
}

/// A segment that is listed in MANIFEST, empty, and waits to become the active one.
struct SpareSegment {
    let id: UInt64
    let salt: UInt64
    let file: FileHandle
    /// The file holds zeros up to here.
    var zeroedOffset = UInt64(SegmentHeader.byteCount)
    /// There was no room for more zeros.
    var lacksRoom = false
}

struct LogState: ~Copyable {
    let index: Index
    let overflow: OverflowMap
    let handles: SegmentHandles
    let tuning: Tuning

    // Segments
    /// By ordinal, retired ones too.
    var segments: [SegmentInfo] = []
    /// Ordinals of segments that are gone and that nobody can be reading, longest first.
    var freeOrdinals: [Int] = []
    var active: ActiveSegment?
    var point = AppendPoint()
    /// Of the active segment.
    var keyBounds = KeyBounds()
    /// Of the active segment.
    var expiries = ExpiryTally()
    var spare: SpareSegment?
    /// Segments that took records since the store was opened.
    var activationCount = 0
    /// Entries of segments that ended, for the next manifest.
    var endedEntries: [SegmentEntry] = []

    // The tail
    /// The buffer that records are appended to, and the one that is written out meanwhile.
    var buffer: AlignedBuffer
    var otherBuffer: AlignedBuffer
    /// File offset of the first byte of the current buffer.
    private(set) var bufferBase: UInt64 = 0
    var fill = 0
    /// Where the current buffer ends in the file: no record begins in it at or behind this.
    private(set) var bufferEnd: UInt64 = 0
    /// The record that begins in front of `bufferEnd` and ends behind it, once there is one.
    var straddler: FlushMark?
    /// A buffer that was handed to the disk and is not known to be there yet.
    var flushing: FlushPlan?
    var flushedOffset: UInt64 = 0
    var syncedOffset: UInt64 = 0
    /// Records in memory that were acknowledged already (interval).
    var holdsAcknowledged = false
    /// Hashes of published records that are not synced, in log order.
    var unsyncedHashes: [UInt64] = []
    /// How many were noted since the store was opened and are synced by now.
    var syncedHashCount: UInt64 = 0
    /// How many were noted since the store was opened and lie below `flushedOffset`.
    var flushedHashCount: UInt64 = 0
    var pending = PendingQueue()
    /// Set by a planted fault only: the last chunk that was written.
    var plantedChunk: Location?
    /// For a planted fault only: blobs from this number on, and those of them that were committed.
    var plantedFirstSequence: UInt64 = 0
    var plantedComposites: Set<UInt64> = []

    // Numbers
    var nextSequence: UInt64 = 0
    var leaseEnd: UInt64 = 0

    // Roles
    var isLed = false
    /// Nothing may be appended: the holder of the lead rotates or writes past the buffers.
    var isStopped = false
    var lastLeadMadeRoom = false
    /// A segment ended under this lead: there is work for others, who are told when it is laid down.
    var owesRing = false
    var roomWaiters: [Parker] = []
    var isSyncing = false
    var syncWaiters: [Parker] = []
    var lastBatchCount = 0

    /// Callbacks whose time has come, in log order.
    var deliveries: [Completed] = []
    var isDelivering = false

    // Conditions
    var failure: StoreError?
    var isClosed = false
    var isReadOnly = false
    /// Read-only because of what opening found.
    var isDegraded = false
    var writeFailureCount = 0
    var uncertainHashes: Set<UInt64> = []

    // Counts
    var keyCount: UInt64 = 0
    var deadChunks = DeadChunks()
    var compactionCounts = CompactionCounts()
    /// At compaction's last look at it.
    var isClockDoubted = false
    /// What compaction found damaged.
    var compactionFindings: [String] = []
    var recordsSinceMark = 0
    var tailAtIdleCheck: UInt64 = 0

    init(
        index: Index, overflow: OverflowMap, handles: SegmentHandles, tuning: Tuning
    ) {
        self.index = index
        self.overflow = overflow
        self.handles = handles
        self.tuning = tuning
        buffer = AlignedBuffer(byteCount: 2 * tuning.bufferByteCount)
        otherBuffer = AlignedBuffer(byteCount: 2 * tuning.bufferByteCount)
    }

    /// The current buffer is empty, and its first byte will stand at `offset` of the file.
    mutating func beginBuffer(at offset: UInt64) {
        let byteCount = UInt64(tuning.bufferByteCount)
        bufferBase = offset
        bufferEnd = (offset / byteCount + 1) * byteCount
        fill = 0
        straddler = nil
    }

    /// The same, but with the first `carriedByteCount` bytes, up to the end of a record, in it.
    mutating func beginBuffer(at offset: UInt64, carrying carriedByteCount: Int) {
        beginBuffer(at: offset + UInt64(carriedByteCount))
        bufferBase = offset
        fill = carriedByteCount
    }

    /// Where the next record goes.
    var tail: UInt64 { bufferBase + UInt64(fill) }

    /// A new segment's ordinal.
    mutating func takeOrdinal(_ segment: SegmentInfo) -> Int {
        guard !freeOrdinals.isEmpty else {
            segments.append(segment)
            return segments.count - 1
        }
        let ordinal = freeOrdinals.removeFirst()
        segments[ordinal] = segment
        return ordinal
    }

    /// Whether the next segment is to be made ahead of need.
    var wantsSpare: Bool {
        guard let active, spare == nil else { return false }
        return activationCount > 1 || tail > active.byteCountTarget / 2
    }

    /// Whether all that was appended is durable and published.
    var isSettled: Bool { syncedOffset == tail && pending.isEmpty }

    /// The next sequence number. The caller has checked the lease.
    mutating func takeSequence() -> UInt64 {
        precondition(nextSequence < leaseEnd, "a sequence number is below the durable ceiling")
        defer { nextSequence += 1 }
        return nextSequence
    }
}

/// What was appended before some record.
struct FlushMark {
    /// Where that record begins.
    let offset: UInt64
    let totals: SegmentTotals
    /// How many hashes were noted since the store was opened.
    let hashCount: UInt64
}

/// Bytes on their way to the disk.
struct FlushPlan {
    let buffer: AlignedBuffer
    let offset: UInt64
    let byteCount: Int
    /// What counts as written then: whole records, so perhaps less than is written.
    let end: FlushMark
}

extension LogState {
    /// The planted fault of appending behind what was recovered.
    mutating func goOn(in segment: ActiveSegment) {
        active = segment
        point = AppendPoint(
            isOpen: true, ordinal: segment.ordinal, seed: segment.seed,
            byteCountTarget: segment.byteCountTarget, totals: segment.flushedTotals)
        beginBuffer(at: segments[segment.ordinal].logicalByteCount)
        flushedOffset = bufferBase
        syncedOffset = bufferBase
    }
}
