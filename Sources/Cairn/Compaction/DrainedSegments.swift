// DrainedSegments — replaced segments on their way out, from the last reader to MANIFEST.
//
// First their files are removed, by whoever takes them from here; then, behind a sync of `segments/`,
// MANIFEST forgets them. Any thread, without locks.

internal import CairnSystem

/// Replaced segments that no reader is at any more.
final class DrainedSegments: Sendable {
    struct Item: Sendable {
        let id: UInt64
        let ordinal: Int
    }

    private struct State {
        var items: [Item] = []
        var isHeld = false
        var removedIDs: [UInt64] = []
    }

    private let state = Guarded(State())

    func add(_ item: Item) { state.withLock { $0.items.append(item) } }

    /// Lets all stay until `release`.
    func hold() { state.withLock { $0.isHeld = true } }

    func release() { state.withLock { $0.isHeld = false } }

    /// One whose files may go, if more than `count` wait and are not held; `isPinned` says which must stay.
    func take(leaving count: Int, but isPinned: (UInt64) -> Bool) -> Item? {
        state.withLock { state in
            guard !state.isHeld, state.items.count > count,
                let place = state.items.firstIndex(where: { !isPinned($0.id) })
            else { return nil }
            return state.items.remove(at: place)
        }
    }

    /// Whether `take` may find one.
    var isEmpty: Bool { state.withLock { $0.isHeld || $0.items.isEmpty } }

    /// Their files are gone; MANIFEST still lists them.
    func noteRemoved(_ ids: [UInt64]) { state.withLock { $0.removedIDs += ids } }

    /// In memory of its own: what makes a shared array safe, counting its references, ThreadSanitizer cannot see.
    var removedIDs: [UInt64] { state.withLock { state in state.removedIDs.map { $0 } } }

    /// A sync has covered the removal of these.
    func forget(_ ids: [UInt64]) {
        state.withLock { state in state.removedIDs.removeAll { ids.contains($0) } }
    }
}
