// Zeros in the next segment, written before it takes a record.
//
// A synced write into a file that grows costs several times one into zeros that the disk holds. So
// while writers wait for syncs the spare segment is filled with zeros in the background: whoever commits
// later need not do it, at 1.5 ms for each MiB. The making lock keeps the spare from becoming the
// active segment meanwhile: of two writers of one file, one would write zeros over records. Nobody
// waits for a sync of zeros, and they take no room that others are short of.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Fills a piece of the spare with zeros; false when nothing is to be done.
    func zeroSpare() -> Bool {
        guard !isDiskFull.load(ordering: .relaxed), !isSpareWanted.load(ordering: .relaxed)
        else { return false }
        makingLock.lock()
        defer { makingLock.unlock() }
        guard let (spare, end) = spareToZero() else { return false }
        let step = UInt64(tuning.zeroAheadByteCount / 4)
        let next = min((spare.zeroedOffset / step + 1) * step, end)
        let zeros = zeros
        do {
            // Zeros are for a disk with room: four times as much stays for those who need it.
            guard try storage.freeByteCount() / 4 >= end else { return noteNoRoom(spare) }
            try storage.write(
                spare.file, zeros.bytes(0..<Int(next - spare.zeroedOffset)),
                at: spare.zeroedOffset)
        } catch {
            // That is no failure: the segment takes records without.
            return noteNoRoom(spare)
        }
        storage.startWriting(spare.file, spare.zeroedOffset..<next)
        lock.lock()
        state.spare?.zeroedOffset = next
        lock.unlock()
        return true
    }

    /// The spare, and how far zeros are wanted in it.
    private func spareToZero() -> (SpareSegment, end: UInt64)? {
        lock.lock()
        defer { lock.unlock() }
        guard state.refusal() == nil, let spare = state.spare, !spare.lacksRoom,
            tuning.zeroAheadByteCount >= 4, state.active?.hasWaitedFor == true
        else { return nil }
        let end = min(state.segmentByteCountTarget(options), tuning.zeroSpareByteCountMaximum)
        return spare.zeroedOffset < end ? (spare, end) : nil
    }

    /// Gives back what zeros took. They are a legal tail should that fail.
    private func noteNoRoom(_ spare: SpareSegment) -> Bool {
        let start = UInt64(SegmentHeader.byteCount)
        var zeroedOffset = spare.zeroedOffset
        do {
            try storage.truncate(spare.file, to: start)
            zeroedOffset = start
        } catch {
            zeroedOffset = max(zeroedOffset, start)
        }
        lock.lock()
        state.spare?.zeroedOffset = zeroedOffset
        state.spare?.lacksRoom = true
        lock.unlock()
        return true
    }
}
