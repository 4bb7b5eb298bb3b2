// ShardTable — the newest row of each hash of a shard, put where the index will look for it.
//
// The rows go straight into the table that the index gets when the shard is complete; beside each slot
// stands what else loading needs of its row. Rows come sorted from every segment and part by part, so
// that the piece of the table that they fall into stays in the processor's cache. Tombstones are in it
// like everything else, so that the order of segments does not matter; a table that had some, or turned
// out too large, is copied before it is published. It doubles when it is full. One thread.

internal import CairnSystem

/// What loading needs of a row whose hash and location are in the table.
struct LoadNote: BitwiseCopyable {
    let sequence: UInt64
    /// Of the record, in units of eight bytes.
    let lengthUnits: UInt32
    /// Number of the row, and whether its hash may be shared.
    let numberAndFlag: UInt32

    var sharesHash: Bool { numberAndFlag & 1 != 0 }
    var number: Int { Int(numberAndFlag >> 1) }
    var byteCount: Int { Int(lengthUnits) * 8 }

    static let none = LoadNote(sequence: 0, lengthUnits: 0, numberAndFlag: 0)
}

struct ShardTable {
    private let index: Index
    private let partShape: IndexShape
    /// Of the present shard.
    private var begun: RawTable?
    private var usedCount = 0
    private var usedLimit = 0
    /// Slots whose row is a tombstone.
    private var tombstoneCount = 0
    /// Slots whose row is a chunk or a composite.
    private var largeCount = 0
    /// By position; of filled slots.
    private var notes: [LoadNote] = []
    /// Hashes of several rows of which the newest may not be the only one that counts.
    private(set) var contested: [UInt64] = []

    init(_ index: Index, partShape: IndexShape) {
        self.index = index
        self.partShape = partShape
    }

    private var table: RawTable {
        guard let begun else { preconditionFailure("a shard begins before its rows are taken") }
        return begun
    }

    /// Begins with a shard of about so many rows. It ends with `publish` or `drop`.
    mutating func begin(rowCount: Int) {
        precondition(begun == nil, "one shard ends before the next one begins")
        (usedCount, tombstoneCount, largeCount) = (0, 0, 0)
        use(index.makeTable(keyCount: rowCount))
    }

    private mutating func use(_ table: RawTable) {
        begun = table
        usedLimit = index.shape.usedCountMaximum(capacity: table.capacity)
        if notes.count < table.capacity {
            notes = [LoadNote](repeating: .none, count: table.capacity)
        }
    }

    /// How many rows ahead slots are asked for.
    private static var prefetchDistance: Int { 8 }

    mutating func beginPart() { contested.removeAll(keepingCapacity: true) }

    // MARK: Rows

    private enum Run {
        case complete
        case outOfOrder
        case full
    }

    /// Takes up the rows of `part` that are in memory; false when one is impossible or out of order.
    mutating func take(
        _ cursor: inout RowCursor, _ bytes: RawSpan, of part: Int, _ outcome: inout LoadOutcome
    ) -> Bool {
        while true {
            switch takeRun(&cursor, bytes, of: part, &outcome) {
            case .complete: return true
            case .outOfOrder: return false
            case .full: grow()
            }
        }
    }

    private mutating func takeRun(
        _ cursor: inout RowCursor, _ bytes: RawSpan, of part: Int, _ outcome: inout LoadOutcome
    ) -> Run {
        let (shape, partShape, table) = (index.shape, partShape, table)
        // Puts of new hashes are summed up here; all else is rare or slow anyhow.
        var (putCount, putUnits): (UInt64, UInt64) = (0, 0)
        defer {
            outcome.keyCount &+= putCount
            outcome.liveByteCounts[cursor.ordinal] &+= putUnits &* 8
        }
        while !cursor.isAtEnd {
            let rowPart = partShape.shard(of: cursor.hash(bytes))
            if rowPart != part { return rowPart > part ? .complete : .outOfOrder }
            if let later = cursor.hash(ahead: Self.prefetchDistance, bytes) {
                table.prefetch(table.position(ofBits: shape.bits(of: later)))
            }
            guard let row = cursor.next(bytes) else { return .outOfOrder }
            let start = table.position(ofBits: shape.bits(of: row.hash))
            let found = table.find(row.hash, from: start)
            if found.location == .empty {
                if usedCount == usedLimit { return .full }
                usedCount &+= 1
                table.insert(row.hash, row.location, at: found.position)
                notes[found.position] = row.note
                if row.location.isPut {
                    putCount &+= 1
                    putUnits &+= UInt64(row.note.lengthUnits)
                } else {
                    count(row.location, row.note, &outcome)
                }
            } else {
                meet(row, at: found.position, &outcome)
            }
            cursor.advance()
        }
        return .complete
    }

