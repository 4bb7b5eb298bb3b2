// LiveKeys — the key of every blob, in the order in which their records lie on disk.
//
// Reads the fronts of all records and asks the index which of them count, so each key comes exactly
// once and no key is kept in memory. For exports; costs a pass over the log. Records that the store
// takes meanwhile may be missed. Any thread. Spec: Engine.md, "Index".

internal import CairnFormat
internal import CairnSystem

extension Engine {
    /// Calls `body` with every key that begins with `prefix` until it answers false.
    package func forEachLiveKey(
        prefix: [UInt8] = [], _ body: ([UInt8]) -> Bool
    ) throws(StoreError) {
        lock.lock()
        let segments = state.segments.filter { !$0.isRetired }
        lock.unlock()
        for segment in segments.sorted(by: { $0.id < $1.id }) {
            do throws(FileError) {
                guard try forEachLiveKey(of: segment, prefix, body) else { return }
            } catch {
                throw StoreError(
                    error, doing: "reading segment \(SegmentFileName(segment.id))")
            }
        }
    }

    /// False when `body` wants no more.
    private func forEachLiveKey(
        of segment: SegmentInfo, _ prefix: [UInt8], _ body: ([UInt8]) -> Bool
    ) throws(FileError) -> Bool {
        let name = SegmentFileName(segment.id).description
        guard let file = try storage.open(name, in: .segments, writable: false) else {
            throw FileError(.open, path: "\(storage.location)/segments/\(name)", code: 2)
        }
        defer { storage.close(file) }
        var walk = SegmentWalk(
            storage: storage, file: file, limit: segment.logicalByteCount,
            seed: SegmentSeed(salt: segment.salt, segmentID: segment.id),
            step: tuning.scanByteCount, verifiesPayloads: false)
        while let step = try walk.next() {
            guard case .record(let record) = step,
                record.header.type == .put || record.header.type == .composite
            else { continue }
            let key = try walk.key(of: record)
            guard key.starts(with: prefix),
                holds(key.rawSpan, segmentID: segment.id, offset: record.offset)
            else { continue }
            guard body(key) else { return false }
        }
        return true
    }
}
