// BlobPins — large blobs that a reader is reading: their chunks stay until it is done.
//
// A reader pins, then checks that the composite record is still the key's newest; whoever removes
// chunks first replaces the composite, then checks the pins. So one of the two sees the other.
// Any thread.

internal import CairnSystem

final class BlobPins: @unchecked Sendable {
    private let lock = AdaptiveLock()
    /// Guarded by `lock`.
    private var counts: [UInt64: Int] = [:]

    func pin(_ blobID: UInt64) {
        lock.withLock { counts[blobID, default: 0] += 1 }
    }

    func unpin(_ blobID: UInt64) {
        lock.withLock {
            guard let count = counts[blobID] else {
                preconditionFailure("a blob is unpinned as often as it was pinned")
            }
            counts[blobID] = count > 1 ? count - 1 : nil
        }
    }

    func isPinned(_ blobID: UInt64) -> Bool {
        lock.withLock { counts[blobID] != nil }
    }
}
