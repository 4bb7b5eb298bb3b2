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
    /// The greatest that was given out.
    var lastVersion = Version(sequence: 0)
    let syncedShare: Int
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
        case 89..<92: try engine.workUntilIdle()
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

    mutating func key() -> [UInt8] { keys[random.below(keys.count)] }

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

    // MARK: All

    func compareAll() throws {
        for key in keys { try compare(key) }
        #expect(try engine.pagedKeys(1 + keys.count / 3) == presentKeys.inOrder)
        // What has expired counts until compaction destroys it, an hour later at the earliest.
        let keyCount = engine.statistics().keyCount
        #expect((UInt64(model.count - destroyableCount)...UInt64(model.count)).contains(keyCount))
    }

    mutating func reopen() throws {
        try engine.workUntilIdle()
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
