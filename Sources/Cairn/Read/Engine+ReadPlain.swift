// The read that most reads are: one small record in a file, intact, at the first look.
//
// One probe of the index, one pread into this thread's own buffer, both checksums, and the decompression.
// Whatever is not as it mostly is (still in memory, large, with metadata, damaged, moved, not there) is nil
// here and left to `read`, which decides from the start. So nothing is decided twice, and no failure here.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

/// A whole value, verified: part of one of a scratch's buffers.
struct PlainValue {
    let sequence: UInt64
    let isDecoded: Bool
    let range: Range<Int>
}

extension ReadScratch {
    /// Where a plain value stands.
    @inline(__always)
    func buffer(of value: PlainValue) -> AlignedBuffer { value.isDecoded ? decoded : front }
}

extension Engine {
    /// Reads a whole blob to a buffer of `scratch`. Nil says nothing about the blob.
    @inline(__always)
    func readPlain(_ key: RawSpan, _ scratch: ReadScratch) -> PlainValue? {
        guard !key.isEmpty, hiddenSpans.isEmpty, !hasFailed.load(ordering: .acquiring) else {
            return nil
        }
        let token = readers.enter()
        defer { readers.leave(token) }
        let location = index.location(of: hash(key))
        let bound = location.byteCountBound
        guard location.isRecord, bound <= scratch.front.byteCount,
            let count = readFront(location, bound, scratch.front)
        else { return nil }
        let front = scratch.front
        let plain = PlainRecord(
            verifying: front.bytes(0..<count), key: key,
            seed: SegmentSeed(crc: handles.seed(of: location.segmentOrdinal)),
            offset: location.offset)
        guard let plain else { return nil }
        return plain.isCompressed
            ? Self.decompress(plain, scratch)
            : PlainValue(sequence: plain.sequence, isDecoded: false, range: plain.payloadRange)
    }

    @inline(never)
    private static func decompress(
        _ record: PlainRecord, _ scratch: ReadScratch
    ) -> PlainValue? {
        let (front, decoded) = (scratch.front, scratch.decodedBuffer(record.rawByteCount))
        let range = 0..<record.rawByteCount
        var target = decoded.mutableBytes(range)
        guard LZ4.decompress(front.bytes(record.payloadRange), into: &target) == range.count else {
            return nil
        }
        return PlainValue(sequence: record.sequence, isDecoded: true, range: range)
    }

    /// Nil when the record is not in its file, the file not open, or the disk refuses to read.
    @inline(__always)
    private func readFront(
        _ location: Location, _ byteCount: Int, _ buffer: AlignedBuffer
    ) -> Int? {
        let ordinal = location.segmentOrdinal
        let flushed = handles.flushedOffset(of: ordinal)
        guard location.offset < flushed else { return nil }
        let handle = handles.wantedHandle(of: ordinal)
        guard handle >= 0 else { return nil }
        let count = min(byteCount, Int(truncatingIfNeeded: flushed &- location.offset))
        var target = buffer.mutableBytes(0..<count)
        do {
            return try storage.read(
                FileHandle(rawValue: handle), into: &target, at: location.offset)
        } catch {
            // `read` tries again, and tells.
            return nil
        }
    }
}