    /// Another row of a hash that has one.
    @inline(never)
    private mutating func meet(
        _ row: LoadRow, at position: Int, _ outcome: inout LoadOutcome
    ) {
        if row.note.sequence > notes[position].sequence {
            replace(at: position, by: row.location, row.note, &outcome)
        }
        if notes[position].sharesHash { contested.append(row.hash) }
    }

    /// Replaces what a hash has: by a row, or a special location with an empty note.
    mutating func replace(
        _ hash: UInt64, by location: Location, _ note: LoadNote, _ outcome: inout LoadOutcome
    ) {
        let start = table.position(ofBits: index.shape.bits(of: hash))
        let found = table.find(hash, from: start)
        precondition(found.location != .empty, "a hash that is replaced is in the table")
        replace(at: found.position, by: location, note, &outcome)
    }

    private mutating func replace(
        at position: Int, by location: Location, _ note: LoadNote, _ outcome: inout LoadOutcome
    ) {
        discount(table.location(at: position), notes[position], &outcome)
        table.update(location, at: position)
        notes[position] = note
        count(location, note, &outcome)
    }

    @inline(never)
    private mutating func count(
        _ location: Location, _ note: LoadNote, _ outcome: inout LoadOutcome
    ) {
        if location.isTombstone { tombstoneCount += 1 }
        if location.isLarge { largeCount += 1 }
        outcome.add(location, note)
    }

    private mutating func discount(
        _ location: Location, _ note: LoadNote, _ outcome: inout LoadOutcome
    ) {
        if location.isTombstone { tombstoneCount -= 1 }
        if location.isLarge { largeCount -= 1 }
        outcome.subtract(location, note)
    }

    // MARK: Size

    /// More rows than expected: hashes are not spread evenly.
    private mutating func grow() {
        let (old, oldNotes, shape) = (table, notes, index.shape)
        notes = []
        use(index.makeTable(keyCount: old.capacity * 3 / 2))
        for position in 0..<old.capacity {
            let location = old.location(at: position)
            if location == .empty { continue }
            let hash = old.hash(at: position)
            let start = table.position(ofBits: shape.bits(of: hash))
            let place = table.find(hash, from: start).position
            table.insert(hash, location, at: place)
            notes[place] = oldNotes[position]
        }
        index.drop(old)
    }

    /// Gives the table to the index; returns how many keys it has.
    mutating func publish(as shard: Int, _ outcome: inout LoadOutcome) -> Int {
        if largeCount > 0 { noteLargeParts(&outcome) }
        let keyCount = usedCount - tombstoneCount
        let exact = Index.loadedCapacity(keyCount: keyCount)
        if tombstoneCount > 0 || table.capacity - exact > exact / 16 { compact(keyCount) }
        if keyCount > 0 {
            index.publish(table, keyCount: keyCount, of: shard)
            begun = nil
        } else {
            drop()
            index.publishNothing(of: shard)
        }
        return keyCount
    }

    /// Gives up a shard that is not complete.
    mutating func drop() {
        if let begun { index.drop(begun) }
        begun = nil
    }

    /// Copies what is no tombstone to a table of the right size.
    private mutating func compact(_ keyCount: Int) {
        let (old, new, shape) = (table, index.makeTable(keyCount: keyCount), index.shape)
        for position in 0..<old.capacity {
            let location = old.location(at: position)
            if location == .empty || location.isTombstone { continue }
            let hash = old.hash(at: position)
            let start = new.position(ofBits: shape.bits(of: hash))
            new.insert(hash, location, at: new.find(hash, from: start).position)
        }
        index.drop(old)
        begun = new
    }

    private func noteLargeParts(_ outcome: inout LoadOutcome) {
        for position in 0..<table.capacity {
            let location = table.location(at: position)
            if !location.isLarge { continue }
            outcome.largeParts.append(
                LargePart(hash: table.hash(at: position), location, notes[position]))
        }
    }
}

extension Location {
    var isTombstone: Bool { isRecord && rawValue & 7 == UInt64(Kind.tombstone.rawValue) }
    var isPut: Bool { isRecord && rawValue & 7 == UInt64(Kind.put.rawValue) }
    /// Of a chunk or a composite record.
    var isLarge: Bool { isRecord && (rawValue & 7 | 1) == UInt64(Kind.chunk.rawValue) }
}
