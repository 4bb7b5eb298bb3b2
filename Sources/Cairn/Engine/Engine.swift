// Engine — a store over one `Storage`: the log, the index, the manifest and the readers.
//
// Locks, always taken in this order: the compaction lock, the *lead* (a role, not a lock: who writes), the sync role,
// the making lock, the manifest lock, the log lock. The log lock guards `state` and is never held
// across a system call; the others are. Readers take none of them, except for a record that is
// still in a buffer. Any method may be called from any thread. There are no threads in here:
// `commit` and `backgroundStep` are called by the facade's threads, or by a simulation.
// Spec: Engine.md.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

// Sendable because `state` is only touched while `lock` is held; bytes of its buffers are
// written under it, and read outside by the lead only where no append goes; `lateFile` belongs to the sync
// role, but for a planted fault; `compaction` to its lock. Everything else is constant, atomic, or has a lock of its own.
/// A store over one `Storage`, without threads of its own.
package final class Engine<S: Storage>: @unchecked Sendable {
    /// The disk that holds the store; the engine is its only user while it has the store's lock.
    package let storage: S
    /// As given to `open`; nothing changes them later.
    package let options: StoreOptions
    /// As given to `open`; nothing changes it later.
    package let tuning: Tuning
    /// For uploads.
    let chunkBuffers: BufferPool
    let identity: StoreIdentity
    let hashKey: SipHashKey
    let index: Index
    let overflow: OverflowMap
    let handles: SegmentHandles
    let segmentFiles: SegmentFiles<S>
    let readers: Readers
    let manifest: ManifestKeeper<S>
    let pins = BlobPins()
    let segmentPins = SegmentPins()
    let placePins: PlacePins
    let hints: HintKeeper<S>
    let keySources = KeySources<S>()
    let scrubs: ScrubKeeper
    let zeros: AlignedBuffer

    /// Guards `state`.
    let lock = AdaptiveLock()
    private let cell: StateCell<LogState>
    /// Under `lock`.
    var state: LogState {
        @inline(__always)
        _read { yield cell.reference.value }
        @inline(__always)
        _modify {
            let reference = cell.reference
            yield &reference.value
        }
    }
    /// Of `state.pending`, without the lock.
    let pendingCount: PendingCount
    /// Raised with `state.failure`, for readers that take no lock.
    let hasFailed = Atomic<Bool>(false)
    /// Puts are refused until space returns.
    let isDiskFull = Atomic<Bool>(false)
    /// The key that was written last had a record: the next one's is looked at first.
    let expectsRecords = Atomic<Bool>(false)
    /// What the keeper thread knows it has to do.
    private let keeperDuty = Atomic<Int>(0)
    /// What a damaged span may hide; fixed while the store is open.
    let hiddenSpans: [HiddenSpan]
    /// What opening found wrong, for the operator.
    package let findings: [String]
    /// Called without locks when somebody should commit or step soon.
    private let wake: @Sendable () -> Void

    /// Held while a segment is made, across its system calls.
    let makingLock = AdaptiveLock()
    /// The holder of the lead waits for `makingLock`, which takes no turns by itself.
    let isSpareWanted = Atomic<Bool>(false)
    let reserve: Reserve<S>
    /// Held by a step of compaction, across its system calls; taken before the lead.
    let compactionLock = AdaptiveLock()
    /// Guarded by `compactionLock`.
    var compaction = CompactionMemory<S>()
    /// Whether a compaction is under way, for who does not wait for a step of it.
    let isCompacting = Atomic<Bool>(false)
    let drained = DrainedSegments()
    /// Set by the compactor's thread.
    package let brake = WriteBrake()
    /// How many segments opening read no record of.
    package let hintedSegmentCount: Int
    /// How many hints were there and could not be used.
    package let refusedHintCount: Int
    /// Set by a planted fault only.
    var lateFile: FileHandle?

    init(
        storage: S, options: StoreOptions, tuning: Tuning, opened: consuming OpenedStore<S>,
        wake: @escaping @Sendable () -> Void
    ) {
        self.storage = storage
        self.options = options
        self.tuning = tuning
        chunkBuffers = BufferPool(byteCount: tuning.chunkByteCount, keptCountMaximum: 8)
        self.wake = wake
        identity = opened.identity
        scrubs = ScrubKeeper(uuid: opened.identity.uuid)
        hashKey = opened.hashKey
        index = opened.index
        overflow = opened.overflow
        handles = opened.handles
        placePins = PlacePins(pins, segmentPins, opened.handles)
        segmentFiles = opened.segmentFiles
        readers = opened.readers
        manifest = opened.manifest
        hiddenSpans = opened.hiddenSpans
        findings = opened.findings
        reserve = opened.reserve
        hintedSegmentCount = opened.hintedSegmentCount
        refusedHintCount = opened.refusedHintCount
        hints = HintKeeper(
            storage: storage, files: opened.segmentFiles, handles: opened.handles,
            identity: opened.identity,
            hasher: KeyHasher(key: opened.hashKey, mask: tuning.hashMask),
            blockByteCount: tuning.hintBlockByteCount)
        for task in opened.hintTasks { hints.request(task) }
        drained.noteRemoved(opened.forgettable)
        zeros = AlignedBuffer(byteCount: max(tuning.zeroAheadByteCount, 8))
        var state = LogState(
            index: opened.index, overflow: opened.overflow, handles: opened.handles,
            tuning: tuning)
        state.segments = opened.segments
        state.keyCount = opened.keyCount
        state.nextSequence = opened.leaseStart
        state.leaseEnd = opened.leaseEnd
        state.plantedFirstSequence = opened.leaseStart
        state.isReadOnly = opened.isReadOnly
        state.isDegraded = opened.isReadOnly && options.access != .readOnly
        isDiskFull.store(opened.isDiskFull, ordering: .relaxed)
        // A planted fault only: nothing is ever appended to a segment of an earlier life.
        if let continued = opened.continued { state.goOn(in: continued) }
        pendingCount = state.pending.shownCount
        cell = StateCell(state)
    }

    /// Asks the threads outside for a commit or a step.
    func wakeKeeper() { wake() }

    /// Tells the keeper thread, once, that there are interval writes to sync or records to mark.
    @inline(__always)
    func armKeeper(for durability: Durability) {
        ringKeeperOnce(durability == .interval ? KeeperDuty.all : KeeperDuty.mark)
    }

    /// Rings unless it has been told already.
    @inline(__always)
    func ringKeeperOnce(_ wanted: Int) {
        if keeperDuty.load(ordering: .relaxed) & wanted != wanted { ringKeeper(wanted) }
    }

    func ringKeeper(_ wanted: Int) {
        _ = keeperDuty.bitwiseOr(wanted, ordering: .acquiringAndReleasing)
        wake()
    }

    /// The keeper's duties; those in `taken` are no longer asked for until they arise again.
    func keeperDuties(taking taken: Int) -> Int {
        keeperDuty.bitwiseAnd(~taken, ordering: .acquiringAndReleasing).oldValue
    }

    /// The hash of a user's key. Its last bit keeps users' keys and chunk keys apart in the index,
    /// whatever the other bits are.
    @inline(__always)
    func hash(_ key: RawSpan) -> UInt64 {
        hashKey.hashFirst(key, domain: HashDomain.userKey) & tuning.hashMask & ~1
    }

    func chunkHash(_ key: RawSpan) -> UInt64 {
        hashKey.hashFirst(key, domain: HashDomain.chunkKey) & tuning.hashMask | 1
    }
}

