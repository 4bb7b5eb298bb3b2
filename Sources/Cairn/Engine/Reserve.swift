// Reserve — bytes set aside for the time when the disk is full.
//
// RESERVE is allocated while there is room, as long as a segment is, and grows with that. When a write
// finds the disk full it is emptied, so that deletes, the manifest and compaction can go on; puts are
// refused until it could be allocated again, whole and with as much left over, and that ends the state by
// itself. Its length says the same to the next opening: none means given up. Any thread; the lock is
// held across the system calls. Spec: Engine.md, "Failures", "Compaction".

internal import CairnSystem

final class Reserve<S: Storage>: @unchecked Sendable {
    private let storage: S
    let file: FileHandle?
    private let lock = AdaptiveLock()
    /// Guarded by `lock`, as all that follows: how long it is to be.
    private var wantedByteCount: UInt64
    private var heldByteCount: UInt64
    /// Not even a part of it is there; puts are refused.
    private var isGivenUp = false
    private var lastAttempt: UInt64 = 0
    private var lastGrowth: UInt64 = 0

    /// How long to leave a disk alone that shows room and does not give it: one with a quota.
    private static var growthPause: UInt64 { 60_000_000_000 }

    /// `heldByteCount` is what an earlier run left in the file.
    init(storage: S, file: FileHandle?, byteCount: UInt64 = 0, heldByteCount: UInt64 = 0) {
        self.storage = storage
        self.file = file
        self.heldByteCount = heldByteCount
        wantedByteCount = byteCount
    }

    /// How long it is to be.
    var byteCount: UInt64 { lock.withLock { wantedByteCount } }

    /// What must be free until it is set aside again.
    var regainByteCount: UInt64 { 2 * byteCount }

    /// Gives the bytes back to the file system; false when there were none.
    func release() throws(FileError) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard let file, !isGivenUp, wantedByteCount > 0 else { return false }
        isGivenUp = true
        guard heldByteCount > 0 else { return false }
        try storage.truncate(file, to: 0)
        heldByteCount = 0
        return true
    }

    /// Goes on with what an earlier run left. What it gave up is taken up again if it just fits: then it
    /// holds what it should. False when it does not: the disk is as full as it was.
    func resume() throws(FileError) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        // A file that was copied may be a hole.
        if heldByteCount > 0, try allocate(heldByteCount) { return true }
        isGivenUp = true
        if heldByteCount > 0, let file { try storage.truncate(file, to: 0) }
        heldByteCount = 0
        if try allocateWhole(leaving: 0) { isGivenUp = false }
        return !isGivenUp
    }

    /// Tries to set the bytes aside again, at most once in `nanoseconds`; true when they are.
    func regain(every nanoseconds: UInt64) throws(FileError) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard isGivenUp else { return true }
        let now = storage.monotonicClock()
        if nanoseconds > 0, lastAttempt > 0, now - lastAttempt < nanoseconds { return false }
        lastAttempt = now
        if try allocateWhole(leaving: wantedByteCount) { isGivenUp = false }
        return !isGivenUp
    }

    /// From now on it is to be so long. Grows to that, or as far as as much is left over, `step` bytes at a
    /// time at least; shrinks when it is four times as long. What was given up stays so.
    func fit(to byteCount: UInt64, step: UInt64) throws(FileError) {
        lock.lock()
        defer { lock.unlock() }
        wantedByteCount = byteCount
        guard let file, !isGivenUp else { return }
        if heldByteCount / 4 > byteCount {
            try storage.truncate(file, to: byteCount)
            heldByteCount = byteCount
        }
        guard heldByteCount < byteCount else { return }
        let now = storage.monotonicClock()
        if lastGrowth > 0, now - lastGrowth < Self.growthPause { return }
        let possible = try min(byteCount, (storage.freeByteCount() + heldByteCount) / 2)
        guard possible == byteCount || possible >= heldByteCount + step else { return }
        lastGrowth = try allocate(possible) ? 0 : max(now, 1)
    }

    /// False when there is no room for it and for others. The lock is held.
    private func allocateWhole(leaving byteCount: UInt64) throws(FileError) -> Bool {
        guard try storage.freeByteCount() >= wantedByteCount + byteCount else { return false }
        return try allocate(wantedByteCount)
    }

    /// False when there is no room; then it is as long as it was. The lock is held.
    private func allocate(_ byteCount: UInt64) throws(FileError) -> Bool {
        guard let file else { return true }
        do {
            try storage.allocate(file, byteCount: byteCount)
        } catch {
            guard error.isOutOfSpace else { throw error }
            // A part of it may be there.
            try storage.truncate(file, to: heldByteCount)
            return false
        }
        heldByteCount = byteCount
        return true
    }
}

extension Tuning {
    /// How long segments are to be: a thirty-second of the live bytes, within bounds, unless the store
    /// fixes it.
    func segmentByteCount(ofLive byteCount: UInt64, _ options: StoreOptions) -> UInt64 {
        options.segmentByteCount
            ?? min(max(byteCount / 32, segmentByteCountMinimum), segmentByteCountMaximum)
    }

    /// How long RESERVE is to be where segments are so long: as they are, in whole steps, so that it
    /// seldom changes, and a sixteenth of the file system at most.
    func reserveByteCount(ofSegment byteCount: UInt64, diskByteCount: UInt64) -> UInt64 {
        let (least, most) = (reserveByteCounts.lowerBound, reserveByteCounts.upperBound)
        let step = max(least, 1)
        let steps = byteCount / step + (byteCount % step == 0 ? 0 : 1)
        return min(max(least, min(steps * step, most)), diskByteCount / 16)
    }
}
