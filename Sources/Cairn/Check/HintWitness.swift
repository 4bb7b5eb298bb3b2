// HintWitness — what a hint says of a segment: whether it can be believed, and whose records stood
// where its segment is damaged.
//
// Believed only when it is bound to exactly the segment that MANIFEST describes; of one with a
// damaged block, what the other blocks say. Holds the whole file; one segment's at a time.

internal import CairnFormat
internal import CairnSystem

struct HintWitness {
    /// A record that the hint knows.
    struct Record {
        let row: HintRow
        /// Nil: a chunk, or the key could not be read.
        let key: [UInt8]?
    }

    private let bytes: [UInt8]
    private let binding: HintBinding

    /// Reads a hint's file, perhaps past the page cache; nil when there is none.
    init?<S: Storage>(
        of entry: SegmentEntry, uuid: StoreUUID, _ storage: S, isUncached: Bool = false
    ) throws(FileError) {
        let name = SegmentFileName(entry.id, .hint).description
        let read =
            isUncached
            ? try storage.uncachedContents(of: name, in: .segments)
            : try storage.contents(of: name, in: .segments, byteCountMaximum: Int(UInt32.max))
        guard let bytes = read else { return nil }
        self.bytes = bytes
        binding = HintBinding(entry, uuid: uuid)
    }

    var byteCount: UInt64 { UInt64(bytes.count) }

    /// What is wrong with it; nil when nothing is. The quick form reads every block's checksum, the
    /// deep one every row and key.
    func complaint(isDeep: Bool) -> FormatError? {
        do throws(FormatError) {
            let hint = try Hint(decoding: bytes.rawSpan)
            try hint.header.check(binding: binding)
            if isDeep { try hint.checkAll() } else { try hint.checkBlocks() }
            return nil
        } catch {
            return error
        }
    }

    /// Its counts; nil when it cannot be believed.
    var header: HintHeader? {
        guard let hint = try? Hint(decoding: bytes.rawSpan),
            (try? hint.header.check(binding: binding)) != nil
        else { return nil }
        return hint.header
    }

    /// The records that stood in any of these spans, in order of their offsets.
    func records(in spans: [Range<UInt64>]) -> [Record] {
        let records = records { row in
            let range = row.offset..<row.offset + UInt64(row.recordByteCount)
            return spans.contains { $0.overlaps(range) }
        }
        return records ?? []
    }

    /// The composites of these blobs; nil when the hint cannot be believed.
    func composites(ofBlobs ids: Set<UInt64>) -> [Record]? {
        records { $0.type == .composite && ids.contains($0.blobID) }
    }

    private func records(_ isWanted: (HintRow) -> Bool) -> [Record]? {
        guard let hint = try? Hint(decoding: bytes.rawSpan),
            (try? hint.header.check(binding: binding)) != nil
        else { return nil }
        var rows: [Int: HintRow] = [:]
        for number in 0..<hint.header.rowCount {
            guard let row = try? hint.row(number), isWanted(row) else { continue }
            rows[number] = row
        }
        var keys: [Int: [UInt8]] = [:]
        let start: [UInt8] = []
        try? hint.forEachKey(from: start.rawSpan) { key, number in
            if rows[number] != nil { keys[number] = key.copyBytes() }
            return keys.count < rows.count
        }
        return rows.map { Record(row: $0.value, key: keys[$0.key]) }
            .sorted { $0.row.offset < $1.row.offset }
    }

    /// The rows of one hash; nil when the hint cannot be believed.
    func rows(_ hash: Hash128) -> [HintRow]? {
        guard let hint = try? Hint(decoding: bytes.rawSpan),
            (try? hint.header.check(binding: binding)) != nil
        else { return nil }
        return try? hint.rows(hashFirst: hash.first, hashSecond: hash.second)
    }
}
