// StateCell — memory for a value that its owner guards with a lock of its own.
//
// A stored property of a class is checked for exclusive access each time it is touched, 170
// instructions in a put of 100 bytes; the lock rules that out already. A cell lies outside of its
// owner, so nothing is checked: whoever touches `value` holds the owner's lock.
// Why this is sound: the pointer is made and freed with the cell and never leaves it. That accesses
// do not overlap is the owner's promise; ThreadSanitizer watches it in the tests.

/// A value that is only touched while its owner's lock is held.
@safe
package struct StateCell<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Sendable: the owner's lock is held around each access.
    @usableFromInline
    let pointer: UnsafeMutablePointer<Value>

    package init(_ value: consuming Value) {
        unsafe pointer = .allocate(capacity: 1)
        unsafe pointer.initialize(to: value)
    }

    deinit {
        unsafe pointer.deinitialize(count: 1)
        unsafe pointer.deallocate()
    }

    /// The value; under the owner's lock.
    @inlinable
    package var value: Value {
        @inline(__always)
        unsafeAddress { unsafe UnsafePointer(pointer) }
        @inline(__always)
        nonmutating unsafeMutableAddress { unsafe pointer }
    }
}
