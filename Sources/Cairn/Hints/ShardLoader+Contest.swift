// ShardLoader+Contest — hashes of several rows whose newest may not be the only one that counts.
//
// Rare: two keys that share a hash. All rows of such a hash are collected once more, from hints that are
// read again; `KeyContest` decides, and its winners go to the overflow map. One thread.

internal import CairnFormat
internal import CairnSystem

extension ShardLoader {
    /// Decides what of the contested hashes' rows counts.
    mutating func settle(_ starts: [RowCursor]) throws(LoadFailure) {
        var groups: [UInt64: [LoadRow]] = [:]
        for hash in table.contested { groups[hash] = [] }
        for number in cursors.indices {
            try collect(starts[number], upTo: cursors[number].row, into: &groups)
        }
        for (hash, rows) in groups {
            let contest = KeyContest(rows: rows, context: context)
            let live: [KeyContest<S>.Winner]
            do {
                live = try contest.winners()
            } catch {
                throw .error(error)
            }
            settle(hash, live, rows[0])
        }
    }

    private mutating func settle(
        _ hash: UInt64, _ live: [KeyContest<S>.Winner], _ sample: LoadRow
    ) {
        if live.count == 1, let winner = live.first {
            return table.replace(hash, by: winner.row.location, winner.row.note, &outcome)
        }
        let special: Location = live.isEmpty ? sample.location.asTombstone : .overflow
        table.replace(hash, by: special, .none, &outcome)
        for winner in live {
            let (location, note) = (winner.row.location, winner.row.note)
            outcome.overflow.append(
                OverflowMap.Entry(hash: hash, key: winner.key, location: location))
            outcome.add(location, note)
            if location.isLarge {
                outcome.largeParts.append(LargePart(hash: hash, location, note))
            }
        }
    }

    /// Collects the rows from where `start` stood.
    private func collect(
        _ start: RowCursor, upTo end: Int, into groups: inout [UInt64: [LoadRow]]
    ) throws(LoadFailure) {
        switch context.sources[start.ordinal].rows {
        case .scanned(let rows): collect(start, upTo: end, rows.bytes.rawSpan, &groups)
        case .hint(let hint):
            let buffer = AlignedBuffer(byteCount: context.sources[start.ordinal].blockByteCount)
            var cursor = start
            while cursor.row < end {
                let block = cursor.row / hint.header.rowsPerBlock(.locations)
                guard hint.read(block..<block + 1, of: .locations, into: buffer, at: 0) else {
                    throw .doubt(ordinal: start.ordinal)
                }
                let rows = hint.header.rows(inBlock: block, of: .locations)
                cursor.place = (cursor.row - rows.lowerBound) * RowCursor.rowByteCount
                collect(cursor, upTo: min(end, rows.upperBound), buffer.bytes, &groups)
                cursor.row = rows.upperBound
            }
        }
    }

    private func collect(
        _ start: RowCursor, upTo end: Int, _ bytes: RawSpan, _ groups: inout [UInt64: [LoadRow]]
    ) {
        var cursor = start
        while cursor.row < end {
            if let row = cursor.next(bytes), groups[row.hash] != nil {
                groups[row.hash]?.append(row)
            }
            cursor.advance()
        }
    }
}

extension Location {
    /// A location that leaves no slot.
    fileprivate var asTombstone: Location {
        Location(rawValue: rawValue & ~7 | UInt64(Kind.tombstone.rawValue))
    }
}
