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

/// Segments that are neighbours by their ids, summed up.
package struct SegmentGroup: Equatable, Sendable {
    /// The least id among them.
    package let firstID: UInt64
    /// How many they are.
    package var segmentCount = 0
    /// Bytes up to their logical ends.
    package var logicalByteCount: UInt64 = 0
    /// Bytes of the records that the index holds.
    package var liveByteCount: UInt64 = 0
}

extension Engine {
    /// All segments in order of their ids, in at most so many groups that differ by one segment in length.
    /// From memory alone.
    package func segmentGroups(atMost groupCountMaximum: Int) -> [SegmentGroup] {
        precondition(groupCountMaximum > 0, "segments are in some group")
        lock.lock()
        let active = state.active?.ordinal
        var segments: [SegmentGroup] = []
        segments.reserveCapacity(state.segments.count)
        for (ordinal, segment) in state.segments.enumerated() where !segment.isRetired {
            segments.append(
                SegmentGroup(
                    firstID: segment.id, segmentCount: 1,
                    logicalByteCount: ordinal == active ? state.tail : segment.logicalByteCount,
                    liveByteCount: segment.liveByteCount))
        }
        lock.unlock()
        segments.sort { $0.firstID < $1.firstID }
        let groupCount = min(groupCountMaximum, segments.count)
        return (0..<groupCount).map { number in
            let range =
                segments.count * number / groupCount..<segments.count * (number + 1) / groupCount
            return segments[range].dropFirst().reduce(into: segments[range.lowerBound]) {
                $0.segmentCount += 1
                $0.logicalByteCount += $1.logicalByteCount
                $0.liveByteCount += $1.liveByteCount
            }
        }
    }

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
