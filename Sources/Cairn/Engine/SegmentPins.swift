// SegmentPins — segments that a backup is taking: replaced or not, their files stay until it is done.
//
// Pinned under the manifest lock, in which the list is taken, so that no compaction can come between;
// asked before a file is removed. Any thread.

internal import CairnSystem

final class SegmentPins: Sendable {
    private let counts = Guarded<[UInt64: Int]>([:])

    func pin(_ ids: [UInt64]) {
        if PlantedBug.backupUnpinned.isPlanted { return }
        counts.withLock { counts in
            for id in ids { counts[id, default: 0] += 1 }
        }
    }

    func unpin(_ ids: [UInt64]) {
        if PlantedBug.backupUnpinned.isPlanted { return }
        counts.withLock { counts in
            for id in ids {
                guard let count = counts[id] else {
                    preconditionFailure("a segment is unpinned as often as it was pinned")
                }
                counts[id] = count > 1 ? count - 1 : nil
            }
        }
    }

    func isPinned(_ id: UInt64) -> Bool { counts.withLock { $0[id] != nil } }
}
