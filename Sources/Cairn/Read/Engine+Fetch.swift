// Fetching: bytes of a record from its file or from the log's buffer, verified.
//
// Called inside a `Readers` section: the segment's file stays open until the section is left.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

/// What fetching a record's front found.
enum Fetched {
    /// The header and key are intact and the key is the one that was asked for.
    case found(RecordHeader)
    /// An intact record of another key.
    case other(RecordHeader)
    /// The bytes do not hold an intact record.
    case damaged(FormatError)
}

extension Engine {
    /// Reads the front of the record at `location`: at least header, key and metadata, and as
    /// much of the payload as `wanted` allows. `scratch.record` then holds `count` bytes of it.
    func fetchFront(
        _ location: Location, key: RawSpan, wanted: Int, _ scratch: ReadScratch,
        count: inout Int
    ) throws(StoreError) -> Fetched {
        let bound = location.byteCountBound
        let first = min(bound, max(wanted, RecordHeader.byteCount + key.byteCount))
        count = try fetch(location, from: 0, byteCount: first, scratch)
        var record = scratch.record
        let header: RecordHeader
        do {
            header = try RecordHeader(decoding: record.bytes(0..<count))
        } catch {
            return .damaged(error)
        }
        guard header.recordByteCount <= bound else {
            return .damaged(FormatError(.invalidField("length"), in: .record, at: 0))
        }
        if count < header.prefixByteCount {
            count += try fetch(
                location, from: count, byteCount: header.prefixByteCount - count, scratch)
            record = scratch.record
        }
        let isIntact =
            PlantedBug.headerChecksumIgnored.isPlanted
            || RecordHeader.verifyHeaderCRC(
                record: record.bytes(0..<count), prefixByteCount: header.prefixByteCount,
                seed: SegmentSeed(crc: handles.seed(of: location.segmentOrdinal)),
                offset: location.offset)
        guard isIntact else {
            return .damaged(FormatError(.checksumMismatch, in: .record, at: 4))
        }
        let isSame =
            PlantedBug.keyNotCompared.isPlanted
            || (header.keyByteCount == key.byteCount
                && record.bytes(header.keyRange).isEqual(to: key))
        return isSame ? .found(header) : .other(header)
    }

    /// Reads `byteCount` bytes of the record from `start` on, to the same place in
    /// `scratch.record`. Fewer at the end of the file. One retry after an error.
    func fetch(
        _ location: Location, from start: Int, byteCount: Int, _ scratch: ReadScratch
    ) throws(StoreError) -> Int {
        try fetch(
            location, from: start, byteCount: byteCount, to: start,
            of: scratch.recordBuffer(start + byteCount), scratch)
    }

    /// Reads `byteCount` bytes of the record from `start` on, to `position` of a buffer.
    func fetch(
        _ location: Location, from start: Int, byteCount: Int, to position: Int,
        of buffer: AlignedBuffer, _ scratch: ReadScratch
    ) throws(StoreError) -> Int {
        let ordinal = location.segmentOrdinal
        if location.offset >= handles.flushedOffset(of: ordinal),
            let count = copyFromLog(
                location, from: start, byteCount: byteCount, to: position, of: buffer)
        {
            return count
        }
        let flushed = handles.flushedOffset(of: ordinal)
        let offset = location.offset + UInt64(start)
        let available = Int(min(UInt64(byteCount), flushed - min(offset, flushed)))
        var target = buffer.mutableBytes(position..<position + available)
        if !scratch.mayWait { return try fetchCached(ordinal, into: &target, at: offset, scratch) }
        do {
            return try storage.read(segmentFiles.file(of: ordinal), into: &target, at: offset)
        } catch {
            do {
                return try storage.read(segmentFiles.file(of: ordinal), into: &target, at: offset)
            } catch {
                throw unreadable(error, handles.segmentID(of: ordinal), offset: offset)
            }
        }
    }

    /// A disk that fails is left to a read that may wait: it tries again, and tells.
    private func fetchCached(
        _ ordinal: Int, into target: inout MutableRawSpan, at offset: UInt64, _ scratch: ReadScratch
    ) throws(StoreError) -> Int {
        let count: Int?
        do {
            count = try storage.readIfCached(
                segmentFiles.file(of: ordinal), into: &target, at: offset)
        } catch {
            count = nil
        }
        // Less than there is in the file is no answer either.
        if let count, count == target.byteCount { return count }
        scratch.hasMissed = true
        throw StoreError(.inputOutput, "the bytes are not in memory")
    }

    /// Why a segment's bytes cannot be had. Beside a writer its file may have been closed for others,
    /// and removed since.
    func unreadable(_ error: FileError, _ segmentID: UInt64, offset: UInt64?) -> StoreError {
        let name = SegmentFileName(segmentID).description
        if error.isMissing, options.access == .readOnly {
            return StoreError(
                .inUse,
                "segment \(name) was removed by the writer of the store since it was opened for "
                    + "reading: open it again", segmentID: segmentID, errno: error.code)
        }
        return StoreError(
            .inputOutput, "reading segment \(name): \(error)", segmentID: segmentID,
            offset: offset, errno: error.code)
    }

    /// Copies from the log's buffers; nil when the record went to its file meanwhile.
    private func copyFromLog(
        _ location: Location, from start: Int, byteCount: Int, to position: Int,
        of target: AlignedBuffer
    ) -> Int? {
        lock.lock()
        defer { lock.unlock() }
        return state.copyUnflushed(
            location, from: start, byteCount: byteCount, to: position, of: target)
    }
}

extension LogState {
    /// Copies bytes of a record that is still in memory. Nil: it is not.
    func copyUnflushed(
        _ location: Location, from start: Int, byteCount: Int, to place: Int,
        of target: AlignedBuffer
    ) -> Int? {
        guard let active, active.ordinal == location.segmentOrdinal,
            location.offset >= flushedOffset
        else { return nil }
        let offset = location.offset + UInt64(start)
        let (buffer, base, end): (AlignedBuffer, UInt64, UInt64)
        if let flushing, location.offset < flushing.end.offset {
            (buffer, base, end) = (
                flushing.buffer, flushing.offset, flushing.end.offset
            )
        } else {
            (buffer, base, end) = (self.buffer, bufferBase, tail)
        }
        guard location.offset >= base, location.offset < end else { return nil }
        let count = Int(min(UInt64(byteCount), end - min(offset, end)))
        let position = Int(offset - base)
        let source = buffer
        target.copy(from: source.bytes(position..<position + count), to: place)
        return count
    }
}
