// LoadSource — where the rows of one segment come from while a store is opened.
//
// From its hint, or from memory when it had to be scanned: then the rows are in the same 28 bytes
// each, sorted the same way. Immutable; any thread.

internal import CairnFormat
internal import CairnSystem

/// The rows of a segment that was scanned.
struct ScannedRows: Sendable {
    /// Sorted by hash, 28 bytes each as in a hint.
    private(set) var bytes: [UInt8] = []
    /// By row; of chunks and composites.
    private(set) var blobIDs: [UInt64] = []

    var count: Int { blobIDs.count }

    /// The rows of a segment's accepted records.
    init(_ records: [ScannedRecord]) {
        var order = records.indices.filter { records[$0].header.keyByteCount > 0 }
        order.sort { records[$0].hash < records[$1].hash }
        bytes = [UInt8](repeating: 0, count: order.count * HintSection.locations.rowByteCount)
        blobIDs.reserveCapacity(order.count)
        bytes.withMutableRawSpan { bytes in
            for (row, number) in order.enumerated() {
                records[number].row.encodeLocation(
                    into: &bytes, at: row * HintSection.locations.rowByteCount)
            }
        }
        for number in order {
            let record = records[number]
            blobIDs.append(record.composite?.blobID ?? record.chunkKey?.blobID ?? 0)
        }
    }
}

extension ScannedRecord {
    fileprivate var row: HintRow {
        HintRow(
            hashFirst: hash, hashSecond: 0, sequence: header.sequence, offset: offset,
            recordByteCount: header.recordByteCount, type: header.type,
            flags: header.flags.contains(.sharesHash) ? .sharesHash : HintRowFlags(rawValue: 0),
            keyByteCount: header.keyByteCount)
    }
}

/// The rows of one segment.
struct LoadSource<S: Storage>: Sendable {
    enum Rows: Sendable {
        case hint(HintOnDisk<S>)
        case scanned(ScannedRows)
    }

    /// Where the segment's accepted records end.
    let logicalByteCount: UInt64
    let rows: Rows

    var rowCount: Int {
        switch rows {
        case .hint(let hint): hint.header.rowCount
        case .scanned(let rows): rows.count
        }
    }

    /// Bytes of its longest block of rows; none of rows in memory.
    var blockByteCount: Int {
        guard case .hint(let hint) = rows else { return 0 }
        return hint.byteCount(of: 0..<min(1, hint.header.blockCount(.locations)), .locations)
    }

    /// Bytes to read while loading.
    var byteCount: Int { rowCount * HintSection.locations.rowByteCount }
}
