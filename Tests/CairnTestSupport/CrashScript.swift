// CrashScript — what is done to a store between two crashes: a list of operations, drawn by lot.
//
// An operation names keys by number and versions by relation ("the present one"), so that a script
// can be written down before it is known how far it gets. Plain values.

package import Cairn

/// What a write requires, told without knowing any version.
package enum CrashCondition: UInt8, Sendable, CaseIterable {
    case none
    case absent
    case present
    case matchesPresent
    case matchesOther
    case differsFromPresent
    case differsFromOther
}

/// One put or delete; no size: a delete.
package struct CrashWrite: Sendable {
    package var key: Int
    package var byteCount: Int?
    package var condition: CrashCondition = .none
    package var hasMetadata = false
    /// In so many seconds and a half, of this one; nil: never.
    package var secondsToExpiry: Int?

    package init(
        key: Int, byteCount: Int?, condition: CrashCondition = .none, hasMetadata: Bool = false
    ) {
        self.key = key
        self.byteCount = byteCount
        self.condition = condition
        self.hasMetadata = hasMetadata
    }
}

/// One thing that is done to the engine, or to the disk below it.
package enum CrashOperation: Sendable {
    /// Blocks until it is answered, or (`isBlocking` false) is answered by a later commit.
    case write(CrashWrite, Durability, isBlocking: Bool)
    case batch([CrashWrite], Durability)
    case beginUpload(key: Int, CrashCondition, Durability)
    case feedUpload(byteCount: Int)
    case commitUpload
    case abortUpload
    case commit(sync: Bool)
    case flush
    /// What the keeper's thread does between its commits.
    case syncInterval
    case markIfIdle
    case openStream(key: Int)
    case readStream(byteCount: Int)
    case closeStream
    case backgroundStep
    /// So many steps of compaction, whatever else waits; between each two of them one of these is done.
    indirect case compact(steps: Int, meanwhile: [CrashOperation] = [])
    /// A backup into the other root; between its pieces these are done, one at a time.
    indirect case backUp(sharesBytes: Bool, meanwhile: [CrashOperation])
    case markIdle
    /// Other metadata and another expiry for the same bytes.
    case update(key: Int, secondsToExpiry: Int?, Durability)
    case passTime(seconds: Int)
    /// The wall clock alone goes 400 days ahead, or back from there.
    case jumpClock
    case list
    case read(key: Int)
    /// A read in whose midst, at the n-th read of the disk, so many steps of compaction are done.
    case readBeside(key: Int, atRead: Int, steps: Int)
    case readRange(key: Int, start: Int, byteCount: Int)
    case readAll
    /// Opens the store for reading beside its writer.
    case peek
    /// The n-th call of these from now on fails.
    case fault(Fault)
    case clearFaults
    /// So many bytes more than there are now; nil: room again.
    case capacity(Int?)
}

