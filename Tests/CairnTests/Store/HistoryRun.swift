// HistoryRun — one history: real threads on few keys over one engine, and what they were told.
//
// The dice of the seed choose everything but the schedule: threads, keys, conditions, sizes,
// durabilities, collisions of hashes, whether and when a sync fails. Threads start together. One
// more thread does what the store's keeper does. At the end each key is read, the store is opened
// again, and each key is read once more; those reads belong to the history. A store whose sync
// failed is opened again only when all its writes were synced ones: of the others some may be lost.

import Cairn
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

struct HistoryPlan: Sendable {
    let seed: UInt64
    let threadCount: Int
    let keyCount: Int
    let operationCount: Int
    /// Nil: any.
    let durability: Durability?
    let tuning: Tuning
    /// Which sync from now on fails; nil: none.
    let failingSync: Int?
    let failureLasts: Bool

    init(seed: UInt64, canFail: Bool) {
        var random = TestRandom(seed: seed)
        self.seed = seed
        threadCount = 4 + random.below(5)
        keyCount = 1 + random.below(3)
        operationCount = 60 / threadCount
        durability = random.chance(1, in: 2) ? .synced : nil
        var tuning = Tuning.small
        if random.chance(1, in: 3) { tuning.hashMask = random.coin() ? 0 : 1 }
        if random.chance(1, in: 4) { tuning.segmentByteCountMinimum = 1 << 20 }
        // On the simulated disk no time passes while a leader waits.
        if !canFail, random.coin() { tuning.lingerNanoseconds = 20_000 }
        self.tuning = tuning
        failingSync = canFail && random.chance(1, in: 3) ? 1 + random.below(20) : nil
        failureLasts = random.coin()
    }
}

/// What all threads of a run share.
private final class HistoryShared: Sendable {
    let clock = HistoryClock()
    let history = Guarded<[HistoryOperation]>([])
    /// The versions that anybody was told of.
    let versions = Guarded<[Version]>([])
    let ready = Atomic<Int>(0)
    let isOver = Atomic<Bool>(false)
    let strange = Guarded<[String]>([])
}

/// One thread's part.
private struct HistoryThread<S: Storage> {
    let engine: Engine<S>
    let plan: HistoryPlan
    let shared: HistoryShared
    let number: Int
    var random: TestRandom
    var valueCount: UInt64 = 0
    private var hasMetFailure = false

    init(
        engine: Engine<S>, plan: HistoryPlan, shared: HistoryShared, number: Int,
        random: TestRandom
    ) {
        self.engine = engine
        self.plan = plan
        self.shared = shared
        self.number = number
        self.random = random
    }

    mutating func run() {
        shared.ready.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while shared.ready.load(ordering: .relaxed) < plan.threadCount { relaxProcessor() }
        for _ in 0..<plan.operationCount { perform(request(), on: random.below(plan.keyCount)) }
    }

    /// Once the store takes no writes, further ones are of unknown outcome and say nothing, but
    /// double what the checker has to try.
    private mutating func request() -> HistoryRequest {
        if hasMetFailure { return .get }
        switch random.below(10) {
        case 0..<3: return .get
        case 3..<8:
            valueCount += 1
            return .put(value: UInt64(number + 1) << 32 | valueCount, condition())
        default: return .delete(condition())
        }
    }

    private mutating func condition() -> Condition {
        let known = shared.versions.withLock { $0.suffix(4) }
        switch random.below(8) {
        case 0: return .absent
        case 1: return .present
        case 2, 3: return known.randomElement(using: &random).map { .matches($0) } ?? .absent
        case 4: return known.randomElement(using: &random).map { .differs(from: $0) } ?? .absent
        default: return .none
        }
    }

    mutating func perform(_ request: HistoryRequest, on key: Int) {
        let durability = plan.durability ?? Durability.allCases[random.below(3)]
        let call = shared.clock.tick()
        let answer = answer(request, Key.numbered(key).bytes, durability)
        if case .unknown = answer { hasMetFailure = true }
        let operation = HistoryOperation(
            thread: number, key: key, request: request, answer: answer, call: call,
            end: shared.clock.tick())
        shared.history.withLock { $0.append(operation) }
        if random.chance(1, in: 4) { yieldProcessor() }
    }

    private func answer(
        _ request: HistoryRequest, _ key: [UInt8], _ durability: Durability
    ) -> HistoryAnswer {
        do {
            switch request {
            case .get: return try read(key)
            case .put(let value, let condition):
                let receipt = try engine.put(
                    key.rawSpan, historyBytes(value).rawSpan,
                    WriteOptions(durability: durability, condition: condition))
                shared.versions.withLock { $0.append(receipt.version) }
                return .written(version: receipt.version.sequence, replaced: receipt.replaced)
            case .delete(let condition):
                let receipt = try engine.delete(
                    key.rawSpan, WriteOptions(durability: durability, condition: condition))
                return receipt == nil ? .absent : .deleted
            }
        } catch {
            return answer(error)
        }
    }

