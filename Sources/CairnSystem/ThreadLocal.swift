// ThreadLocal — one value per thread, made when the thread first asks for it.
//
// Each thread has one table of its values, indexed by a small number that every ThreadLocal gets and
// gives back; a generation, never used twice, tells a new owner of the number from the old. A value
// goes when its thread ends; when the ThreadLocal goes first, this thread's value goes with it and
// those of other threads when they end or need the place. Any thread; budget about 8 ns.
// Why this is sound: a table is touched by its own thread alone and holds one retained reference per
// value, which the release function takes back; a generation belongs to one ThreadLocal, so what is
// found under it is a `Value`.

internal import CLinux

/// Hands out places of the tables.
private enum Places {
    struct State {
        var next = 0
        var free: [Int] = []
        var generation: UInt64 = 0
    }

    static let state = Guarded(State())

    static func take() -> (place: Int, generation: UInt64) {
        state.withLock { state in
            state.generation += 1
            if let place = state.free.popLast() { return (place, state.generation) }
            state.next += 1
            return (state.next - 1, state.generation)
        }
    }

    static func give(_ place: Int) { state.withLock { state in state.free.append(place) } }
}

/// A value of each thread.
package final class ThreadLocal<Value: AnyObject>: Sendable {
    private let make: @Sendable () -> Value
    private let place: Int
    private let generation: UInt64

    /// `make` runs in each thread that asks, once.
    package init(_ make: @escaping @Sendable () -> Value) {
        self.make = make
        (place, generation) = Places.take()
    }

    deinit {
        // Replacing this thread's value by nothing cannot fail: its place exists.
        if unsafe cairn_thread_value(place, generation) != nil {
            _ = cairn_thread_set_value(place, generation, nil, nil)
        }
        Places.give(place)
    }

    /// This thread's value.
    package var value: Value {
        if let value = unsafe cairn_thread_value(place, generation) {
            return unsafe Unmanaged<Value>.fromOpaque(value).takeUnretainedValue()
        }
        return makeValue()
    }

    @inline(never)
    private func makeValue() -> Value {
        let value = make()
        let retained = unsafe Unmanaged.passRetained(value as AnyObject).toOpaque()
        let code = unsafe cairn_thread_set_value(place, generation, retained) { value in
            guard let value = unsafe value else { return }
            unsafe Unmanaged<AnyObject>.fromOpaque(value).release()
        }
        precondition(code == 0, "a thread has memory for one more value of its own")
        return value
    }
}

/// A small number that no other living thread has: 0, 1, 2... Given back when the thread ends.
package func threadSlot() -> Int { Int(cairn_thread_slot()) }
