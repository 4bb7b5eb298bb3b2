// SimulatedFile+PowerCut — what a power cut leaves of a file's unsynced writes.
//
// Each unsynced write is split into 512-byte sectors that are kept, lost or garbage one by one; a
// sector written several times may end in any of its versions. Bytes that were synced stay, unless
// an unsynced write meant to replace them, and a sector that holds such bytes is never garbage.
// (Synced zeros at or behind the start of an unsynced write in its sector do not count: they are
// the space that was laid out ahead of a log.) The length ends anywhere between the shortest and
// the longest that the unsynced changes pass through: ahead of the data, as zeros, or behind it.
//
// Why this is sound: the ranges of the log lie inside `logBytes`, and `UnsafeRawBufferPointer`
// checks the rest in a debug build.

/// What becomes of a file's unsynced changes.
enum DataFate {
    case lost
    case kept
    /// Names and lengths get through, bytes do not.
    case zeros
    /// What happened before the given moment is kept.
    case before(UInt64)
    /// All is kept but part of the last write.
    case tornLast
    case random
}

extension SimulatedFile {
    /// Decides what the disk holds after a power cut and reads it back.
    mutating func losePower(_ fate: DataFate, random: inout TestRandom) {
        if isClean { return }
        if !log.isEmpty { settle(fate, random: &random) }
        reboot()
    }

    private mutating func settle(_ fate: DataFate, random: inout TestRandom) {
        switch fate {
        case .lost: disk.zero(from: durableByteCount)
        case .kept: synchronize()
        case .zeros: keepLengthsOnly()
        case .before(let order): keep(log.prefix { $0.order < order }.count)
        case .tornLast: keepAllButLast(random: &random)
        case .random: keepAnything(random: &random)
        }
    }

    // MARK: By rule

    private mutating func keepLengthsOnly() {
        disk.zero(from: durableByteCount)
        durableByteCount = max(durableByteCount, byteCount)
    }

    /// Keeps the first `count` changes whole.
    private mutating func keep(_ count: Int) {
        disk.zero(from: durableByteCount)
        for entry in log.prefix(count) { apply(entry) }
        disk.zero(from: durableByteCount)
    }

    private mutating func apply(_ entry: PendingWrite) {
        switch entry.kind {
        case .extend: durableByteCount = max(durableByteCount, entry.offset)
        case .truncate:
            disk.zero(from: entry.offset)
            durableByteCount = entry.offset
        case .bytes, .zeros:
            put(entry, at: entry.offset, entry.byteCount)
            durableByteCount = max(durableByteCount, entry.end)
        }
    }

    /// Keeps all, and of the last write its first sectors or its last ones.
    private mutating func keepAllButLast(random: inout TestRandom) {
        guard let last = log.lastIndex(where: { $0.byteCount > 0 }) else { return synchronize() }
        keep(last)
        let entry = log[last]
        let sectors = Self.sectors(entry.offset, entry.byteCount)
        let border = sectors.lowerBound + random.below(UInt64(sectors.count))
        let keepsFirst = random.coin()
        for sector in sectors where (sector < border) == keepsFirst { put(entry, in: sector) }
        durableByteCount = max(durableByteCount, entry.end)
        for change in log[(last + 1)...] { apply(change) }
        disk.zero(from: durableByteCount)
    }

    /// Puts the part of a write that lies in `[offset, offset + byteCount)`.
    private mutating func put(_ entry: PendingWrite, at offset: UInt64, _ byteCount: Int) {
        if entry.kind == .zeros { return disk.zero(at: offset, byteCount) }
        let start = entry.start + Int(offset - entry.offset)
        unsafe logBytes.withUnsafeBytes { bytes in
            unsafe disk.write(
                UnsafeRawBufferPointer(rebasing: bytes[start..<start + byteCount]), at: offset)
        }
    }

    private mutating func put(_ entry: PendingWrite, in sector: UInt64) {
        let range = Self.range(of: entry, in: sector)
        put(entry, at: range.lowerBound, range.count)
    }

    /// The bytes of a sector that a write covers.
    private static func range(of entry: PendingWrite, in sector: UInt64) -> Range<UInt64> {
        let start = sector * UInt64(SimulatedPages.sectorByteCount)
        let end = start + UInt64(SimulatedPages.sectorByteCount)
        return max(start, entry.offset)..<min(end, entry.end)
    }

    // MARK: By dice

    private mutating func keepAnything(random: inout TestRandom) {
        let dice = SectorDice(entryCount: log.count, random: &random)
        let synced = disk
        let syncedByteCount = durableByteCount
        let cuts = log.reduce(0) { $0 + ($1.kind == .truncate ? 1 : 0) }
        let keptCuts = cuts == 0 ? 0 : random.below(cuts + 1)
        let lengths = keepSectors(dice, keptCuts: keptCuts, random: &random)
        if dice.hasGarbage {
            spoil(synced: synced, syncedByteCount: syncedByteCount, random: &random)
        }
        durableByteCount = chooseLength(in: lengths, random: &random)
        disk.zero(from: durableByteCount)
    }

    /// Applies what the dice keep; returns between which lengths the file may end.
    private mutating func keepSectors(
        _ dice: SectorDice, keptCuts: Int, random: inout TestRandom
    ) -> ClosedRange<UInt64> {
        disk.zero(from: durableByteCount)
        var lowest = durableByteCount
        var highest = durableByteCount
        var cuts = 0
        for index in log.indices {
            let entry = log[index]
            switch entry.kind {
            case .extend: highest = max(highest, entry.offset)
            case .truncate:
                cuts += 1
                if cuts > keptCuts { continue }
                disk.zero(from: entry.offset)
                lowest = entry.offset
                highest = entry.offset
            case .bytes, .zeros:
                keepSome(of: entry, index, dice, random: &random)
                highest = max(highest, entry.end)
            }
        }
        return lowest...highest
    }