/// What waits for the keeper thread.
enum KeeperDuty {
    /// Interval writes are to be synced.
    static let sync = 1
    /// Records were appended since the last mark.
    static let mark = 2
    static let all = 3
    /// Much is written that the disk was not asked to begin with.
    static let startWriting = 4
    /// A segment ended: the next one is to be made, and the like.
    static let step = 8
    /// A buffer is full, and those who may not wait go on in it.
    static let flush = 16
}

extension Engine {
    /// Bytes of the records that the index holds, by segment id. Exact when nothing is in flight.
    package func liveByteCounts() -> [UInt64: UInt64] {
        lock.lock()
        defer { lock.unlock() }
        return Dictionary(
            uniqueKeysWithValues: state.segments.filter { !$0.isRetired }.map {
                ($0.id, $0.liveByteCount)
            })
    }

    /// Counts at this moment.
    package func statistics() -> Statistics {
        let second = storage.wallClock() / 1_000_000_000
        let place = scrubs.place
        var (gone, unread) = (scrubs.damagedIDs, UInt64(0))
        lock.lock()
        defer { lock.unlock() }
        var statistics = Statistics()
        statistics.keyCount = state.keyCount
        var hintByteCount: UInt64 = 0
        for (ordinal, segment) in state.segments.enumerated() {
            // Retired ones may hold some for a moment, until compaction has moved the index on.
            statistics.liveByteCount += segment.liveByteCount
            if segment.isRetired { continue }
            if !gone.isEmpty { gone.remove(segment.id) }
            if place.nextSegmentID <= segment.id, segment.id < place.endSegmentID {
                unread += segment.logicalByteCount + segment.hintByteCount
            }
            statistics.segmentCount += 1
            // What waits in memory belongs to the log.
            let isActive = state.active?.ordinal == ordinal
            statistics.logicalByteCount += isActive ? state.tail : segment.logicalByteCount
            hintByteCount += segment.hintByteCount
            statistics.expiredByteCount += state.expiredByteCount(of: ordinal, at: second)
        }
        statistics.expiredByteCount = min(statistics.expiredByteCount, statistics.liveByteCount)
        statistics.isClockDoubted = state.isClockDoubted
        let headers = UInt64(SegmentHeader.byteCount) * UInt64(statistics.segmentCount)
        let used = headers + statistics.liveByteCount
        statistics.deadByteCount =
            statistics.logicalByteCount - min(statistics.logicalByteCount, used)
        if statistics.liveByteCount > 0 {
            statistics.spaceAmplification =
                Double(statistics.logicalByteCount + hintByteCount)
                / Double(statistics.liveByteCount)
        }
        statistics.compaction = state.compactionCounts
        statistics.isCompacting = isCompacting.load(ordering: .relaxed)
        statistics.indexByteCount = index.memoryByteCount
        statistics.nextSequence = state.nextSequence
        statistics.isReadOnly = state.isReadOnly
        statistics.damage =
            findings + state.compactionFindings + scrubs.findings(without: gone)
        statistics.scrub = scrubs.statistics(unread: unread)
        return statistics
    }
}
