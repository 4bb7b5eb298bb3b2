// KeyMerge — the keys of many segments in one order, each key once, with all places that it may have.
//
// A heap of cursors, one for each sorted run. A cursor of a hint holds a window of decoded keys and
// reads the next one when it is used up; as long as it is known not to be next, it reads nothing. To
// seek moves every cursor: inside its window, else to a new one. One thread. Spec: Engine.md,
// "Listing".

internal import CairnFormat
internal import CairnSystem

/// Where sorted keys come from.
enum KeySource<S: Storage>: Sendable {
    case hint(HintKeys<S>)
    case run(KeyRun, segmentID: UInt64)

    var segmentID: UInt64 {
        switch self {
        case .hint(let keys): keys.segmentID
        case .run(_, let segmentID): segmentID
        }
    }
}

/// A record that a key had when the segments were looked at.
struct KeyPlace {
    let segmentID: UInt64
    let offset: UInt64
    let expiry: UInt64
}

/// Why a part of a listing ended early.
enum ListFailure: Error {
    /// The hint of this segment is unusable.
    case doubt(segmentID: UInt64)
    case error(StoreError)
}

struct KeyMerge<S: Storage> {
    private struct Cursor {
        let source: KeySource<S>
        var run = KeyRun()
        var place = 0
        /// Nothing is behind the run.
        var isLast = true
        /// The run is no key, but what none of the keys to come is before.
        var isBound = false
        var cache = KeyBlockCache()

        var isAtEnd: Bool { place == run.count }
    }

    /// Below it cursors keep the block that they read last.
    private static var cachingCountMaximum: Int { 256 }

    private var cursors: [Cursor] = []
    /// Numbers of cursors; each is not behind those at 2n + 1 and 2n + 2.
    private var heap: [Int] = []
    /// Keys that a cursor decodes at a time.
    private let windowCount: Int
    private let caches: Bool

    /// The keys from `start` on and before `end`; `count` of them are wanted, as a guess.
    init(
        _ sources: [KeySource<S>], from start: [UInt8], before end: [UInt8]?, count: Int
    ) throws(ListFailure) {
        let perSource = 2 * count / max(sources.count, 1) + 8
        windowCount = min(max(perSource, 32), 4096)
        caches = sources.count <= Self.cachingCountMaximum
        for source in sources {
            if case .hint(let keys) = source {
                guard keys.mayHold(from: start, before: end) else { continue }
                if keys.bound(from: start) == nil { keys.readAhead(from: start) }
            }
            cursors.append(Cursor(source: source))
        }
        for number in cursors.indices where try begin(number, from: start) {
            heap.append(number)
        }
        heapify()
    }

    // MARK: Cursors

    /// Puts a cursor before its first key from `start` on; false when there is none.
    private mutating func begin(_ number: Int, from start: [UInt8]) throws(ListFailure) -> Bool {
        switch cursors[number].source {
        case .run(let run, _):
            cursors[number].run = run
            cursors[number].place = run.place(notBelow: start.rawSpan)
            return !cursors[number].isAtEnd
        case .hint(let keys):
            guard let bound = keys.bound(from: start) else {
                return try load(number, keys, from: start)
            }
            cursors[number].run = KeyRun()
            cursors[number].run.append(bound.rawSpan, offset: 0, expiry: 0)
            cursors[number].place = 0
            cursors[number].isBound = true
            return true
        }
    }

    private mutating func load(
        _ number: Int, _ keys: HintKeys<S>, from start: [UInt8]
    ) throws(ListFailure) -> Bool {
        var cache = cursors[number].cache
        cursors[number].cache = KeyBlockCache()
        guard let window = keys.window(from: start, count: windowCount, &cache) else {
            throw .doubt(segmentID: keys.segmentID)
        }
        if caches { cursors[number].cache = cache }
        cursors[number].run = window.run
        cursors[number].isLast = window.isLast
        cursors[number].place = 0
        cursors[number].isBound = false
        return !cursors[number].isAtEnd
    }

    /// Moves a cursor to its next key; false when there is none.
    private mutating func advance(_ number: Int) throws(ListFailure) -> Bool {
        cursors[number].place += 1
        if !cursors[number].isAtEnd { return true }
        guard !cursors[number].isLast, case .hint(let keys) = cursors[number].source else {
            return false
        }
        let run = cursors[number].run
        return try load(number, keys, from: run.key(run.count - 1) + [0])
    }

    /// Reads what stands behind a bound; false when there is nothing.
    private mutating func resolve(_ number: Int) throws(ListFailure) -> Bool {
        guard case .hint(let keys) = cursors[number].source else {
            preconditionFailure("only a hint is known by a bound")
        }
        return try load(number, keys, from: cursors[number].run.key(0))
    }

    // MARK: Keys

    /// The next key and where records of it lie; nil at the end. `key` is reused.
    mutating func next(_ places: inout [KeyPlace]) throws(ListFailure) -> [UInt8]? {
        places.removeAll(keepingCapacity: true)
        var key: [UInt8]?
        while let top = heap.first {
            if cursors[top].isBound {
                // A bound that is no key yet: what is behind it may be next.
                if let key, cursors[top].run.compare(0, key.rawSpan) > 0 { break }
                restore(isThere: try resolve(top))
                continue
            }
            let place = cursors[top].place
            if let key {
                guard cursors[top].run.compare(place, key.rawSpan) == 0 else { break }
            } else {
                key = cursors[top].run.key(place)
            }
            let entry = cursors[top].run.entries[place]
            places.append(
                KeyPlace(
                    segmentID: cursors[top].source.segmentID, offset: entry.offset,
                    expiry: entry.expiry))
            restore(isThere: try advance(top))
        }
        return key
    }

    /// Leaves out all keys before `target`.
    mutating func seek(to target: [UInt8]) throws(ListFailure) {
        var kept: [Int] = []
        for number in heap where try seek(number, to: target) { kept.append(number) }
        heap = kept
        heapify()
    }

    private mutating func seek(_ number: Int, to target: [UInt8]) throws(ListFailure) -> Bool {
        let cursor = cursors[number]
        let place = cursor.run.place(notBelow: target.rawSpan, from: cursor.place)
        if place < cursor.run.count || !cursor.isBound && cursor.isLast {
            cursors[number].place = place
            return place < cursor.run.count
        }
        return try begin(number, from: target)
    }

    // MARK: The heap

    /// The top has moved, or is gone.
    private mutating func restore(isThere: Bool) {
        if !isThere {
            heap.swapAt(0, heap.count - 1)
            heap.removeLast()
        }
        siftDown(0)
    }

    private mutating func heapify() {
        for place in (0..<heap.count / 2).reversed() { siftDown(place) }
    }

    private mutating func siftDown(_ start: Int) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
                if precedes(heap[child], heap[least]) { least = child }
            }
            if least == place { return }
            heap.swapAt(place, least)
            place = least
        }
    }

    @inline(__always)
    private func precedes(_ left: Int, _ right: Int) -> Bool {
        cursors[left].run.compare(
            cursors[left].place, cursors[right].run, cursors[right].place) < 0
    }
}
