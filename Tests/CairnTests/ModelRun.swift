// ModelRun — random operations on a store and on a dictionary, which must agree.
//
// Every write is answered before the next begins, so the dictionary is exact at any time: values,
// metadata, versions, ranges, streams, conditions, counts. Now and then the store is opened again.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

struct ModelRun<S: Storage> {
    struct Entry: Equatable {
        var bytes: [UInt8]
        var metadata: [UInt8]
        var version: Version
        var expiry: WallTime?
    }

    let storage: () -> S
    /// A copy of the store, as it is then, without hints.
    var unhinted: (() -> S)?
    let tuning: Tuning
    var random: TestRandom
    var engine: Engine<S>
    var model: [[UInt8]: Entry] = [:]
    let keys: [[UInt8]]
    private var lastVersion = Version(sequence: 0)
    private let syncedShare: Int
    /// Lets the storage's clock go on; without it nothing expires while the run goes on.
    var advance: ((_ seconds: UInt64) -> Void)?

    /// A run on the store that `storage` gives, which may be opened several times. `syncedShare`
    /// of a hundred writes wait for a sync.
    init(
        _ random: TestRandom, _ tuning: Tuning, keyCount: Int, syncedShare: Int,
        storage: @escaping () -> S
    ) throws {
        self.random = random
        self.tuning = tuning
        self.storage = storage
        self.syncedShare = syncedShare
        engine = try Engine.open(storage(), tuning: tuning)
        keys = (0..<keyCount).map { number in
            number == 0 ? [0xFF] : Array("\(number)".utf8) + Array(repeating: 0, count: number % 3)
        }
    }

    /// Does `count` operations, then compares everything, before and after opening again.
    mutating func run(_ count: Int) throws {
        for _ in 0..<count { try step() }
        try compareAll()
        try reopen()
        try engine.close()
    }

    private mutating func step() throws {
        switch random.below(100) {
        case 0..<40: try put()
        case 40..<52: try delete()
        case 52..<58: try batch()
        case 58..<63: try upload()
        case 63..<75: try read()
        case 75..<84: try readRange()
        case 84: try compareListing()
        case 85..<89: try stream()
        case 89..<92: while try engine.backgroundStep() {}
        case 93: try engine.flush()
        case 92, 94: for _ in 0..<1 + random.below(12) { _ = try engine.compactionStep() }
        case 95: try engine.markIdle()
        case 96: try compareAll()
        case 97: try callbacks()
        case 98:
            let hours = random.chance(1, in: 3) ? UInt64(random.below(4)) : 0
            if let advance { advance(hours * 3600 + 1 + UInt64(random.below(3))) }
            try update()
        default: if random.chance(1, in: 4) { try reopen() }
        }
    }

    // MARK: Writing

    mutating func key() -> [UInt8] { keys[random.below(keys.count)] }

    private mutating func value() -> [UInt8] {
        let chunk = tuning.chunkByteCount
        let byteCount =
            switch random.below(10) {
            case 0: 0
            case 1..<6: random.below(300)
            case 6: tuning.blockByteCount + random.below(3)
            case 7: chunk - 1 + random.below(3)
            case 8: random.below(2 * chunk)
            default: chunk * 3 + random.below(5)
            }
        return random.coin()
            ? random.bytes(byteCount) : Array(repeating: UInt8(random.below(256)), count: byteCount)
    }

    private mutating func options(for key: [UInt8], metadata: [UInt8] = []) -> WriteOptions {
        let durability: Durability =
            random.below(100) < syncedShare ? .synced : random.coin() ? .os : .interval
        return WriteOptions(
            durability: durability, condition: condition(for: key), metadata: metadata,
            expiry: expiry())
    }

    // MARK: Time

    /// Half a second between two whole ones, by which the clock goes on: so nothing expires while an
    /// operation is under way. In a directory an hour before or after now.
    mutating func expiry() -> WallTime? {
        guard random.chance(1, in: 4) else { return nil }
        let second = 1_000_000_000 as UInt64
        let now = engine.storage.wallClock() / second
        let steps = advance == nil ? [-3600, 3600] : [-1, 0, 1, 2, 3]
        let seconds = Int(now) + steps[random.below(steps.count)]
        return WallTime(nanosecondsSince1970: UInt64(seconds) * second + second / 2)
    }