    private func answer(_ error: StoreError) -> HistoryAnswer {
        switch error.kind {
        case .conditionFailed: return .conditionFailed(current: error.currentVersion?.sequence)
        case .outcomeUnknown, .readOnly: break
        // The sync that failed was that of a new segment.
        case .inputOutput where plan.failingSync != nil: break
        default: shared.strange.withLock { $0.append("\(error)") }
        }
        if plan.failingSync == nil { shared.strange.withLock { $0.append("\(error)") } }
        return .unknown
    }

    private func read(_ key: [UInt8]) throws(StoreError) -> HistoryAnswer {
        guard let blob = try engine.get(key.rawSpan) else { return .absent }
        shared.versions.withLock { $0.append(blob.version) }
        guard let value = historyValue(blob.bytes) else {
            shared.strange.withLock { $0.append("\(blob.bytes.count) bytes that nobody wrote") }
            return .unknown
        }
        return .found(value: value, version: blob.version.sequence)
    }
}

/// A history and what else was odd about it.
struct HistoryResult {
    var operations: [HistoryOperation]
    var strange: [String]
    var hasFailed: Bool
}

enum HistoryRun {
    /// Runs on a simulated disk, whose calls give way to other threads at random.
    static func simulated(_ plan: HistoryPlan) throws -> HistoryResult {
        let disk = SimulatedDisk(seed: plan.seed)
        let step = Atomic<UInt64>(plan.seed)
        disk.stepObserver = { _ in
            let dice = TestRandom.mix(step.wrappingAdd(1, ordering: .relaxed).newValue)
            for _ in 0..<dice % 3 { yieldProcessor() }
        }
        return try run(plan, disk) {
            if let failing = plan.failingSync {
                disk.inject(
                    Fault(.synchronizeFile, occurrence: failing, isSticky: plan.failureLasts))
            }
        } reopening: { (engine, hasFailed) in
            // The failing sync may be one of the close's own.
            var isClosed = false
            if !hasFailed {
                let error = try storeError { try engine.close() }
                if let error, plan.failingSync == nil { throw error }
                isClosed = error == nil
            }
            disk.clearFaults()
            if isClosed { return disk }
            guard plan.durability == .synced else { return nil }
            if plan.seed % 2 == 0 { disk.kill() } else { disk.powerCut(.random(plan.seed)) }
            return disk
        }
    }

    /// Runs in a directory.
    static func system(_ plan: HistoryPlan, _ directory: StoreTestDirectory) throws -> HistoryResult
    {
        try run(plan, SystemStorage(path: directory.path)) {
        } reopening: { (engine, _) in
            try engine.close()
            return SystemStorage(path: directory.path)
        }
    }

    private static func run<S: Storage>(
        _ plan: HistoryPlan, _ storage: S, _ begin: () -> Void,
        reopening: (Engine<S>, Bool) throws -> S?
    ) throws -> HistoryResult {
        let shared = HistoryShared()
        let engine = try Engine.open(storage, tuning: plan.tuning)
        begin()
        try runThreads(plan, engine, shared)
        readAll(plan, engine, shared)
        let hasFailed = engine.statistics().isReadOnly
        if let storage = try reopening(engine, hasFailed) {
            let again = try Engine.open(storage, tuning: plan.tuning)
            if again.statistics().isReadOnly || hasHole(again.findings) {
                shared.strange.withLock { $0 += again.findings }
            }
            readAll(plan, again, shared)
            try again.close()
        }
        return HistoryResult(
            operations: shared.history.withLock { $0 }, strange: shared.strange.withLock { $0 },
            hasFailed: hasFailed)
    }

    private static func hasHole(_ findings: [String]) -> Bool {
        findings.contains { $0.contains("damaged") || $0.contains("missing") }
    }

    private static func runThreads<S: Storage>(
        _ plan: HistoryPlan, _ engine: Engine<S>, _ shared: HistoryShared
    ) throws {
        var random = TestRandom(seed: plan.seed &+ 1)
        let keeper = try ServiceThread.start(name: "history-keeper") {
            while !shared.isOver.load(ordering: .acquiring) {
                do {
                    _ = try engine.backgroundStep()
                } catch  where plan.failingSync != nil {
                    // Told to whoever writes as well, and judged there.
                } catch {
                    shared.strange.withLock { $0.append("in the background: \(error)") }
                }
                engine.commit()
                yieldProcessor()
            }
        }
        let threads = try (0..<plan.threadCount).map { number in
            let dice = random.fork()
            return try ServiceThread.start(name: "history-\(number)") {
                var thread = HistoryThread(
                    engine: engine, plan: plan, shared: shared, number: number, random: dice)
                thread.run()
            }
        }
        for thread in threads { thread.join() }
        shared.isOver.store(true, ordering: .releasing)
        keeper.join()
    }

    private static func readAll<S: Storage>(
        _ plan: HistoryPlan, _ engine: Engine<S>, _ shared: HistoryShared
    ) {
        var reader = HistoryThread(
            engine: engine, plan: plan, shared: shared, number: plan.threadCount,
            random: TestRandom(seed: plan.seed))
        for key in 0..<plan.keyCount { reader.perform(.get, on: key) }
    }
}
