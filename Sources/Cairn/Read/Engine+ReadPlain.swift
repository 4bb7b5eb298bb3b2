// The read that most reads are: one small record in a file, intact, at the first look.
//
// One probe of the index, one pread into this thread's own buffer, both checksums. Whatever is not
// as it mostly is (still in memory, large, compressed, damaged, moved, not there) is nil here and
// left to `read`, which decides from the start. So nothing is decided twice, and no failure here.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// Reads a whole blob to the front of `scratch.front`. Nil says nothing about the blob.
    @inline(__always)
    func readPlain(_ key: RawSpan, _ scratch: ReadScratch) -> PlainRecord? {
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
        return PlainRecord(
            verifying: front.bytes(0..<count), key: key,
            seed: SegmentSeed(crc: handles.seed(of: location.segmentOrdinal)),
            offset: location.offset)
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
