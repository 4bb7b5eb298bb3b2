// Appending: a record's bytes into the current buffer, its place, number and checksum.
//
// A record gets its offset and its number together, so both grow in the order of appends; what the
// totals count is what was encoded. The caller has checked `room`, and encodes every place that it
// takes. Called with the log lock held, by any writer. Spec: Engine.md, "The write path".

internal import CairnFormat
internal import CairnSystem

/// The parts of a record that are ready before its place in the log is known.
/// `sequence` and `durableLag` of `header` are filled in by the append.
struct RecordParts: ~Escapable {
    var header: RecordHeader
    let key: RawSpan
    let metadata: RawSpan
    /// The stored payload, in two pieces of which either may be empty.
    let payloadHead: RawSpan
    let payloadTail: RawSpan

    @_lifetime(copy key, copy metadata, copy payloadHead, copy payloadTail)
    init(
        header: RecordHeader, key: RawSpan, metadata: RawSpan, payloadHead: RawSpan,
        payloadTail: RawSpan
    ) {
        self.header = header
        self.key = key
        self.metadata = metadata
        self.payloadHead = payloadHead
        self.payloadTail = payloadTail
    }
}

/// Where a record went.
struct Placement {
    var offset: UInt64
    let sequence: UInt64
    let byteCount: Int
    let segmentOrdinal: Int

    var endOffset: UInt64 { offset + UInt64(byteCount) }
}

/// What must happen before a record can be appended.
enum Room {
    case ready
    /// The current buffer is full.
    case buffer
    /// There is no active segment, it is full, or it ended.
    case segment
    /// The sequence lease is used up.
    case sequence
}

extension LogState {
    /// Whether `byteCount` bytes in `recordCount` records can be appended to the buffer now.
    @inline(__always)
    func room(for byteCount: Int, recordCount: Int = 1) -> Room {
        if nextSequence + UInt64(recordCount) > leaseEnd { return .sequence }
        guard segmentHasRoom(for: byteCount, recordCount: recordCount) else { return .segment }
        return tail < bufferEnd && fill + byteCount <= buffer.byteCount ? .ready : .buffer
    }

    /// The same for a writer that may not wait: until the full buffer is written it goes on behind what will be,
    /// as long as that is carried over at little cost. Somebody is asked to write it.
    func promptRoom(for byteCount: Int) -> Room {
        let room = room(for: byteCount)
        guard room == .buffer, fill + byteCount <= buffer.byteCount,
            mayCarry(from: straddler?.offset ?? tail, to: tail + UInt64(byteCount))
        else { return room }
        return .ready
    }

    /// Whether the buffer reaches the end of what is written of it.
    var isBufferFull: Bool { fill > 0 && tail >= bufferEnd }

    /// Whether the active segment may take that much more.
    @inline(__always)
    func segmentHasRoom(for byteCount: Int, recordCount: Int) -> Bool {
        guard point.isOpen else { return false }
        if point.totals.recordCount == 0 { return true }
        return tail + UInt64(byteCount) <= point.byteCountTarget
            && point.totals.recordCount + UInt64(recordCount) <= tuning.segmentRecordCountMaximum
    }

    /// Appends a record to the current buffer. The caller has checked `room`.
    @inline(__always)
    mutating func append(
        _ parts: borrowing RecordParts, sharesHash: Bool = false
    ) -> Placement {
        let byteCount = parts.header.recordByteCount
        if tail + UInt64(byteCount) > bufferEnd, straddler == nil { straddler = mark }
        let placement = place(byteCount: byteCount)
        let buffer = self.buffer
        var target = buffer.mutableBytes(fill..<fill + byteCount)
        encode(parts, at: placement, sharesHash: sharesHash, into: &target)
        fill += byteCount
        return placement
    }

    /// The place and number of the next record.
    @inline(__always)
    mutating func place(byteCount: Int) -> Placement {
        precondition(point.isOpen, "a record is appended to an active segment")
        return Placement(
            offset: tail, sequence: takeSequence(), byteCount: byteCount,
            segmentOrdinal: point.ordinal)
    }

    /// Writes a record into `target`, which begins at its header; the payload too.
    @inline(__always)
    mutating func encode(
        _ parts: borrowing RecordParts, at placement: Placement, sharesHash: Bool = false,
        into target: inout MutableRawSpan
    ) {
        let prefixByteCount = encodePrefix(
            parts, at: placement, sharesHash: sharesHash, into: &target)
        target.copy(from: parts.payloadHead, to: prefixByteCount)
        target.copy(from: parts.payloadTail, to: prefixByteCount + parts.payloadHead.byteCount)
        let end = prefixByteCount + parts.header.storedByteCount
        for padding in end..<placement.byteCount { target.store(UInt8(0), at: padding) }
    }

    /// Writes header, key and metadata into `target`, with their checksum, and counts the record.
    /// Returns how many bytes that took.
    @inline(__always)
    mutating func encodePrefix(
        _ parts: borrowing RecordParts, at placement: Placement, sharesHash: Bool,
        into target: inout MutableRawSpan
    ) -> Int {
        var header = parts.header
        if sharesHash { header.markSharedHash() }
        header.sequence = placement.sequence
        header.durableLag = RecordHeader.durableLag(
            at: placement.offset, durableOffset: syncedOffset)
        header.encode(into: &target, at: 0)
        target.copy(from: parts.key, to: RecordHeader.byteCount)
        target.copy(
            from: parts.metadata, to: RecordHeader.byteCount + header.keyByteCount)
        sealPrefix(of: header, key: parts.key, at: placement.offset, in: &target)
        return header.prefixByteCount
    }

    /// Adds the header checksum to an encoded prefix and counts the record.
    @inline(__always)
    mutating func sealPrefix(
        of header: RecordHeader, key: RawSpan, at offset: UInt64, in target: inout MutableRawSpan
    ) {
        let crc = RecordHeader.writeHeaderCRC(
            into: &target, prefixByteCount: header.prefixByteCount, seed: point.seed,
            offset: offset)
        point.totals.add(header, headerCRC: crc)
        keyBounds.include(key, of: header.type)
        recordsSinceMark += 1
    }
}

extension RecordHeader {
    /// Says that another key of the same hash has a blob, or may have.
    mutating func markSharedHash() {
        flags = RecordFlags(rawValue: flags.rawValue | RecordFlags.sharesHash.rawValue)
    }
}
