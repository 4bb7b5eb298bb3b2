// SegmentStatistics — each segment in figures: what it holds, what of it is live, what its files take.
//
// Counts of one moment, as `statistics` gives them for the whole store. Any thread; one look at each
// file, outside of all locks.

package import CairnFormat
internal import CairnSystem

/// One segment of a store, in figures.
package struct SegmentStatistics: Equatable, Sendable {
    /// The segment.
    package let id: UInt64
    /// What it is at present.
    package let state: SegmentState
    /// What put its records there.
    package let kind: SegmentKind
    /// Records before the seal.
    package let recordCount: UInt64
    /// Where its accepted records end.
    package let logicalByteCount: UInt64
    /// Bytes of the records that the index holds.
    package let liveByteCount: UInt64
    /// Bytes of its hint; nil when there is none.
    package let hintByteCount: UInt64?

    /// Bytes of records that a compaction would not copy.
    package var deadByteCount: UInt64 {
        let records = logicalByteCount - min(UInt64(SegmentHeader.byteCount), logicalByteCount)
        return records - min(liveByteCount, records)
    }
}

extension Engine {
    /// All segments in order of their ids.
    package func segmentStatistics() throws(StoreError) -> [SegmentStatistics] {
        let entries = manifest.current.entries
        lock.lock()
        let segments = state.segments.map { $0 }
        let active = state.active?.ordinal
        let tail = state.tail
        lock.unlock()
        var result: [SegmentStatistics] = []
        for (ordinal, segment) in segments.enumerated() where !segment.isRetired {
            let entry = entries.first { $0.id == segment.id }
            result.append(
                SegmentStatistics(
                    id: segment.id, state: entry?.state ?? .open, kind: entry?.kind ?? .data,
                    recordCount: segment.recordCount,
                    logicalByteCount: ordinal == active ? tail : segment.logicalByteCount,
                    liveByteCount: segment.liveByteCount,
                    hintByteCount: try hintByteCount(of: segment.id)))
        }
        return result.sorted { $0.id < $1.id }
    }

    private func hintByteCount(of id: UInt64) throws(StoreError) -> UInt64? {
        let name = SegmentFileName(id, .hint).description
        do throws(FileError) {
            guard let file = try storage.open(name, in: .segments, writable: false) else {
                return nil
            }
            defer { storage.close(file) }
            return try storage.byteCount(of: file)
        } catch {
            throw StoreError(error, doing: "measuring \(name)")
        }
    }
}
