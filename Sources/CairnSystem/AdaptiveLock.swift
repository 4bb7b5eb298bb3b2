// AdaptiveLock — the lock of the project: spins briefly, then sleeps.
//
// A pthread adaptive mutex on cache lines of its own. It is not recursive and not fair. Any thread
// may lock; the thread that locked unlocks. Budget: about 15 ns for an uncontended pair.
// Why this is sound: the mutex is made with the object and destroyed with it, never moves, and is
// reached only through pthread calls, which order memory.

package import CLinux

// Sendable: the only stored property never changes, and what it points to is made for sharing.
/// A mutual exclusion lock.
@safe
package final class AdaptiveLock: @unchecked Sendable {
    @usableFromInline
    let lockPointer: UnsafeMutablePointer<cairn_lock>

    package init() {
        guard let made = unsafe cairn_lock_create() else { fatalError("no memory for a lock") }
        unsafe lockPointer = made
    }

    deinit { unsafe cairn_lock_destroy(lockPointer) }

    /// Waits until the lock is this thread's.
    @inlinable
    @inline(__always)
    package func lock() {
        let code = unsafe cairn_lock_acquire(lockPointer)
        precondition(code == 0, "a lock can always be waited for")
    }

    /// Gives the lock back.
    @inlinable
    @inline(__always)
    package func unlock() {
        let code = unsafe cairn_lock_release(lockPointer)
        precondition(code == 0, "a lock is released by its holder")
    }

    /// Takes the lock if it is free.
    @inlinable
    package func tryLock() -> Bool { unsafe cairn_lock_try(lockPointer) != 0 }

    /// Runs `body` while holding the lock.
    @inlinable
    @inline(__always)
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }
}
