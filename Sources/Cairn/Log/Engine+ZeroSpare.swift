// Zeros in the next segment, written before it takes a record.
//
// A synced write into a file that grows costs several times one into zeros that the disk holds. So
// while commits are small the spare segment is filled with zeros in the background: whoever commits
// later need not do it, at 1.5 ms for each MiB. The making lock keeps the spare from becoming the
// active segment meanwhile: of two writers of one file, one would write zeros over records.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Fills a piece of the spare with zeros, or, behind the last piece, makes them durable. False
    /// when nothing is to be done.
    func zeroSpare() throws(StoreError) -> Bool {
        guard !isDiskFull.load(ordering: .relaxed) else { return false }
        makingLock.lock()
        defer { makingLock.unlock() }
        guard let (spare, end) = spareToZero() else { return false }
        let step = UInt64(tuning.zeroAheadByteCount / 4)
        let zeros = zeros
        guard spare.zeroedOffset < end else { return try synchronizeSpare(spare) }
        let next = min((spare.zeroedOffset / step + 1) * step, end)
        do {
            try storage.write(
                spare.file, zeros.bytes(0..<Int(next - spare.zeroedOffset)),
                at: spare.zeroedOffset)
        } catch {
            // No room for zeros is no failure: the segment takes records without.
            noteZeroed(spare.zeroedOffset, isDurable: true)
            return true
        }
        storage.startWriting(spare.file, spare.zeroedOffset..<next)
        noteZeroed(next, isDurable: false)
        return true
    }

    /// The spare, and how far zeros are wanted in it.
    private func spareToZero() -> (SpareSegment, end: UInt64)? {
        lock.lock()
        defer { lock.unlock() }
        // Zeros ahead of the tail tell that commits are small.
        guard state.refusal() == nil, let spare = state.spare, !spare.isZeroed,
            tuning.zeroAheadByteCount > 0, state.active?.zeroedOffset ?? 0 > 0
        else { return nil }
        let wanted = state.segmentByteCountTarget(options)
        return (spare, max(spare.zeroedOffset, min(wanted, tuning.zeroSpareByteCountMaximum)))
    }

    /// Its first commit need not wait for zeros.
    private func synchronizeSpare(_ spare: SpareSegment) throws(StoreError) -> Bool {
        do {
            try storage.synchronize(spare.file)
        } catch {
            throw failForGood(error)
        }
        noteZeroed(spare.zeroedOffset, isDurable: true)
        return true
    }

    private func noteZeroed(_ offset: UInt64, isDurable: Bool) {
        lock.lock()
        state.spare?.zeroedOffset = offset
        state.spare?.isZeroed = isDurable
        lock.unlock()
    }
}
