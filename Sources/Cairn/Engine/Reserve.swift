// Reserve — bytes set aside for the time when the disk is full.
//
// RESERVE is preallocated while there is room. When a write finds the disk full it is emptied, so
// that deletes and the manifest can go on; puts are refused until it could be allocated again with
// as much left over, and that ends the state by itself. Any thread; the lock is held across the
// system calls. Spec: Engine.md, "Failures".

internal import CairnSystem

final class Reserve<S: Storage>: @unchecked Sendable {
    private let storage: S
    let file: FileHandle?
    let byteCount: UInt64
    private let lock = AdaptiveLock()
    /// Guarded by `lock`.
    private var isHeld: Bool
    private var lastAttempt: UInt64 = 0

    init(storage: S, file: FileHandle?, byteCount: UInt64, isHeld: Bool = true) {
        self.storage = storage
        self.file = file
        self.byteCount = byteCount
        self.isHeld = isHeld
    }

    /// Gives the bytes back to the file system; false when there were none.
    func release() throws(FileError) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard let file, isHeld, byteCount > 0 else { return false }
        try storage.truncate(file, to: 0)
        isHeld = false
        return true
    }

    /// Tries to set the bytes aside again, at most once in `nanoseconds`; true when they are.
    func regain(every nanoseconds: UInt64) throws(FileError) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard let file, !isHeld else { return true }
        let now = storage.monotonicClock()
        if nanoseconds > 0, lastAttempt > 0, now - lastAttempt < nanoseconds { return false }
        lastAttempt = now
        guard try storage.freeByteCount() / 2 >= byteCount else { return false }
        do {
            try storage.allocate(file, byteCount: byteCount)
        } catch {
            guard error.isOutOfSpace else { throw error }
            try storage.truncate(file, to: 0)
            return false
        }
        isHeld = true
        return true
    }
}