    /// What the key has that has not expired.
    func present(_ key: [UInt8]) -> Entry? {
        guard let entry = model[key] else { return nil }
        guard let expiry = entry.expiry else { return entry }
        return expiry.nanosecondsSince1970 <= engine.storage.wallClock() ? nil : entry
    }

    private var destroyableCount: Int {
        let hour = 3_600_000_000_000 as UInt64
        return model.values.count { entry in
            guard let expiry = entry.expiry else { return false }
            return expiry.nanosecondsSince1970 + hour <= engine.storage.wallClock()
        }
    }

    var presentKeys: [[UInt8]] { model.keys.filter { present($0) != nil } }

    /// Other metadata, another expiry, the same bytes.
    private mutating func update() throws {
        let key = key()
        var options = options(for: key)
        let metadata = random.coin() ? random.bytes(random.below(30)) : nil
        let change: ExpiryChange =
            random.chance(1, in: 3) ? .keep : options.expiry.map { .at($0) } ?? .never
        options.expiry = nil
        let engine = engine
        let receipt = try expect(options, key) { () throws(StoreError) in
            try engine.update(key.rawSpan, metadata: metadata, expiry: change, options)
        }
        guard let receipt else { return }
        guard let receipt, var entry = present(key) else {
            return #expect(receipt == nil && present(key) == nil)
        }
        entry.metadata = metadata ?? entry.metadata
        entry.version = receipt.version
        switch change {
        case .keep: break
        case .never: entry.expiry = nil
        case .at(let time): entry.expiry = time
        }
        note(receipt, key, entry)
    }

    private mutating func condition(for key: [UInt8]) -> Condition {
        let present = present(key)?.version ?? Version(sequence: .max - 1)
        return switch random.below(16) {
        case 0: .absent
        case 1: .present
        case 2: .matches(present)
        case 3: .matches(Version(sequence: present.sequence / 2))
        case 4: .differs(from: present)
        case 5: .differs(from: Version(sequence: present.sequence / 2))
        default: .none
        }
    }

    private func holds(_ condition: Condition, for key: [UInt8]) -> Bool {
        let present = present(key)?.version
        return switch condition {
        case .none: true
        case .absent: present == nil
        case .present: present != nil
        case .matches(let version): present == version
        case .differs(let version): present != version
        }
    }

    /// Runs a write that must succeed exactly when its condition holds.
    private mutating func expect<Receipt>(
        _ options: WriteOptions, _ key: [UInt8], _ write: () throws(StoreError) -> Receipt
    ) throws -> Receipt? {
        do {
            let receipt = try write()
            #expect(holds(options.condition, for: key))
            return receipt
        } catch {
            guard error.kind == .conditionFailed else { throw error }
            #expect(!holds(options.condition, for: key))
            #expect(error.currentVersion == present(key)?.version)
            return nil
        }
    }

    private mutating func note(_ receipt: WriteReceipt, _ key: [UInt8], _ entry: Entry?) {
        #expect(receipt.replaced == (present(key) != nil))
        #expect(receipt.version > lastVersion)
        lastVersion = receipt.version
        model[key] = entry
    }

    mutating func put() throws {
        let (key, bytes) = (key(), value())
        let metadata = random.chance(1, in: 3) ? random.bytes(random.below(40)) : []
        let options = options(for: key, metadata: metadata)
        let engine = engine
        let receipt = try expect(options, key) { () throws(StoreError) in
            try engine.put(key.rawSpan, bytes.rawSpan, options)
        }
        guard let receipt else { return }
        note(
            receipt, key,
            Entry(
                bytes: bytes, metadata: metadata, version: receipt.version, expiry: options.expiry))
    }

    private mutating func delete() throws {
        let key = key()
        let options = options(for: key)
        let engine = engine
        let receipt = try expect(options, key) { () throws(StoreError) in
            try engine.delete(key.rawSpan, options)
        }
        guard let receipt else { return }
        #expect((receipt != nil) == (present(key) != nil))
        if let receipt { note(receipt, key, nil) }
        // Of what had expired a delete leaves nothing either.
        model[key] = nil
    }

