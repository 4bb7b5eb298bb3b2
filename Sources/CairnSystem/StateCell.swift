// StateCell — memory for a value that its owner guards by itself: with a lock, or because it belongs to one thread.
//
// A stored property of a class is checked for exclusive access each time it is touched, 170
// instructions in a put of 100 bytes, 2,600 in a GET of 4 KiB; the lock, or the thread, rules that out already. A
// cell lies outside of its owner, so nothing is checked: whoever touches `value` holds the owner's lock or is
// on its thread.
// Why this is sound: the pointer is made and freed with the cell, and whoever asks for a reference
// does not keep it, or has the cell's owner as long. That accesses do not overlap is the owner's promise;
// ThreadSanitizer watches it in the tests.

/// A value that is only touched under its owner's lock, or on its thread.
@safe
package struct StateCell<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Sendable: the owner's lock is held around each access, or it is of one thread.
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

    /// The way to the value, for as long as the cell lives. The cell itself never changes, and the
    /// compiler reads its pointer ahead of the lock: so change the value through a copy of this, for
    /// ThreadSanitizer takes `&cell.reference.value` for a change of the cell.
    @inlinable
    package var reference: StateReference<Value> {
        @inline(__always)
        get { unsafe StateReference(pointer) }
    }
}

/// Where a cell's value lies.
@safe
package struct StateReference<Value: ~Copyable> {
    @usableFromInline
    let pointer: UnsafeMutablePointer<Value>

    @inlinable
    @inline(__always)
    init(_ pointer: UnsafeMutablePointer<Value>) { unsafe self.pointer = pointer }

    /// The value; under the lock of the cell's owner, or on its thread.
    @inlinable
    package var value: Value {
        @inline(__always)
        unsafeAddress { unsafe UnsafePointer(pointer) }
        @inline(__always)
        nonmutating unsafeMutableAddress { unsafe pointer }
    }
}
