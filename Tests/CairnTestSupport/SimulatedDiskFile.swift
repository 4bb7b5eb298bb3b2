// SimulatedFile — one file of the simulated disk: what reads see and what the disk holds.
//
// `cache` and `byteCount` are what the running system sees, `disk` and `durableByteCount` what has
// been made durable. `log` lists, in order, what was written since; a power cut keeps any part of
// it (SimulatedDiskFile+PowerCut). After a failed sync some sectors are `lies`: clean, in the cache,
// not on the disk.
// Invariants: (1) outside the log's ranges and the lies, cache and disk agree below both lengths;
// (2) no lie lies in a range of the log; (3) pages beyond `byteCount` are zero in the cache.
// Not synchronized: the disk's lock guards it.
//
// Why this is sound: pointers come from `withUnsafe…` closures and do not leave them; each range of
// the log lies inside `logBytes` because both are appended together.

internal import Cairn

/// A change that is not durable yet.
struct PendingWrite: Sendable {
    enum Kind: UInt8 {
        /// The bytes stand in `logBytes` at `start`.
        case bytes
        /// A write of nothing but zeros, kept without its bytes.
        case zeros
        /// The file became at least `offset` long.
        case extend
        /// The file was cut to `offset`.
        case truncate
    }

    var kind: Kind
    var offset: UInt64
    var byteCount = 0
    var start = 0
    /// Whether it covers more than was written, to replace a lie.
    var mendsLie = false
    /// When it happened, among all changes of the disk.
    var order: UInt64

    var end: UInt64 { offset + UInt64(byteCount) }
}

/// A file's two contents and what lies between them.
struct SimulatedFile: Sendable {
    /// Its latest name, for messages and faults.
    var name: String
    var directory: StoreDirectory
    var cache = SimulatedPages()
    var disk = SimulatedPages()
    var byteCount: UInt64 = 0
    var durableByteCount: UInt64 = 0
    var log: [PendingWrite] = []
    var logBytes: [UInt8] = []
    /// Sector numbers.
    var lies: Set<UInt64> = []

    /// Names that reach it now, and open handles. Neither: its space is free.
    var nameCount = 0
    var handleCount = 0
    /// Space: pages from the file's start that are allocated, and single ones beyond.
    var reservedPageCount = 0
    var strayPages: Set<Int> = []

    init(name: String, directory: StoreDirectory) {
        self.name = name
        self.directory = directory
    }

    /// What an unused slot holds.
    static let free = SimulatedFile(name: "", directory: .root)

    var isFree: Bool { name.isEmpty }
    var isReachable: Bool { nameCount > 0 || handleCount > 0 }
    var isClean: Bool { log.isEmpty && lies.isEmpty }

    // MARK: Changes

    /// Writes `source` to the cache and logs it.
    mutating func write(_ source: UnsafeRawBufferPointer, at offset: UInt64, order: UInt64) {
        if unsafe source.isEmpty { return }
        let isZero = unsafe Self.isWorthNothing(source)
        if isZero {
            cache.zero(at: offset, source.count)
        } else {
            unsafe cache.write(source, at: offset)
        }
        byteCount = max(byteCount, offset + UInt64(source.count))
        if !lies.isEmpty { return logMendingLies(at: offset, source.count, order: order) }
        unsafe append(isZero ? .zeros : .bytes, source, at: offset, order: order)
    }

    /// Whether a write is zeros, and long enough for that to save anything.
    private static func isWorthNothing(_ source: UnsafeRawBufferPointer) -> Bool {
        if source.count < SimulatedPages.pageByteCount { return false }
        return unsafe SimulatedPages.isZero(source)
    }

    private mutating func append(
        _ kind: PendingWrite.Kind, _ source: UnsafeRawBufferPointer, at offset: UInt64,
        order: UInt64
    ) {
        let entry = PendingWrite(
            kind: kind, offset: offset, byteCount: source.count, start: logBytes.count,
            order: order)
        log.append(entry)
        if kind == .bytes { unsafe logBytes.append(contentsOf: source) }
    }

    /// Logs a write, and with it what else the cache has in its first and last sector where these
    /// were lies: a sector that was a lie is dirty again, all of it.
    private mutating func logMendingLies(at offset: UInt64, _ count: Int, order: UInt64) {
        let sectors = Self.sectors(offset, count)
        let size = UInt64(SimulatedPages.sectorByteCount)
        let mendsFirst = lies.contains(sectors.lowerBound)
        let mendsLast = lies.contains(sectors.upperBound - 1)
        for sector in sectors { lies.remove(sector) }
        let start = mendsFirst ? sectors.lowerBound * size : offset
        let end = mendsLast ? sectors.upperBound * size : offset + UInt64(count)
        let bytes = cache.bytes(at: start, Int(min(end, byteCount) - start))
        unsafe bytes.withUnsafeBytes { unsafe append(.bytes, $0, at: start, order: order) }
        log[log.count - 1].mendsLie = mendsFirst || mendsLast
    }

    /// Makes the sector that a cut at `offset` divides dirty if it was a lie.
    private mutating func mendLie(at offset: UInt64, order: UInt64) {
        let rest = offset % UInt64(SimulatedPages.sectorByteCount)
        if rest > 0 && lies.contains((offset - rest) / UInt64(SimulatedPages.sectorByteCount)) {
            logMendingLies(at: offset - rest, Int(rest), order: order)
        }
    }

