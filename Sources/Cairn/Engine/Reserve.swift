// Reserve — bytes set aside for the time when the disk is full.
//
// RESERVE is preallocated while there is room. When a write finds the disk full it is emptied, so
// that deletes and the manifest can go on; puts are refused until it could be allocated again, and
// that ends the state by itself. Used by the holder of the lead only. Spec: Engine.md, "Disk full".

internal import CairnSystem

struct Reserve<S: Storage> {
    let file: FileHandle?
    let byteCount: UInt64
    private(set) var isHeld: Bool
    private var lastAttempt: UInt64 = 0

    init(file: FileHandle?, byteCount: UInt64, isHeld: Bool) {
        self.file = file
        self.byteCount = byteCount
        self.isHeld = isHeld
    }

    /// Gives the bytes back to the file system.
    mutating func release(_ storage: S) throws(FileError) {
        guard let file, isHeld else { return }
        try storage.truncate(file, to: 0)
        isHeld = false
    }

    /// Tries to set the bytes aside again; true when they are.
    mutating func regain(_ storage: S, every nanoseconds: UInt64) throws(FileError) -> Bool {
        guard let file, !isHeld else { return true }
        let now = storage.monotonicClock()
        if nanoseconds > 0, lastAttempt > 0, now - lastAttempt < nanoseconds { return false }
        lastAttempt = now
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
