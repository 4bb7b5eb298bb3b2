// KeyContest — which records of one hash count, when more than one key may have it.
//
// A record without the flag `sharesHash` was the only one of its hash when it was written: every older
// one was overwritten or deleted before, whatever its key. So nothing is read where the newest record
// carries no flag, and that is everywhere but for one pair of keys in billions of billions. Among
// flagged ones the keys decide, read from the segments: two keys are never confused. A record that
// is damaged there counts as the newest one's key, as it does for a write.

internal import CairnFormat
internal import CairnSystem

struct KeyContest<S: Storage> {
    struct Winner {
        let row: LoadRow
        let key: [UInt8]
    }

    let rows: [LoadRow]
    let context: LoadContext<S>

    /// The newest put, composite or chunk of each key that has one.
    func winners() throws(StoreError) -> [Winner] {
        let newestFirst = rows.sorted { $0.sequence > $1.sequence }
        let end = newestFirst.firstIndex { !$0.sharesHash } ?? newestFirst.count - 1
        if end == 0 {
            let row = newestFirst[0]
            return row.isTombstone ? [] : [Winner(row: row, key: [])]
        }
        var newest: [Winner] = []
        for row in newestFirst[...end] {
            let key = try key(of: row) ?? newest.first?.key ?? []
            if PlantedBug.keyNotCompared.isPlanted, !newest.isEmpty { continue }
            if newest.contains(where: { $0.key == key }) { continue }
            newest.append(Winner(row: row, key: key))
        }
        return newest.filter { !$0.row.isTombstone }
    }

    /// Nil for a damaged record.
    private func key(of row: LoadRow) throws(StoreError) -> [UInt8]? {
        let ordinal = row.location.segmentOrdinal
        do {
            // Meanwhile another loader may close files to open one for itself.
            return try context.files.withFile(of: ordinal) { (file) throws(FileError) in
                try readKey(row, file, ordinal)
            }
        } catch {
            throw StoreError(
                .inputOutput, "reading a record again while opening: \(error)",
                segmentID: context.handles.segmentID(of: ordinal), offset: row.location.offset)
        }
    }

    private func readKey(
        _ row: LoadRow, _ file: FileHandle, _ ordinal: Int
    ) throws(FileError) -> [UInt8]? {
        var wanted = 256
        while true {
            // The padding of the last record may not be in the file.
            var bytes = [UInt8](repeating: 0, count: min(wanted, row.byteCount))
            var span = bytes.mutableRawSpan
            let count = try context.storage.read(file, into: &span, at: row.location.offset)
            bytes.removeLast(bytes.count - count)
            guard let header = try? RecordHeader(decoding: bytes.rawSpan),
                header.prefixByteCount <= row.byteCount
            else { return nil }
            if header.prefixByteCount > count {
                guard wanted < header.prefixByteCount else { return nil }
                wanted = header.prefixByteCount
                continue
            }
            guard
                RecordHeader.verifyHeaderCRC(
                    record: bytes.rawSpan, prefixByteCount: header.prefixByteCount,
                    seed: SegmentSeed(crc: context.handles.seed(of: ordinal)),
                    offset: row.location.offset)
            else { return nil }
            return Array(bytes[header.keyRange])
        }
    }
}
