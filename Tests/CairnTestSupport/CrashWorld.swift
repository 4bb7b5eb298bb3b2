// CrashWorld — a simulated disk, an engine on it, and the oracle that watches both.
//
// Single-threaded: an operation is done to the engine and noted in the oracle, answers are compared
// with what the oracle expects, and a reboot is judged. Everything follows from the seed. A broken
// promise is thrown as `CrashFailure`, with the seed and what was done.

package import Cairn
internal import CairnSystem

/// How a life ends.
package enum CrashEnd: Sendable {
    case powerCut(PowerCutVariant)
    case kill
}

/// A store's whole life, or many of them, with a witness. One thread.
package final class CrashWorld {
    /// Outlives every engine; crashes and faults are asked of it.
    package let disk: SimulatedDisk
    /// Notes what happened, for tests that require it to have happened.
    package let marks: MarkBoard
    /// What a failure's report says repeats it.
    package let seed: UInt64
    /// Of every engine that is opened here.
    package let tuning: Tuning
    /// Of every engine that is opened here.
    package let options: StoreOptions
    /// What the store may hold by now.
    package var oracle: Oracle
    /// The engine of the present life; nil between lives.
    package internal(set) var engine: Engine<SimulatedDisk>?
    /// What was done, for the report.
    package internal(set) var history: [String] = []
    package var keepsHistory = true
    /// Power cuts and kills so far.
    package internal(set) var crashCount = 0

    /// Answers that have not come yet.
    var waiting: [(answer: Answer, result: ResultBox)] = []
    var uploads: [OpenUpload] = []
    var streams: [OpenStream] = []
    /// The engine has said that nobody knows what survives.
    var hasFailed = false
    /// A file or directory sync has failed since the last reboot.
    var hasSyncFailed = false
    /// Faults outlive the opening.
    var keepsFaults = false
    /// Faults are about, so that an operation may fail at any time.
    var isTroubled = false
    /// Counts operations: failures of one operation belong together.
    var callNumber = 0
    /// Whether `everWritten` is kept.
    var keepsValues = false
    /// All values that were ever attempted, by key.
    var everWritten: [Set<OracleValue>]
    var openingSequence: UInt64 = 0
    /// The power was cut since the last opening that succeeded.
    var wasPowerCut = false
    var isCreated = false
    /// What live bytes must be after the next opening.
    var expectedLive: UInt64?
    var operationName = "open"
    /// Keys whose deletes counted for nothing, but may have left a record: what they had has expired.
    var expiredDeletes: Set<Int> = []
    /// Blobs may expire here, and count as keys until they are compacted.
    var usesExpiry = false
    /// How far the wall clock is ahead.
    var clockJump: UInt64 = 0
    /// Puts are refused for want of space.
    var isFull = false
    /// What was on the disk before the opening.
    var survey: CrashSurvey?
    var valueCount: UInt64 = 0
    /// What compaction had done when that was last looked at.
    var compaction = CompactionCounts()
    var dice: TestRandom
    /// What the backup directory may show: any of these, each as its list was taken.
    var backups: [Oracle] = []
    /// A backup has succeeded: there is one, for ever.
    var hasBackup = false

    /// Shows one version, whole, whatever becomes of the key.
    struct OpenStream {
        let key: Int
        let stream: BlobStream<SimulatedDisk>
        let bytes: [UInt8]
        var offset = 0
    }

    struct OpenUpload {
        let key: Int
        let upload: Upload<SimulatedDisk>
        let condition: Condition
        let durability: Durability
        var value: OracleValue
    }

    package init(
        seed: UInt64, tuning: Tuning, options: StoreOptions = StoreOptions(),
        keys: [[UInt8]], marks: MarkBoard = MarkBoard(), disk: SimulatedDisk? = nil
    ) {
        _ = ThrownErrors.areCheap
        self.seed = seed
        self.tuning = tuning
        self.options = options
        self.marks = marks
        self.disk = disk ?? SimulatedDisk(seed: seed)
        oracle = Oracle(keys: keys)
        everWritten = Array(repeating: [], count: keys.count)
        dice = TestRandom(seed: seed ^ 0x5EED)
    }

    /// Names for keys; some are long, one has a single byte.
    package static func keys(_ count: Int) -> [[UInt8]] {
        (0..<count).map { number in
            if number == 0 { return [0] }
            let name = Array("key \(number)".utf8)
            return number == 3 ? Array(repeating: 0x6B, count: 150) + name : name
        }
    }

    /// A tuning under which a few hundred bytes rotate segments and are cut into chunks and blocks.
    package static func tinyTuning(random: inout TestRandom) -> Tuning {
        var tuning = Tuning()
        tuning.indexShardCount = 4
        tuning.bufferByteCount = [1024, 2048, 4096][random.below(3)]
        tuning.directByteCount = [256, 512, 1024, 4096][random.below(4)]
        tuning.blockByteCount = [64, 128, 1024][random.below(3)]
        tuning.chunkByteCount = 512
        let segment = UInt64([5120, 6144, 8192, 16384][random.below(4)])
        tuning.segmentByteCountMinimum = segment
        tuning.segmentByteCountMaximum = segment
        tuning.segmentRecordCountMaximum = random.chance(1, in: 4) ? 6 : 1_000_000
        tuning.sequenceLease = [8, 32, 64, 1 << 20][random.below(4)]
        tuning.zeroAheadByteCount = [0, 512, 4096][random.below(3)]
        tuning.lingerNanoseconds = 0
        tuning.regainNanoseconds = 0
        tuning.unreadableChunkPauseNanoseconds = 0
        let reserve = [0, 16384, 65536][random.below(3)] as UInt64
        tuning.reserveByteCounts = reserve...reserve
        tuning.scanByteCount = [512, 4096, 65536][random.below(3)]
        tuning.hintBlockByteCount = [64, 256, 65536][random.below(3)]
        tuning.loadByteCount = [1, 4096, 1 << 20][random.below(3)]
        tuning.compactionStepByteCount = [64, 700, 1 << 20][random.below(3)]
        tuning.compactionBufferByteCount = [4096, 1 << 20][random.below(2)]
        if random.chance(3, in: 10) { tuning.hashMask = [0, 3, 15][random.below(3)] }
        return tuning
    }

    func fail(_ message: String) -> CrashFailure {
        note("broken: \(message)")
        return CrashFailure(message: message, seed: seed, history: history)
    }

    func note(_ text: @autoclosure () -> String) {
        guard keepsHistory else { return }
        takeTrace()
        history.append(text())
    }

    /// What the disk was asked to do since the last note.
    private func takeTrace() {
        history += disk.trace.map { "    " + $0 }
        disk.clearTrace()
        disk.isTracing = true
    }

    /// Runs `body` with broken promises told as failures.
    func checking<Result>(_ body: () throws(OracleViolation) -> Result) throws(CrashFailure)
        -> Result
    {
        do {
            return try body()
        } catch {
            throw fail(error.description)
        }
    }
}

/// What an answer is about, and what it should be.
struct Answer {
    let key: Int
    let durability: Durability
    let expectation: Expectation
    /// Nil: nobody can tell.
    var wasPresent: Bool?
    /// A write of the key before it failed: it may have met another state than the oracle knows.
    var isBehindFailure = false
    /// So many groups the answer rests on if it has none of its own.
    let support: Int
    /// The condition of a large blob is looked at before its chunks are written, when a pending
    /// write of the key counts for nothing yet.
    var mayBeRefusedEarly = false
    /// It deletes what has expired: that leaves a record, and counts as a delete of nothing.
    var deletesExpired = false
    var group: Int?

    var isRefusalExpected: Bool {
        if case .refusal = expectation { return true }
        return false
    }
}

/// Where an answer arrives.
// The simulation has one thread.
final class ResultBox: @unchecked Sendable {
    /// No receipt: there was nothing to delete.
    var outcome: Result<WriteReceipt?, StoreError>?
}
