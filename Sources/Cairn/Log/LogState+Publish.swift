// Publishing: appended records become what readers find.
//
// Records of one key are published in log order, or the older is marked superseded: an
// acknowledged interval or os write overtakes a synced one of the same key that still waits.

internal import CairnFormat
internal import CairnSystem

extension LogState {
    /// Publishes and completes what the disk now holds: entries that asked for *os* up to
    /// `flushedOffset`, the others up to `syncedOffset`.
    mutating func settle(into completed: inout [Completed]) {
        for counter in pending.counters {
            // First: one that was given up may end behind what is written, unlike those after it.
            if pending[counter].isDone { continue }
            let endOffset = pending[counter].endOffset
            if endOffset > flushedOffset { break }
            guard endOffset <= syncedOffset || pending[counter].durability != .synced else {
                continue
            }
            publish(counter)
            completed.append(
                Completed(
                    completion: pending[counter].completion, outcome: pending[counter].outcome))
        }
        pending.removeDone()
    }

    /// Makes a pending record visible.
    private mutating func publish(_ counter: PendingQueue.Counter) {
        pending[counter].isDone = true
        let entry = pending[counter]
        if PlantedBug.chunksOfOldSegmentUnsynced.isPlanted, entry.action == .chunk {
            plantedChunk = entry.location
        }
        if entry.action == .barrier || entry.action == .chunk { return }
        if entry.isSuperseded {
            if let extent = entry.extent, !entry.sharesBlob { retire(extent) }
            return
        }
        supersedeOlder(than: counter)
        let current = pending[counter]
        publish(
            current.action, index.probe(current.hash), hash: current.hash, key: current.key.rawSpan,
            location: current.location, byteCount: current.byteCount, replaced: current.replaced,
            extent: current.extent)
        if entry.endOffset > syncedOffset { unsyncedHashes.append(entry.hash) }
    }

    /// Marks older pending records of the same key: they will never be visible.
    private mutating func supersedeOlder(than counter: PendingQueue.Counter) {
        if PlantedBug.supersededPublishedLate.isPlanted { return }
        var older = pending.older(than: counter)
        while let current = older {
            if !pending[current].isVoid && pending[current].key == pending[counter].key {
                if !pending[current].isDone && !pending[current].isSuperseded {
                    pending[counter].replaced = pending[current].replaced
                }
                pending[current].isSuperseded = true
            }
            older = pending.older(than: current)
        }
    }

    /// Publishes a record that was acknowledged when it was appended.
    @inline(__always)
    mutating func publishAtOnce(
        _ action: PendingEntry.Action, _ probe: Index.Probe, hash: UInt64, key: RawSpan,
        location: Location, byteCount: Int, replaced: Replaced, extent: BlobExtent?
    ) {
        var replaced = replaced
        var older = pending.isEmpty ? nil : pending.youngest(of: hash)
        while let current = older {
            if !pending[current].isVoid && pending[current].key.rawSpan.isEqual(to: key) {
                if !pending[current].isDone && !pending[current].isSuperseded {
                    replaced = pending[current].replaced
                }
                pending[current].isSuperseded = true
            }
            older = pending.older(than: current)
        }
        publish(
            action, probe, hash: hash, key: key, location: location, byteCount: byteCount,
            replaced: replaced, extent: extent)
        unsyncedHashes.append(hash)
        // A record that went past the buffers is in its file already.
        if flushedOffset < tail { holdsAcknowledged = true }
    }

    /// The index and the accounts after a record took its place.
    @inline(__always)
    private mutating func publish(
        _ action: PendingEntry.Action, _ probe: Index.Probe, hash: UInt64, key: RawSpan,
        location: Location, byteCount: Int, replaced: Replaced, extent: BlobExtent?
    ) {
        if action == .delete {
            removeSlot(hash, key: key)
            keyCount -= replaced.isSomething ? 1 : 0
        } else {
            setSlot(probe, hash, key: key, to: location)
            keyCount += replaced.isSomething ? 0 : 1
            segments[location.segmentOrdinal].liveByteCount += UInt64(byteCount)
        }
        guard replaced.isSomething else { return }
        discount(replaced)
        if let old = replaced.extent {
            segments[replaced.location.segmentOrdinal].replacedChunkByteCount +=
                old.chunkCount * UInt64(tuning.chunkByteCount)
        }
        if let old = replaced.extent, old.blobID != extent?.blobID { retire(old) }
    }

    /// Takes a replaced record off its segment's account. The size of a record whose header is
    /// damaged is an upper bound, so the account cannot be taken below zero.
    mutating func discount(_ replaced: Replaced) {
        discount(replaced.byteCount, of: replaced.location.segmentOrdinal)
    }

    mutating func discount(_ byteCount: Int, of ordinal: Int) {
        let live = segments[ordinal].liveByteCount
        segments[ordinal].liveByteCount = live - min(live, UInt64(byteCount))
    }

    @inline(__always)
    mutating func setSlot(
        _ probe: Index.Probe, _ hash: UInt64, key: RawSpan, to location: Location
    ) {
        if probe.location == .overflow {
            overflow.set(hash, key: key, to: location)
        } else {
            index.set(probe, to: location)
        }
    }

    mutating func removeSlot(_ hash: UInt64, key: RawSpan) {
        if index.location(of: hash) == .overflow {
            overflow.remove(hash, key: key)
        } else {
            index.remove(hash)
        }
    }

    /// Moves the only key of a hash to the overflow map, before another key joins it.
    mutating func startOverflow(_ hash: UInt64, otherKey: RawSpan, at location: Location) {
        overflow.set(hash, key: otherKey, to: location)
        index.set(hash, to: .overflow)
    }

    /// Chunk records are found through their composite record only, so they are published as
    /// soon as they are appended.
    mutating func publishChunk(_ hash: UInt64, key: RawSpan, location: Location, byteCount: Int) {
        setSlot(index.probe(hash), hash, key: key, to: location)
        segments[location.segmentOrdinal].liveByteCount += UInt64(byteCount)
    }

    /// Takes a chunk out, if it still is where it was seen; false when it has moved.
    @discardableResult
    mutating func removeChunk(
        _ hash: UInt64, key: RawSpan, at location: Location, byteCount: Int
    ) -> Bool {
        var present = index.location(of: hash)
        if present == .overflow { present = overflow.location(of: hash, key: key) ?? .empty }
        guard present == location else { return present == .empty }
        removeSlot(hash, key: key)
        discount(byteCount, of: location.segmentOrdinal)
        return true
    }

    /// Queues the removal of a replaced blob's chunks.
    mutating func retire(_ extent: BlobExtent) { deadChunks.add(extent) }
}
