// LiveKeys — the key of every blob, in the order in which their records lie on disk.
//
// Reads the fronts of all records and asks the index which of them count, so each key comes exactly
// once and no key is kept in memory but those of a piece. For exports; costs a pass over the log. Records
// that the store takes meanwhile may be missed; beside a writer the files that were opened with the store
// are read, also those that it has removed by now. Any thread. Spec: Engine.md, "Opening".

internal import CairnFormat
internal import CairnSystem

extension Engine {
    /// Calls `body` with every key that begins with `prefix` until it answers false.
    package func forEachLiveKey(
        prefix: [UInt8] = [], _ body: ([UInt8]) -> Bool
    ) throws(StoreError) {
        lock.lock()
        let segments = state.segments.enumerated().filter { !$0.element.isRetired }
        lock.unlock()
        for (ordinal, segment) in segments.sorted(by: { $0.element.id < $1.element.id }) {
            var offset = UInt64(SegmentHeader.byteCount)
            while offset < segment.logicalByteCount {
                let found = try keys(of: segment, at: ordinal, from: &offset, prefix)
                for item in found
                where holds(item.key.rawSpan, segmentID: segment.id, offset: item.offset) {
                    guard body(item.key) else { return }
                }
            }
        }
    }

    /// The keys of a piece of a segment, which ends where `offset` is left.
    private func keys(
        of segment: SegmentInfo, at ordinal: Int, from offset: inout UInt64, _ prefix: [UInt8]
    ) throws(StoreError) -> [(key: [UInt8], offset: UInt64)] {
        let start = offset
        do throws(FileError) {
            let piece = try segmentFiles.withFile(of: ordinal) { (file) throws(FileError) in
                guard handles.holds(segment.id, at: ordinal) else {
                    let name = SegmentFileName(segment.id).description
                    throw FileError(
                        .open, path: "\(storage.location)/segments/\(name)", code: 2)
                }
                return try keys(of: segment, in: file, from: start, prefix)
            }
            offset = piece.end
            return piece.keys
        } catch {
            throw unreadable(error, segment.id, offset: nil)
        }
    }

    private func keys(
        of segment: SegmentInfo, in file: FileHandle, from start: UInt64, _ prefix: [UInt8]
    ) throws(FileError) -> (keys: [(key: [UInt8], offset: UInt64)], end: UInt64) {
        var walk = SegmentWalk(
            storage: storage, file: file, limit: segment.logicalByteCount,
            seed: SegmentSeed(salt: segment.salt, segmentID: segment.id),
            step: tuning.scanByteCount, verifiesPayloads: false, from: start)
        var keys: [(key: [UInt8], offset: UInt64)] = []
        while walk.offset < start + UInt64(tuning.scanByteCount), let step = try walk.next() {
            guard case .record(let record) = step,
                record.header.type == .put || record.header.type == .composite
            else { continue }
            let key = try walk.key(of: record)
            if key.starts(with: prefix) { keys.append((key, record.offset)) }
        }
        return (keys, walk.offset)
    }
}
