// ExpirySurvey — what expires when, summed up from the hints while a store is opened.
//
// Only hints with a column of expiries are read, a block of it at a time beside the lengths of the same
// rows; a store in which nothing expires costs nothing. Dead records count too, as in a seal. Of a
// composite that the index holds its chunks count as well. One thread, after the index is loaded.

internal import CairnFormat
internal import CairnSystem

struct ExpirySurvey<S: Storage> {
    private let context: LoadContext<S>
    /// Bytes of the chunks in the index, by blob.
    private var chunkByteCounts: [UInt64: UInt64] = [:]
    /// By ordinal and row, of the composites in the index.
    private var blobIDs: [Int: [Int: UInt64]] = [:]

    init(_ context: LoadContext<S>, _ parts: [LargePart]) {
        self.context = context
        guard context.sources.contains(where: { $0.expiringHint != nil }) else { return }
        for part in parts {
            if part.isChunk {
                chunkByteCounts[part.blobID, default: 0] += UInt64(part.byteCount)
            } else {
                blobIDs[part.ordinal, default: [:]][part.row] = part.blobID
            }
        }
    }

    /// By ordinal.
    func run() throws(LoadFailure) -> [Int: ExpiryTally] {
        var tallies: [Int: ExpiryTally] = [:]
        for (ordinal, source) in context.sources.enumerated() {
            guard let hint = source.expiringHint else { continue }
            var tally = ExpiryTally()
            for block in 0..<hint.header.blockCount(.expiries) {
                guard add(block, of: hint, ordinal, to: &tally) else {
                    throw .doubt(ordinal: ordinal)
                }
            }
            tallies[ordinal] = tally
        }
        return tallies
    }

    /// False when the hint is unusable.
    private func add(
        _ block: Int, of hint: HintOnDisk<S>, _ ordinal: Int, to tally: inout ExpiryTally
    ) -> Bool {
        let rows = hint.header.rows(inBlock: block, of: .expiries)
        let perBlock = hint.header.rowsPerBlock(.locations)
        let located = rows.lowerBound / perBlock..<(rows.upperBound - 1) / perBlock + 1
        let start = hint.byteCount(of: block..<block + 1, .expiries)
        let buffer = AlignedBuffer(byteCount: start + hint.byteCount(of: located, .locations))
        guard hint.read(block..<block + 1, of: .expiries, into: buffer, at: 0),
            hint.read(located, of: .locations, into: buffer, at: start)
        else { return false }
        let first = located.lowerBound * perBlock
        let bytes = buffer.bytes
        for row in rows {
            let expiry = bytes.loadUInt64(at: (row - rows.lowerBound) * 8)
            if expiry == 0 { continue }
            // Behind each block stands a checksum of four bytes.
            let before = (row - first) * RowCursor.rowByteCount + (row - first) / perBlock * 4
            let units = bytes.loadUInt32(at: start + before + 20)
            let blobID = blobIDs[ordinal]?[row]
            tally.add(
                expiry, byteCount: Int(units) * 8,
                chunkByteCount: blobID.flatMap { chunkByteCounts[$0] } ?? 0)
        }
        return true
    }
}

extension LoadSource {
    /// The hint, if it says that records expire.
    fileprivate var expiringHint: HintOnDisk<S>? {
        guard case .hint(let hint) = rows, hint.header.hasColumn(.expiries) else { return nil }
        return hint
    }
}