    /// Cuts or lengthens the file.
    mutating func truncate(to newByteCount: UInt64, order: UInt64) {
        if newByteCount >= byteCount {
            log.append(PendingWrite(kind: .extend, offset: newByteCount, order: order))
        } else {
            mendLie(at: newByteCount, order: order)
            cache.zero(from: newByteCount)
            log.append(PendingWrite(kind: .truncate, offset: newByteCount, order: order))
            forgetLies(from: newByteCount)
        }
        byteCount = newByteCount
    }

    private mutating func forgetLies(from offset: UInt64) {
        if lies.isEmpty { return }
        lies = lies.filter { $0 * UInt64(SimulatedPages.sectorByteCount) < offset }
    }

    // MARK: Becoming durable

    /// Moves every logged change to the disk.
    mutating func synchronize() {
        if log.isEmpty { return }
        for entry in log { moveToDisk(entry) }
        durableByteCount = byteCount
        clearLog()
    }

    private mutating func moveToDisk(_ entry: PendingWrite) {
        switch entry.kind {
        case .extend: break
        case .truncate: disk.zero(from: entry.offset)
        case .bytes, .zeros: copyToDisk(at: entry.offset, entry.byteCount)
        }
    }

    /// Shares whole pages while cache and disk agree on everything else, else copies sectors.
    private mutating func copyToDisk(at offset: UInt64, _ count: Int) {
        if lies.isEmpty {
            let pageByteCount = UInt64(SimulatedPages.pageByteCount)
            let first = Int(offset / pageByteCount)
            let last = Int((offset + UInt64(count) - 1) / pageByteCount)
            for index in first...last { disk.share(index, of: cache) }
        } else {
            for sector in Self.sectors(offset, count) { copySectorToDisk(sector) }
        }
    }

    private mutating func copySectorToDisk(_ sector: UInt64) {
        let size = SimulatedPages.sectorByteCount
        disk.copy(cache, at: sector * UInt64(size), size)
    }

    /// A sync that fails: any part of the log reaches the disk, and the rest is clean from now on
    /// although the disk lacks it. The length reaches the disk too, or stays to be synced: a file
    /// system keeps a length it could not write, unlike data. A cut always reaches it.
    mutating func failToSynchronize(random: inout TestRandom) {
        guard let order = log.last?.order else { return }
        let lowestCut = log.lazy.filter { $0.kind == .truncate }.map(\.offset).min()
        if let lowestCut { disk.zero(from: lowestCut) }
        moveSomeSectors(random: &random, restIsLie: true)
        clearLog()
        if lowestCut != nil || random.coin() {
            durableByteCount = byteCount
        } else if byteCount > durableByteCount {
            log.append(PendingWrite(kind: .extend, offset: byteCount, order: order))
        }
    }

    /// Part of a sync that the end of power interrupts: the log stays.
    mutating func synchronizePartly(random: inout TestRandom) {
        moveSomeSectors(random: &random, restIsLie: false)
    }

    private mutating func moveSomeSectors(random: inout TestRandom, restIsLie: Bool) {
        let share = random.below(5)
        for entry in log where entry.kind == .bytes || entry.kind == .zeros {
            for sector in Self.sectors(entry.offset, entry.byteCount) {
                if random.below(4) < share {
                    copySectorToDisk(sector)
                    lies.remove(sector)
                } else if restIsLie {
                    lies.insert(sector)
                }
            }
        }
        if restIsLie { forgetLies(from: byteCount) }
    }

    /// Forgets clean pages: lies come to light. Unsynced bytes stay.
    mutating func dropCache() {
        if lies.isEmpty { return }
        let size = SimulatedPages.sectorByteCount
        for sector in lies { cache.copy(disk, at: sector * UInt64(size), size) }
        lies.removeAll()
    }

    /// Makes everything durable, whatever it is: for a test's own hand.
    mutating func settleFromOutside() {
        synchronize()
        disk = cache
        durableByteCount = byteCount
        lies.removeAll()
    }

    /// Changes bytes in the cache and on the disk.
    mutating func changeFromOutside(_ bytes: [UInt8], at offset: UInt64) {
        settleFromOutside()
        unsafe bytes.withUnsafeBytes { unsafe cache.write($0, at: offset) }
        byteCount = max(byteCount, offset + UInt64(bytes.count))
        disk = cache
        durableByteCount = byteCount
    }

    mutating func clearLog() {
        let keeps = logBytes.capacity <= 1 << 20
        log.removeAll(keepingCapacity: keeps)
        logBytes.removeAll(keepingCapacity: keeps)
    }

    /// The cache becomes the disk, as after a boot.
    mutating func reboot() {
        cache = disk
        byteCount = durableByteCount
        lies.removeAll()
        clearLog()
        let pages = Self.pageCount(byteCount)
        reservedPageCount = min(reservedPageCount, pages)
        if !strayPages.isEmpty { strayPages = strayPages.filter { $0 < pages } }
    }

    /// The sectors that `[offset, offset + byteCount)` touches.
    static func sectors(_ offset: UInt64, _ byteCount: Int) -> Range<UInt64> {
        let size = UInt64(SimulatedPages.sectorByteCount)
        return offset / size..<(offset + UInt64(byteCount) + size - 1) / size
    }

    static func pageCount(_ byteCount: UInt64) -> Int {
        Int(
            (byteCount + UInt64(SimulatedPages.pageByteCount) - 1)
                / UInt64(SimulatedPages.pageByteCount))
    }
}
