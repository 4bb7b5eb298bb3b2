// PendingQueue — records that are appended but not yet published, in log order.
//
// Invariants: (1) end offsets never fall from front to back, entries that are done aside; (2) for
// each hash, `latest` names the youngest pending entry, and `previous` chains the older ones; an
// entry that has left the queue ends the chain. Guarded by the log lock. A barrier is an answer that
// rests on pending records: it has no record of its own and leaves with them.

internal import CairnSystem
internal import Synchronization

/// The extent of a large blob: its chunks' common id, and how many there are.
struct BlobExtent: Equatable {
    let blobID: UInt64
    let chunkCount: UInt64
}

/// What a record takes the place of when it is published.
struct Replaced {
    /// Zero: nothing was there.
    var byteCount = 0
    /// Where it lies; compaction moves it, see `PendingQueue.noteMoved`.
    var location = Location.empty
    var extent: BlobExtent?

    static let nothing = Replaced()

    var isSomething: Bool { byteCount > 0 }
}

/// One appended record, or one barrier.
struct PendingEntry {
    enum Action: UInt8 {
        case put
        case composite
        case delete
        case chunk
        case barrier
    }

    let action: Action
    let hash: UInt64
    let key: [UInt8]
    let location: Location
    let sequence: UInt64
    let byteCount: Int
    /// The log must be written, or synced, to here.
    let endOffset: UInt64
    let durability: Durability
    /// The blob that this composite record commits.
    let extent: BlobExtent?
    /// The blob's chunks stay when this record comes to nothing: another one names them.
    var sharesBlob = false
    /// 0: none.
    var expiry: UInt64 = 0
    var replaced: Replaced
    var completion: Completion
    var outcome: WriteOutcome
    fileprivate(set) var previous: UInt64 = .max
    /// A younger record of the same key was published before this one.
    var isSuperseded = false
    /// Published, or given up.
    var isDone = false
    /// Given up: the record is not in the log.
    var isVoid = false
}

/// How many entries a queue has, for those who do not hold the log lock: out of date when they learn it.
final class PendingCount: Sendable {
    private let count = Atomic<Int>(0)

    var now: Int { count.load(ordering: .relaxed) }

    fileprivate func show(_ count: Int) { self.count.store(count, ordering: .relaxed) }
}

struct PendingQueue {
    /// Position of an entry, counted since the store was opened.
    typealias Counter = UInt64

    private var entries: [PendingEntry] = []
    private var head = 0
    private var headCounter: Counter = 0
    private var latest: [UInt64: Counter] = [:]
    /// Who waits for writers to come asks often: under the lock it would keep them from coming.
    let shownCount = PendingCount()

    var isEmpty: Bool { head == entries.count }
    var count: Int { entries.count - head }
    var counters: Range<Counter> { headCounter..<headCounter + UInt64(count) }

    subscript(counter: Counter) -> PendingEntry {
        _read { yield entries[head + Int(counter - headCounter)] }
        _modify { yield &entries[head + Int(counter - headCounter)] }
    }

    mutating func append(_ entry: PendingEntry) {
        let counter = counters.upperBound
        entries.append(entry)
        shownCount.show(count)
        guard entry.action != .barrier else { return }
        if let older = latest.updateValue(counter, forKey: entry.hash) {
            self[counter].previous = older
        }
    }

    /// Whether any record of this hash is pending.
    func holds(_ hash: UInt64) -> Bool { latest[hash] != nil }

    /// The youngest pending entry of the hash, whatever its key.
    func youngest(of hash: UInt64) -> Counter? { latest[hash] }

    /// The pending entry that decides what this key is; nil when the index does.
    func deciding(for hash: UInt64, key: RawSpan) -> Counter? {
        var counter = latest[hash]
        while let current = counter {
            if !self[current].isVoid && self[current].key.rawSpan.isEqual(to: key) {
                // Once published it may have been replaced by a write that never was pending.
                return self[current].isSuperseded || self[current].isDone ? nil : current
            }
            counter = older(than: current)
        }
        return nil
    }

    /// Whether a pending record has this hash but another key.
    func holdsOther(_ hash: UInt64, than key: RawSpan) -> Bool {
        var counter = latest[hash]
        while let current = counter {
            if !self[current].key.rawSpan.isEqual(to: key) { return true }
            counter = older(than: current)
        }
        return false
    }

    /// The next older pending entry with the same hash.
    func older(than counter: Counter) -> Counter? {
        let previous = self[counter].previous
        return previous != .max && previous >= headCounter ? previous : nil
    }

    /// A record that waiting writes of the hash replace was moved by compaction.
    mutating func noteMoved(
        _ hash: UInt64, from old: Location, to new: Location, byteCount: Int
    ) {
        var counter = latest[hash]
        while let current = counter {
            if self[current].replaced.location == old {
                self[current].replaced.location = new
                self[current].replaced.byteCount = byteCount
            }
            counter = older(than: current)
        }
    }

    /// A record that waiting writes of the hash replace was destroyed by compaction: they replace nothing.
    /// Whether one of them names its blob too; the chunks are its own from now on.
    mutating func noteGone(
        _ hash: UInt64, from location: Location, _ extent: BlobExtent?
    ) -> Bool {
        var isShared = false
        var counter = latest[hash]
        while let current = counter {
            if self[current].replaced.location == location, !self[current].isDone {
                self[current].replaced = .nothing
                if let extent, self[current].extent?.blobID == extent.blobID {
                    self[current].sharesBlob = false
                    isShared = true
                }
            }
            counter = older(than: current)
        }
        return isShared
    }

    /// Removes finished entries from the front.
    mutating func removeDone() {
        while head < entries.count && entries[head].isDone {
            removeFirst()
        }
        shownCount.show(count)
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 1024 && head > entries.count / 2 {
            entries.removeFirst(head)
            head = 0
        }
    }

    private mutating func removeFirst() {
        let entry = entries[head]
        if entry.action != .barrier, latest[entry.hash] == headCounter {
            latest[entry.hash] = nil
        }
        entries[head].completion = .none
        head += 1
        headCounter += 1
    }
}
