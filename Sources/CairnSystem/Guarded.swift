// Guarded — a value that can be reached only while holding its lock.
//
// The usual form of shared state: one `State` structure that names everything a lock guards. Any
// thread; not recursive, so a body never asks for the same value again.

// Sendable: `value` is touched only inside `withLock`, one thread at a time, and a body can keep
// a reference only to what its own type allows to be shared.
/// A value and the lock that guards it.
package final class Guarded<Value: ~Copyable>: @unchecked Sendable {
    @usableFromInline
    let lock = AdaptiveLock()
    @usableFromInline
    var value: Value

    package init(_ value: consuming Value) { self.value = value }

    /// Runs `body` with the value while holding the lock.
    @inlinable
    @inline(__always)
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
