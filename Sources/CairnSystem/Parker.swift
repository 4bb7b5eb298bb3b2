// Parker — lets one thread sleep until another has something for it.
//
// There is one token. `unpark` gives it, also ahead of time; `park` takes it, waiting when it is not
// there; several `unpark`s before one `park` count as one. Only one thread may park at a time, any
// may unpark. What was written before `unpark` is seen after the `park` that took the token. The
// timed form returns early never, except with the token.
// Why this is sound: the futex word is made with the object, freed with it and never moves; a
// caller of `unpark` holds a reference, so the word outlives the wake-up.

internal import CLinux

// Sendable: the only stored property never changes, and what it points to is made for sharing.
/// A waiting place for one thread.
@safe
package final class Parker: @unchecked Sendable {
    private let parker: OpaquePointer

    package init() {
        guard let made = unsafe cairn_parker_create() else { fatalError("no memory for a parker") }
        unsafe parker = made
    }

    deinit { unsafe cairn_parker_destroy(parker) }

    /// Takes the token, sleeping until there is one.
    package func park() { unsafe cairn_park(parker) }

    /// Takes the token, sleeping at most this long; false when none came.
    package func park(nanoseconds: UInt64) -> Bool {
        unsafe cairn_park_for(parker, nanoseconds) != 0
    }

    /// Takes the token if it is there, without sleeping.
    package func tryPark() -> Bool { unsafe cairn_park_try(parker) != 0 }

    /// Gives the token and wakes the sleeper, if any.
    package func unpark() { unsafe cairn_unpark(parker) }
}
