// What compaction does to the log's state: shapes of segments, records that move or go, segments that go.
//
// Pure, under the log lock. A record moves when the index still finds it at its old place; what waiting
// writes know of it moves with it, and both segments' accounts. Spec: Engine.md, "Compaction".

internal import CairnFormat
internal import CairnSystem

/// A record that stands in an output as well.
struct MovedRecord {
    let hash: UInt64
    let old: Location
    let newOffset: UInt64
    let oldByteCount: UInt32
    /// Shorter when it left its batch.
    let newByteCount: UInt32
}

/// A record of a blob that expired: it stands in no output.
struct ExpiredRecord {
    let hash: UInt64
    let location: Location
    let byteCount: UInt32
    let extent: BlobExtent?
}

extension LogState {
    /// Lets the index find the record at its new place; false when it was overwritten or deleted
    /// since it was copied. Nothing may be stopped: who writes past the buffers keeps locations.
    mutating func move(_ record: MovedRecord, to ordinal: Int) -> Bool {
        guard let kind = record.old.kind else {
            preconditionFailure("a record that was copied has a kind")
        }
        let new = Location(
            segmentOrdinal: ordinal, offset: record.newOffset,
            recordByteCount: Int(record.newByteCount), kind: kind)
        guard replaceSlot(record.hash, expecting: record.old, with: new) else { return false }
        discount(Int(record.oldByteCount), of: record.old.segmentOrdinal)
        if !PlantedBug.accountsNotMoved.isPlanted {
            segments[ordinal].liveByteCount += UInt64(record.newByteCount)
        }
        if !pending.isEmpty, !PlantedBug.replacedNotMoved.isPlanted {
            pending.noteMoved(
                record.hash, from: record.old, to: new, byteCount: Int(record.newByteCount))
        }
        return true
    }

    private func replaceSlot(
        _ hash: UInt64, expecting old: Location, with new: Location
    ) -> Bool {
        if index.location(of: hash) == .overflow {
            return overflow.replace(hash, expecting: old, with: new)
        }
        if PlantedBug.slotMovedWithoutCompare.isPlanted {
            index.set(hash, to: new)
            return true
        }
        return index.replace(hash, expecting: old, with: new)
    }

    /// Takes a record that expired out of the index, and queues its chunks; false when it was overwritten
    /// or deleted since it was looked at. Nothing may be stopped, as in `move`.
    mutating func remove(_ record: ExpiredRecord) -> Bool {
        guard isThere(record.hash, record.location) else { return false }
        if index.location(of: record.hash) == .overflow {
            overflow.remove(record.hash, expecting: record.location)
        } else {
            index.remove(record.hash)
        }
        discount(Int(record.byteCount), of: record.location.segmentOrdinal)
        keyCount -= 1
        let isShared = pending.noteGone(record.hash, from: record.location, record.extent)
        if let extent = record.extent, !isShared { retire(extent) }
        return true
    }

    /// Whether the index still finds a record there.
    func isThere(_ hash: UInt64, _ place: Location) -> Bool {
        let location = index.location(of: hash)
        guard location == .overflow else { return location == place }
        return overflow.entries(of: hash).contains { $0.location == place }
    }

    // MARK: Segments

    /// What is known of a segment's hint and of its dead bytes that stay, when it has ended.
    mutating func noteEndedShape(of active: ActiveSegment) {
        let totals = active.flushedTotals
        segments[active.ordinal].hintByteCount = HintHeader.byteCountGuess(totals)
        segments[active.ordinal].expiries = ExpirySchedule(expiries)
        guard active.isSealed else { return }
        let header = RecordHeader.seal(
            storedByteCount: Seal(
                totals: totals, expiryBuckets: expiries.buckets, minKey: keyBounds.minimum,
                maxKey: keyBounds.maximum
            ).byteCount)
        segments[active.ordinal].keptByteCount = UInt64(header.recordByteCount)
    }

    /// Live bytes of a segment that have expired at this second, and those of their chunks.
    func expiredByteCount(of ordinal: Int, at second: UInt64) -> UInt64 {
        let segment = segments[ordinal]
        let isActive = active?.ordinal == ordinal
        let due = isActive ? expiries.due(at: second) : segment.expiries.due(at: second)
        var shape = SegmentShape(
            id: segment.id, logicalByteCount: isActive ? tail : segment.logicalByteCount,
            liveByteCount: segment.liveByteCount)
        shape.keptByteCount = segment.keptByteCount
        shape.noteExpired(due, replacedChunkByteCount: segment.replacedChunkByteCount)
        return shape.expiredByteCount + shape.expiredChunkByteCount
    }

    /// The segment's ordinal may be used again.
    mutating func forget(_ ordinal: Int) {
        segments[ordinal].isRetired = true
        freeOrdinals.append(ordinal)
    }
}

extension HintHeader {
    /// About how long a segment's hint will be.
    static func byteCountGuess(_ totals: SegmentTotals) -> UInt64 {
        UInt64(byteCount) + totals.recordCount * 40 + totals.keyByteTotal
    }
}

extension RecordHeader {
    /// The header of a seal with so long a payload; number and checksum are to be set.
    static func seal(storedByteCount: Int) -> RecordHeader {
        RecordHeader(
            sequence: 0, type: .seal, keyByteCount: 0, storedByteCount: storedByteCount,
            rawByteCount: storedByteCount)
    }
}