    private mutating func upload() throws {
        let (key, bytes) = (key(), value() + value())
        let options = options(for: key, metadata: [1, 2])
        let engine = engine
        var pieces: [Range<Int>] = []
        while (pieces.last?.upperBound ?? 0) < bytes.count {
            let start = pieces.last?.upperBound ?? 0
            pieces.append(start..<min(bytes.count, start + 1 + random.below(bytes.count)))
        }
        let isAborted = random.chance(1, in: 5)
        let receipt = try expect(options, key) { () throws(StoreError) -> WriteReceipt? in
            let upload = try engine.upload(key.rawSpan, options)
            for piece in pieces { try upload.write(bytes.rawSpan.extracting(piece)) }
            if isAborted {
                upload.abort()
                return nil
            }
            return try upload.commit()
        }
        guard let receipt, let receipt else { return }
        note(
            receipt, key,
            Entry(bytes: bytes, metadata: [1, 2], version: receipt.version, expiry: options.expiry))
    }

    private mutating func batch() throws {
        var batch = Batch()
        var members: [(key: [UInt8], bytes: [UInt8]?, expiry: WallTime?, condition: Condition)] = []
        var shuffled = keys
        shuffled.shuffle(using: &random)
        for key in shuffled.prefix(1 + random.below(min(6, keys.count))) {
            let condition = random.coin() ? .none : condition(for: key)
            let bytes = random.chance(2, in: 3) ? value() : nil
            let expiry = expiry()
            if let bytes {
                batch.put(Key(key), bytes, expiry: expiry, condition: condition)
            } else {
                batch.delete(Key(key), condition: condition)
            }
            members.append((key, bytes, expiry, condition))
        }
        let isFree = members.allSatisfy { holds($0.condition, for: $0.key) }
        let durability = Durability.allCases[1 + random.below(2)]
        let receipts: [WriteReceipt]
        do {
            receipts = try engine.apply(batch, durability: durability)
        } catch {
            guard error.kind == .conditionFailed else { throw error }
            return #expect(!isFree)
        }
        #expect(isFree && receipts.count == members.count)
        for (member, receipt) in zip(members, receipts) {
            note(
                receipt, member.key,
                member.bytes.map {
                    Entry(bytes: $0, metadata: [], version: receipt.version, expiry: member.expiry)
                })
        }
    }

    /// Several writes of one key and others in one commit, told by callbacks in their order.
    private mutating func callbacks() throws {
        let answers = Guarded<[Int]>([])
        let versions = Guarded<[Version]>([])
        var written: [(key: [UInt8], bytes: [UInt8])] = []
        for number in 0..<4 {
            let (key, bytes) = (keys[random.below(min(2, keys.count))], random.bytes(20))
            written.append((key, bytes))
            try engine.put(key.rawSpan, bytes.rawSpan, WriteOptions(durability: .os)) { outcome in
                answers.withLock { $0.append(number) }
                if let receipt = try? outcome.get() {
                    versions.withLock { $0.append(receipt.version) }
                }
            }
        }
        engine.commit()
        #expect(answers.withLock { $0 } == [0, 1, 2, 3])
        let all = versions.withLock { $0 }
        try #require(all.count == 4)
        #expect(all == all.sorted())
        for (write, version) in zip(written, all) {
            model[write.key] = Entry(bytes: write.bytes, metadata: [], version: version)
            lastVersion = max(lastVersion, version)
        }
    }

    // MARK: All

    func compareAll() throws {
        for key in keys { try compare(key) }
        #expect(try engine.pagedKeys(1 + keys.count / 3) == presentKeys.inOrder)
        // What has expired counts until compaction destroys it, an hour later at the earliest.
        let keyCount = engine.statistics().keyCount
        #expect((UInt64(model.count - destroyableCount)...UInt64(model.count)).contains(keyCount))
    }

    mutating func reopen() throws {
        while try engine.backgroundStep() {}
        try engine.flush()
        let before = engine.statistics()
        let accounts = engine.liveByteCounts().filter { $0.value > 0 }
        try engine.close()
        if let unhinted {
            let scanned = try Engine.open(unhinted(), tuning: tuning)
            #expect(scanned.liveByteCounts().filter { $0.value > 0 } == accounts)
            #expect(scanned.hintedSegmentCount == 0)
            try scanned.close()
        }
        engine = try Engine.open(storage(), tuning: tuning)
        #expect(engine.liveByteCounts().filter { $0.value > 0 } == accounts)
        #expect(engine.findings == [])
        #expect(engine.statistics().liveByteCount == before.liveByteCount)
        #expect(engine.statistics().nextSequence > lastVersion.sequence)
        try compareAll()
    }
}
