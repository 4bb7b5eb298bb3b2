// Tombstones — the deletes of a compaction's inputs, and the proof that one is needed no more.
//
// A put that expired, and is destroyed, is one as well: it hides older puts of its key, and where it must
// stay it stays as a delete of the same number. A delete may go when no listed segment but the inputs accepts an older put of its key (rule R20): the
// inputs' own older puts are dead and go with it. The proof asks the hints of all other ended segments
// whose numbers reach far enough back, hash by hash; a hint that is missing or in doubt *may contain*
// one, and so may a record of another key with the same 64 bits of hash. Segments that are still
// open hold only newer numbers. Of several deletes of one key the newest serves for all.
// One thread. Spec: Engine.md, "Compaction".

internal import CairnFormat
internal import CairnSystem

/// A delete of an input, or what would be left of a put that expired.
struct Tombstone {
    /// Of the key, as hints know it.
    let hash: UInt64
    /// Of a delete.
    let header: RecordHeader
    let metadata: RecordMetadata
    var wasPut = false
    /// Header, key and metadata stand from here on in `Tombstones.bytes`.
    let start: Int
    /// It may hide an older put.
    var mustStay = false
}

struct Tombstones {
    private(set) var items: [Tombstone] = []
    private var bytes: [UInt8] = []

    var count: Int { items.count }

    /// How many deletes, or puts that expired, stay or go.
    func count(ofPuts wasPut: Bool, staying mustStay: Bool) -> Int {
        items.count { $0.wasPut == wasPut && $0.mustStay == mustStay }
    }

    /// Takes up a delete; `front` is its header, key and metadata.
    mutating func add(
        _ header: RecordHeader, _ metadata: RecordMetadata, front: RawSpan, hash: UInt64
    ) {
        items.append(
            Tombstone(hash: hash, header: header, metadata: metadata, start: bytes.count))
        bytes.append(copying: front)
    }

    /// Takes up a put that expired; `front` is its header, key and metadata.
    mutating func add(expired put: RecordHeader, front: RawSpan, hash: UInt64) {
        // The flag goes by number, so it says of the delete what it said of the put.
        let flags = put.flags.contains(.sharesHash) ? RecordFlags.sharesHash : .none
        let header = RecordHeader(
            sequence: put.sequence, type: .delete, flags: flags, keyByteCount: put.keyByteCount)
        items.append(
            Tombstone(
                hash: hash, header: header, metadata: RecordMetadata(), wasPut: true,
                start: bytes.count))
        bytes.append(copying: front.extracting(0..<header.prefixByteCount))
    }

    @_lifetime(borrow self)
    func front(of item: Tombstone) -> RawSpan {
        bytes.rawSpan.extracting(item.start..<item.start + item.header.prefixByteCount)
    }

    private func hasSameKey(_ left: Tombstone, _ right: Tombstone) -> Bool {
        front(of: left).extracting(left.header.keyRange).isEqual(
            to: front(of: right).extracting(right.header.keyRange))
    }

    /// Sorts by hash, newest first, and leaves the newest of each key. Returns how many went.
    mutating func sort() -> Int {
        items.sort { ($0.hash, $1.header.sequence) < ($1.hash, $0.header.sequence) }
        var newest: [Tombstone] = []
        var runStart = 0
        for item in items {
            if newest.last?.hash != item.hash { runStart = newest.count }
            if newest[runStart...].contains(where: { hasSameKey($0, item) }) { continue }
            newest.append(item)
        }
        defer { items = newest }
        return items.count - newest.count
    }

    /// The greatest number of any.
    var maxSequence: UInt64 { items.reduce(0) { max($0, $1.header.sequence) } }

    mutating func keep(_ place: Int) {
        if items[place].wasPut, PlantedBug.expiredDroppedUnproven.isPlanted { return }
        items[place].mustStay = true
    }
}

/// Looks for older puts in one segment's hint after another.
struct TombstoneProof<S: Storage> {
    private let storage: S
    private let files: SegmentFiles<S>
    private let identity: StoreIdentity
    /// Segments that are still to be asked.
    private var entries: [SegmentEntry]
    private var lookup: HintLookup<S>?
    private var place = 0

    /// A proof by those of these segments that have numbers below the greatest delete's.
    init(
        of tombstones: Tombstones, by entries: [SegmentEntry], identity: StoreIdentity, storage: S,
        files: SegmentFiles<S>
    ) {
        let end = tombstones.maxSequence
        self.entries = entries.filter { $0.recordCount > 0 && $0.minSequence < end }
        self.identity = identity
        self.storage = storage
        self.files = files
    }