/// Draws scripts.
package struct CrashScript: Sendable {
    /// How scripts are drawn.
    package struct Shape: Sendable {
        package var keyCount = 8
        /// The largest value, in bytes.
        package var byteCountMaximum = 3000
        package var chunkByteCount = 512
        package var hasFaults = true
        package var hasExpiry = false
        package init() {}
    }

    /// A script of `count` operations. What one life prefers is drawn first, so that scripts differ
    /// more than their operations.
    package static func draw(
        _ count: Int, _ shape: Shape, random: inout TestRandom
    ) -> [CrashOperation] {
        var script: [CrashOperation] = []
        let mood = Mood(random: &random)
        while script.count < count {
            script.append(operation(shape, mood, random: &random))
        }
        return script
    }

    /// What a life prefers, so that lives differ more than their operations.
    private struct Mood {
        let durability: Durability?
        let isSmall: Bool
        let isBlocking: Int
        let faultShare: Int

        init(random: inout TestRandom) {
            let choices: [Durability?] = [nil, nil, .synced, .os, .interval]
            durability = choices[random.below(choices.count)]
            isSmall = random.coin()
            isBlocking = random.below(9)
            faultShare = [0, 0, 0, 8, 20][random.below(5)]
        }
    }

    private static func operation(
        _ shape: Shape, _ mood: Mood, random: inout TestRandom
    ) -> CrashOperation {
        if shape.hasFaults, random.chance(mood.faultShare, in: 200) {
            return fault(random: &random)
        }
        let durability = mood.durability ?? Durability.allCases[random.below(3)]
        switch random.below(100) {
        case 0..<42:
            return .write(
                write(shape, mood, random: &random), durability,
                isBlocking: random.below(8) < mood.isBlocking)
        case 42..<52: return .batch(members(shape, mood, random: &random), durability)
        case 52..<56:
            let condition = random.chance(1, in: 4) ? condition(random: &random) : .none
            return .beginUpload(key: random.below(shape.keyCount), condition, durability)
        case 56..<62: return .feedUpload(byteCount: random.below(shape.byteCountMaximum + 1))
        case 62..<65: return .commitUpload
        case 65..<66: return .abortUpload
        case 66..<72 where shape.hasExpiry:
            if random.chance(1, in: 16) { return .jumpClock }
            if random.coin() { return .passTime(seconds: time(random: &random)) }
            return .update(
                key: random.below(shape.keyCount), secondsToExpiry: expiry(random: &random),
                durability)
        case 84: return backup(shape, mood, random: &random)
        case 66..<84: return upkeep(shape, mood, random: &random)
        default: return reading(shape, random: &random)
        }
    }

    private static func backup(
        _ shape: Shape, _ mood: Mood, random: inout TestRandom
    ) -> CrashOperation {
        var meanwhile: [CrashOperation] = []
        for _ in 0..<random.below(7) {
            let next =
                random.chance(1, in: 3)
                ? CrashOperation.compact(steps: 1 + random.below(8))
                : operation(shape, mood, random: &random)
            if case .backUp = next { continue }
            meanwhile.append(next)
        }
        return .backUp(sharesBytes: random.coin(), meanwhile: meanwhile)
    }

    private static func upkeep(
        _ shape: Shape, _ mood: Mood, random: inout TestRandom
    ) -> CrashOperation {
        switch random.below(26) {
        case 23..<26: compactBeside(shape, mood, random: &random)
        case 20..<23: .compact(steps: 1 + random.below(8))
        case 0..<9: .commit(sync: random.chance(1, in: 4))
        case 9..<11: .flush
        case 11: .syncInterval
        case 12: .syncInterval
        case 13: .markIfIdle
        case 14: .markIdle
        default: .backgroundStep
        }
    }

    /// Writes that wait while records move: a whole compaction, with something between any two steps.
    private static func compactBeside(
        _ shape: Shape, _ mood: Mood, random: inout TestRandom
    ) -> CrashOperation {
        let steps = 4 + random.below(24)
        let meanwhile = (0..<steps).map { _ in
            let durability = mood.durability ?? Durability.allCases[random.below(3)]
            return CrashOperation.write(
                write(shape, mood, random: &random), durability, isBlocking: false)
        }
        return .compact(steps: steps, meanwhile: meanwhile)
    }

    private static func reading(_ shape: Shape, random: inout TestRandom) -> CrashOperation {
        switch random.below(18) {
        case 17:
            .readBeside(
                key: random.below(shape.keyCount), atRead: 1 + random.below(3),
                steps: 1 << random.below(7))
        case 16: .list
        case 15: .peek
        case 0..<5: .read(key: random.below(shape.keyCount))
        case 5..<8:
            .readRange(
                key: random.below(shape.keyCount), start: random.below(shape.byteCountMaximum),
                byteCount: random.below(shape.byteCountMaximum))
        case 8..<10: .openStream(key: random.below(shape.keyCount))
        case 10..<13: .readStream(byteCount: random.below(900))
        case 13: .closeStream
        default: .readAll
        }
    }

    private static func write(
        _ shape: Shape, _ mood: Mood, random: inout TestRandom
    ) -> CrashWrite {
        var write = CrashWrite(key: random.below(shape.keyCount), byteCount: nil)
        if random.chance(3, in: 4) { write.byteCount = size(shape, mood, random: &random) }
        if random.chance(1, in: 4) { write.condition = condition(random: &random) }
        write.hasMetadata = random.chance(1, in: 3)
        if shape.hasExpiry, random.chance(1, in: 4) {
            write.secondsToExpiry = expiry(random: &random)
        }
        return write
    }

    /// Some have passed already.
    private static func expiry(random: inout TestRandom) -> Int? {
        if random.chance(1, in: 4) { return nil }
        return random.chance(1, in: 4) ? 3600 * random.below(4) : random.below(5) - 1
    }

    /// Seconds, or hours, in which what has expired is destroyed.
    private static func time(random: inout TestRandom) -> Int {
        random.chance(1, in: 3) ? 1 + random.below(3) : 3600 * (1 + random.below(5))
    }

    private static func size(
        _ shape: Shape, _ mood: Mood, random: inout TestRandom
    ) -> Int {
        let chunk = shape.chunkByteCount
        switch random.below(mood.isSmall ? 6 : 10) {
        case 0: return random.below(12)
        case 1, 2, 3: return random.below(130)
        case 4, 5: return random.below(300)
        case 6: return chunk - 1 + random.below(3)
        case 7: return random.below(chunk)
        case 8: return random.below(shape.byteCountMaximum)
        default: return chunk * (1 + random.below(3))
        }
    }

    private static func condition(random: inout TestRandom) -> CrashCondition {
        CrashCondition.allCases[random.below(CrashCondition.allCases.count)]
    }

    private static func members(
        _ shape: Shape, _ mood: Mood, random: inout TestRandom
    ) -> [CrashWrite] {
        let count = 1 + random.below(min(5, shape.keyCount))
        var keys = Array(0..<shape.keyCount)
        keys.shuffle(using: &random)
        return keys.prefix(count).map { key in
            var member = write(shape, mood, random: &random)
            member.key = key
            if random.chance(2, in: 3) { member.condition = .none }
            return member
        }
    }

    private static func fault(random: inout TestRandom) -> CrashOperation {
        let occurrence = 1 + random.below(4)
        switch random.below(10) {
        case 0: return .fault(Fault(.synchronizeFile, occurrence: occurrence))
        case 1: return .fault(Fault(.synchronizeDirectory, occurrence: 1 + occurrence / 3))
        case 2, 3: return .fault(Fault(.write, occurrence: occurrence))
        case 4: return .fault(Fault(.read, occurrence: occurrence))
        case 5:
            let operations: [SimulatedOperation] = [
                .create, .rename, .unlink, .truncate, .allocate,
            ]
            return .fault(
                Fault(
                    operations[random.below(operations.count)],
                    failure: random.coin() ? .noSpace : .inputOutput))
        case 6: return .fault(Fault(.create, failure: .tooManyOpenFiles))
        case 7, 8: return .capacity(random.below(4) * 4096)
        default: return random.coin() ? .capacity(nil) : .clearFaults
        }
    }
}
