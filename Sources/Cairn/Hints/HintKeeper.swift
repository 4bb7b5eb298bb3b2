// HintKeeper — which segments want a hint, and the one that is being written.
//
// Segments are asked for by the holder of the log lock; one hint is written at a time, under a lock
// that is held across system calls. The segment's file is opened once more for it, because it takes
// long: as a reader it would keep files open that were closed for others. A hint is a cache: one that
// cannot be written for want of space is given up, and opening scans its segment. Any thread.
// Spec: Engine.md, "Hints".

internal import CairnFormat
internal import CairnSystem

// Sendable because `job` is only touched while `stepLock` is held; everything else is constant or
// guards itself.
final class HintKeeper<S: Storage>: @unchecked Sendable {
    private let storage: S
    private let files: SegmentFiles<S>
    private let handles: SegmentHandles
    private let identity: StoreIdentity
    private let hasher: KeyHasher
    private let blockByteCount: Int
    /// The one at work is the first.
    private let queue = Guarded<[HintTask]>([])
    private let stepLock = AdaptiveLock()
    /// Guarded by `stepLock`.
    private var job: HintJob<S>?

    init(
        storage: S, files: SegmentFiles<S>, handles: SegmentHandles, identity: StoreIdentity,
        hasher: KeyHasher, blockByteCount: Int
    ) {
        self.storage = storage
        self.files = files
        self.handles = handles
        self.identity = identity
        self.hasher = hasher
        self.blockByteCount = blockByteCount
    }

    /// Asks for the hint of a segment that ended; an urgent one is the next. Takes no lock but its
    /// own.
    func request(_ task: HintTask, isUrgent: Bool = false) {
        queue.withLock { queue in
            queue.insert(task, at: isUrgent ? min(1, queue.count) : queue.count)
        }
    }

    /// Whether the segment waits for its hint.
    func isWanted(of segmentID: UInt64) -> Bool {
        queue.withLock { queue in queue.contains { $0.segmentID == segmentID } }
    }

    /// The segments whose hints are still to be made.
    var wantedIDs: Set<UInt64> { queue.withLock { queue in Set(queue.map(\.segmentID)) } }

    /// Does one piece of work; false when no segment wants a hint.
    func step() throws(StoreError) -> Bool {
        stepLock.lock()
        defer { stepLock.unlock() }
        guard job != nil || begin() else { return false }
        guard let task = job?.task, isThere(task) else {
            abandon()
            return true
        }
        do throws(StoreError) {
            let hasMore = try job?.step() ?? false
            guard !hasMore else { return true }
            let isRefused = job?.isRefused ?? false
            abandon()
            if isRefused { throw mismatch(task) }
            if !isThere(task) { removeOrphan(of: task) }
        } catch {
            abandon()
            guard error.kind == .diskFull else { throw error }
        }
        return true
    }

    /// The segment went while its hint got its name: compaction may have looked for that before. If it
    /// cannot be removed, the next opening does it.
    private func removeOrphan(of task: HintTask) {
        let name = SegmentFileName(task.segmentID, .hint).description
        do { try storage.unlink(name, in: .segments) } catch { return }
    }

    private func mismatch(_ task: HintTask) -> StoreError {
        StoreError(
            .damaged,
            "segment \(SegmentFileName(task.segmentID)) does not hold the records that MANIFEST "
                + "lists: it gets no hint", segmentID: task.segmentID)
    }

    /// Gives up the hint that is being written, and what is asked for.
    func stop() {
        stepLock.withLock {
            abandon()
            queue.withLock { queue in queue.removeAll() }
        }
    }

    /// Whether a segment waits for its hint.
    func isWaiting(for segmentID: UInt64) -> Bool {
        queue.withLock { queue in queue.contains { $0.segmentID == segmentID } }
    }

    /// How many segments wait for their hints.
    var waitingCount: Int { queue.withLock { queue in queue.count } }

    /// The job is over, however it ended.
    private func abandon() {
        guard job != nil else { return }
        job?.abandon()
        job = nil
        queue.withLock { queue in _ = queue.removeFirst() }
    }

    private func begin() -> Bool {
        guard let next = queue.withLock({ queue in queue.first }) else { return false }
        job = HintJob(
            next, storage: storage, files: files, uuid: identity.uuid(ofSegment: next.segmentID),
            hasher: hasher, blockByteCount: blockByteCount)
        return true
    }

    /// Whether the segment is still the one that was asked for.
    private func isThere(_ task: HintTask) -> Bool {
        handles.holds(task.segmentID, at: task.ordinal)
    }
}