    /// Asks for some deletes; false when all segments were asked for all.
    mutating func step(_ tombstones: inout Tombstones, count: Int) -> Bool {
        guard let entry = entries.last else { return false }
        if place == 0 {
            let uuid = identity.uuid(ofSegment: entry.id)
            lookup = HintLookup(entry, uuid: uuid, storage: storage, files: files)
        }
        let end = min(place + max(count, 1), tombstones.count)
        while place < end {
            let item = tombstones.items[place]
            if !item.mustStay, mayHoldOlderPut(of: item, entry) { tombstones.keep(place) }
            place += 1
        }
        guard place == tombstones.count else { return true }
        finish()
        return !entries.isEmpty
    }

    private mutating func mayHoldOlderPut(of item: Tombstone, _ entry: SegmentEntry) -> Bool {
        guard entry.minSequence < item.header.sequence else { return false }
        // Missing or in doubt: it may.
        return lookup?.holdsPut(hash: item.hash, olderThan: item.header.sequence)
            ?? !PlantedBug.missingHintHoldsNothing.isPlanted
    }

    /// This segment was asked for all.
    private mutating func finish() {
        lookup?.close()
        lookup = nil
        entries.removeLast()
        place = 0
    }

    mutating func close() {
        lookup?.close()
        lookup = nil
    }
}

/// Binary search in the table of a hint on disk, block by block, each verified.
struct HintLookup<S: Storage> {
    private let hint: HintOnDisk<S>
    private let seed: HintSeed
    private let buffer: AlignedBuffer
    /// The block that is in the buffer.
    private var loaded: Int?
    /// First hashes of blocks that were read before.
    private var firstHashes: [Int: UInt64] = [:]

    /// Nil when the segment has no valid hint.
    init?(_ entry: SegmentEntry, uuid: StoreUUID, storage: S, files: SegmentFiles<S>) {
        guard let file = HintOnDisk.open(entry, storage, files),
            let hint = HintOnDisk(
                file, entry, uuid: uuid, storage: storage, files: files, staysOpen: true)
        else { return nil }
        self.hint = hint
        seed = hint.header.binding.seed
        buffer = AlignedBuffer(byteCount: hint.header.blockByteCount)
    }

    func close() { hint.close() }

    /// Whether a put of this hash stands there with a smaller number; nil when a block is damaged.
    mutating func holdsPut(hash: UInt64, olderThan sequence: UInt64) -> Bool? {
        let blockCount = hint.header.blockCount(.locations)
        // The last block whose first hash is below: the first row of the hash is in it or begins
        // the next one.
        var (low, high) = (0, blockCount)
        while low < high {
            let middle = low + (high - low) / 2
            guard let first = firstHash(of: middle) else { return nil }
            if first < hash { low = middle + 1 } else { high = middle }
        }
        for block in max(low - 1, 0)..<blockCount {
            guard load(block), let (isFound, isPast) = search(block, hash, sequence) else {
                return nil
            }
            if isFound { return true }
            if isPast { return false }
        }
        return false
    }

    private func search(
        _ number: Int, _ hash: UInt64, _ sequence: UInt64
    ) -> (isFound: Bool, isPast: Bool)? {
        let buffer = buffer
        guard let block = table(number, buffer) else { return nil }
        var row = block.lowerBound(hashFirst: hash)
        while row < block.rows.upperBound, block.hashFirst(row) == hash {
            switch block.type(row) {
            case .put, .composite: if block.sequence(row) < sequence { return (true, true) }
            case .delete, .chunk: break
            case .mark, .seal, nil: return nil
            }
            row += 1
        }
        return (false, row < block.rows.upperBound)
    }

    private mutating func firstHash(of number: Int) -> UInt64? {
        if let known = firstHashes[number] { return known }
        guard load(number) else { return nil }
        let buffer = buffer
        guard let block = table(number, buffer), !block.rows.isEmpty else { return nil }
        let first = block.hashFirst(block.rows.lowerBound)
        firstHashes[number] = first
        return first
    }

    /// Reads a block and checks it.
    private mutating func load(_ number: Int) -> Bool {
        if loaded == number { return true }
        loaded = nil
        guard hint.read(number..<number + 1, of: .locations, into: buffer, at: 0) else {
            return false
        }
        loaded = number
        return true
    }

    @_lifetime(borrow buffer)
    private func table(_ number: Int, _ buffer: AlignedBuffer) -> HintTableBlock? {
        let byteCount = hint.byteCount(of: number..<number + 1, .locations)
        return try? HintTableBlock(
            decoding: buffer.bytes(0..<byteCount), index: number, of: .locations,
            header: hint.header, seed: seed, isVerified: true)
    }
}
