// SegmentRecovery — which of a segment's intact records belong to the log.
//
// Every record says how far behind it the synced part of its segment ended when it was appended; D,
// the greatest offset proven so, separates two kinds of damage. Below D it is rot of bytes that
// were durable: both sides are kept and the span is reported. At or above D it is the unsynced tail
// of a crash: the log ends there, and what stands behind is dropped even where it is intact, so
// that a suffix is lost and never a hole. A batch at or above D counts whole or not at all.
// Pure. Spec: Format.md, "Recovery".

internal import CairnFormat
internal import CairnSystem

/// What a segment contributes to the store.
struct RecoveredSegment {
    /// Given up once the index has them.
    var records: [ScannedRecord] = []
    /// Accepted records, the seal among them.
    var acceptedCount = 0
    var totals = SegmentTotals()
    /// Where the log ends in it.
    var logicalByteCount: UInt64 = UInt64(SegmentHeader.byteCount)
    /// Its seal is there and fits.
    var isSealed = false
    /// Damaged spans below D that may hide keys.
    var hidden: [HiddenSpan] = []
    /// Intact records behind the end of the log.
    var droppedCount = 0
}

/// A damaged span of bytes that were acknowledged, whose keys nobody knows.
package struct HiddenSpan: Equatable, Sendable, CustomStringConvertible {
    package let segmentID: UInt64
    package let offset: UInt64
    package let byteCount: UInt64
    /// Every record that stood there had a smaller sequence number.
    package let sequenceEnd: UInt64

    package var description: String {
        "segment \(SegmentFileName(segmentID)), \(counted(byteCount, "byte")) at \(offset)"
    }
}

enum SegmentRecovery {
    /// What of a scan of a data segment without a listed end belongs to the log. `isProven`: a
    /// later segment holds a record, so this one was durable to its seal.
    static func recover(
        _ scan: SegmentScan, segmentID: UInt64, isProven: Bool
    ) -> RecoveredSegment {
        let proven = isProven ? scan.endOffset : provenOffset(of: scan)
        var cut = scan.records.last?.endOffset ?? UInt64(SegmentHeader.byteCount)
        for span in scan.damage where span.upperBound > proven {
            cut = min(cut, max(span.lowerBound, proven))
        }
        for record in scan.records where !record.isPayloadIntact && record.offset >= proven {
            cut = min(cut, record.offset)
        }
        if PlantedBug.resynchronisedPastHole.isPlanted {
            cut = scan.records.last?.endOffset ?? cut
        }
        if let seal = scan.records.first(where: { $0.header.type == .seal && $0.isPayloadIntact }) {
            cut = min(cut, seal.endOffset)
        }
        cut = cutBatch(scan.records, at: cut, proven: proven)
        return accept(scan, upTo: cut, segmentID: segmentID, hiddenLimit: max(cut, proven))
    }

    /// What of a segment whose end stands in the manifest belongs to the log: everything intact.
    static func accept(
        _ scan: SegmentScan, upTo end: UInt64, segmentID: UInt64, hiddenLimit: UInt64
    ) -> RecoveredSegment {
        var result = RecoveredSegment()
        for record in scan.records {
            guard record.endOffset <= end else {
                result.droppedCount += 1
                continue
            }
            if record.header.type == .seal {
                result.isSealed = record.isPayloadIntact
            } else {
                result.totals.add(record.header, headerCRC: record.headerCRC)
            }
            result.records.append(record)
            result.acceptedCount += 1
            result.logicalByteCount = record.endOffset
        }
        result.hidden = hidden(scan, segmentID: segmentID, limit: hiddenLimit)
        return result
    }

    /// D: everything below it was durable.
    private static func provenOffset(of scan: SegmentScan) -> UInt64 {
        scan.records.reduce(UInt64(SegmentHeader.byteCount)) {
            max($0, $1.header.provenOffset(at: $1.offset))
        }
    }

    /// Cuts an incomplete batch at the end of the log from its first record.
    private static func cutBatch(
        _ records: [ScannedRecord], at cut: UInt64, proven: UInt64
    ) -> UInt64 {
        if PlantedBug.batchCutInside.isPlanted { return cut }
        var first: (batch: BatchMembership, offset: UInt64, count: UInt32)?
        var result = cut
        func close() {
            if let open = first, open.count < open.batch.count, open.offset >= proven {
                result = min(result, open.offset)
            }
            first = nil
        }
        for record in records where record.endOffset <= cut {
            guard let batch = record.batch else {
                close()
                continue
            }
            if first?.batch.batchID != batch.batchID {
                close()
                first = (batch, record.offset, 0)
            }
            first?.count += 1
        }
        close()
        return result
    }

    private static func hidden(
        _ scan: SegmentScan, segmentID: UInt64, limit: UInt64
    ) -> [HiddenSpan] {
        var spans = scan.damage
        if limit > scan.endOffset { spans.append(scan.endOffset..<limit) }
        return spans.filter { $0.lowerBound < limit }.map { span in
            let next = scan.records.first { $0.offset >= span.upperBound }
            return HiddenSpan(
                segmentID: segmentID, offset: span.lowerBound,
                byteCount: min(span.upperBound, limit) - span.lowerBound,
                sequenceEnd: next?.header.sequence ?? .max)
        }
    }
}
