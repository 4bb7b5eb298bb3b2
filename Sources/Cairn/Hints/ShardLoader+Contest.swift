// ShardLoader+Contest — hashes of several rows whose newest may not be the only one that counts.
//
// Rare: two keys that share a hash. All rows of such a hash are collected once more from what is in
// memory, `KeyContest` decides, and its winners go to the overflow map. One thread.

internal import CairnSystem

extension ShardLoader {
    /// Decides what of the contested hashes' rows counts.
    mutating func settle(_ starts: [RowCursor]) throws(LoadFailure) {
        var groups: [UInt64: [LoadRow]] = [:]
        for hash in table.contested { groups[hash] = [] }
        for number in cursors.indices {
            collect(starts[number], upTo: cursors[number].row, into: &groups)
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
        if live.count == 1, let winner = live.first { return table.replace(hash, winner.row) }
        let kind: Location = live.isEmpty ? sample.location.asTombstone : .overflow
        table.replace(
            hash,
            LoadRow(
                hash: hash, sequence: 0, location: kind, lengthUnits: 0, numberAndFlag: 0))
        for winner in live {
            outcome.overflow.append(
                OverflowMap.Entry(hash: hash, key: winner.key, location: winner.row.location))
            outcome.add(winner.row)
        }
    }

    private func collect(
        _ start: RowCursor, upTo end: Int, into groups: inout [UInt64: [LoadRow]]
    ) {
        switch context.sources[start.ordinal].rows {
        case .hint:
            let buffer = buffer
            collect(start, upTo: end, buffer.bytes, &groups)
        case .scanned(let rows): collect(start, upTo: end, rows.bytes.rawSpan, &groups)
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