    private mutating func keepSome(
        of entry: PendingWrite, _ index: Int, _ dice: SectorDice, random: inout TestRandom
    ) {
        if let whole = dice.decideWhole(index, random: &random) {
            if whole { put(entry, at: entry.offset, entry.byteCount) }
            return
        }
        let sectors = Self.sectors(entry.offset, entry.byteCount)
        var sector = sectors.lowerBound
        while sector < sectors.upperBound {
            let range = Self.range(of: entry, in: sector)
            if entry.kind == .zeros && disk.isUnwritten(at: range.lowerBound) {
                sector = Self.firstSectorOfNextPage(sector)
                continue
            }
            if dice.keeps(sector, of: index, random: &random) {
                put(entry, at: range.lowerBound, range.count)
            }
            sector += 1
        }
    }

    private static func firstSectorOfNextPage(_ sector: UInt64) -> UInt64 {
        let count = UInt64(SimulatedPages.pageByteCount / SimulatedPages.sectorByteCount)
        return (sector / count + 1) * count
    }

    /// Fills some sectors of unsynced writes with garbage.
    private mutating func spoil(
        synced: SimulatedPages, syncedByteCount: UInt64, random: inout TestRandom
    ) {
        for entry in log where entry.byteCount > 0 && !entry.mendsLie {
            let sectors = Self.sectors(entry.offset, entry.byteCount)
            let tries = 1 + min(sectors.count / 8, 8)
            for _ in 0..<tries where random.chance(1, in: 4) {
                let sector = sectors.lowerBound + random.below(UInt64(sectors.count))
                let range = Self.range(of: entry, in: sector)
                if Self.mayBeGarbage(sector, range, synced, syncedByteCount) {
                    fillWithGarbage(range, random: &random)
                }
            }
        }
    }

    private static func mayBeGarbage(
        _ sector: UInt64, _ range: Range<UInt64>, _ synced: SimulatedPages,
        _ syncedByteCount: UInt64
    ) -> Bool {
        let start = sector * UInt64(SimulatedPages.sectorByteCount)
        if start >= syncedByteCount { return true }
        return range.lowerBound == start && synced.isZero(at: start, SimulatedPages.sectorByteCount)
    }

    /// Noise, one byte over and over, or a stale sector of this file.
    private mutating func fillWithGarbage(_ range: Range<UInt64>, random: inout TestRandom) {
        var bytes: [UInt8]
        switch random.below(4) {
        case 0:
            bytes = [UInt8](repeating: UInt8(random.below(256)), count: range.count)
        case 1:
            let sector = random.below(range.lowerBound / 512 + 1)
            bytes = cache.bytes(at: sector * 512, range.count)
        default: bytes = random.bytes(range.count)
        }
        unsafe bytes.withUnsafeBytes { unsafe disk.write($0, at: range.lowerBound) }
    }

    /// The longest, the shortest, the end of one write, a border of sectors or pages, or any byte.
    private func chooseLength(
        in lengths: ClosedRange<UInt64>, random: inout TestRandom
    ) -> UInt64 {
        let spread = lengths.upperBound - lengths.lowerBound
        if spread == 0 { return lengths.lowerBound }
        let any = lengths.lowerBound + random.below(spread + 1)
        let chosen: UInt64
        switch random.below(8) {
        case 0...2: chosen = lengths.upperBound
        case 3: chosen = lengths.lowerBound
        case 4: chosen = log[random.below(log.count)].end
        case 5: chosen = any / 512 * 512
        case 6: chosen = any / 4096 * 4096
        default: chosen = any
        }
        return min(max(chosen, lengths.lowerBound), lengths.upperBound)
    }
}

/// How one file's sectors fare in one power cut.
private struct SectorDice {
    private enum Manner {
        /// Each sector of each write by itself, so many in eight.
        case sectors(Int)
        /// Each sector ends as it was at a moment of its own.
        case moments(UInt64)
        /// Each write whole, so many in eight.
        case writes(Int)
        /// Whole writes up to one, which tears; none behind it.
        case prefix(Int)
    }

    let hasGarbage: Bool
    private let entryCount: Int
    private let manner: Manner

    init(entryCount: Int, random: inout TestRandom) {
        self.entryCount = entryCount
        hasGarbage = random.chance(1, in: 3)
        switch random.below(8) {
        case 0, 1: manner = .sectors(4)
        case 2: manner = .sectors(random.coin() ? 1 : 7)
        case 3, 4: manner = .moments(random.next())
        case 5: manner = .writes(4)
        case 6: manner = .writes(8 * random.below(2))
        default: manner = .prefix(random.below(entryCount))
        }
    }

    /// Whether a write is kept as a whole; nil when its sectors differ.
    func decideWhole(_ index: Int, random: inout TestRandom) -> Bool? {
        switch manner {
        case .sectors, .moments: nil
        case .writes(let share): random.below(8) < share
        case .prefix(let torn): index == torn ? nil : index < torn
        }
    }

    func keeps(_ sector: UInt64, of index: Int, random: inout TestRandom) -> Bool {
        switch manner {
        case .sectors(let share): random.below(8) < share
        case .moments(let salt):
            index < Int(TestRandom.mix(salt ^ sector) % UInt64(entryCount + 1))
        case .writes, .prefix: random.coin()
        }
    }
}
