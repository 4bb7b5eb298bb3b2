// The workload `read`: random keys of a filled store, each value used and checked.
//
// First a pass over the keys in order, at most four seconds, so that what fits is cached, or with
// `--cold` nothing is; then the clock starts. A read counts when one byte of each cache line of its value was touched and its
// first and last 16 bytes were compared. Every eighth read is timed. A key that is missing or a
// value that differs makes the run fail.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

extension CairnBench {
    static func read(_ arguments: Arguments) throws(BenchFailure) -> Report {
        let directory = try BenchDirectory(filled: arguments)
        let store = try openStore(directory, arguments)
        let values = Values(
            arguments.valueSizes, isCompressible: arguments.compressible)
        let plan = ReadPlan(store: store, values: values, keyCount: arguments.keyCount)
        if arguments.isCold {
            _ = try directory.dropCache()
        } else if let failure = plan.pass(until: deadline(after: 4)).failure {
            throw failure
        }
        let measurement = Measurement()
        let end = deadline(after: arguments.seconds ?? 3)
        let outcome = try plan.progress.show(until: end) { () throws(BenchFailure) in
            try Workers.run(arguments.threadCount) { worker in
                plan.work(seed: arguments.seed &+ UInt64(worker), until: end)
            }
        }
        var report = Report(.read)
        report.finish(measurement)
        report.take(outcome)
        report.bytesPerKey = indexBytesPerKey(store)
        report.complaint = outcome.complaint
        try BenchFailure.store { () throws(StoreError) in try store.close() }
        return report
    }
}

extension WorkerOutcome {
    /// What was wrong with the values that were read.
    var complaint: String? {
        missingCount + wrongCount == 0
            ? nil : "\(missingCount) keys were missing, \(wrongCount) values differed"
    }
}

/// What the workers of a reading workload share.
struct ReadPlan: Sendable {
    let store: Store
    let values: Values
    let keyCount: Int
    let progress = Progress()
    private static let stride = 256

    /// Reads the keys in order.
    func pass(until deadline: UInt64) -> WorkerOutcome {
        let reader = CheckingReader(self)
        for number in 0..<keyCount {
            reader.read(number)
            let isDue = number % Self.stride == 0 || values.sizes.average >= 65_536
            if isDue && Clock.monotonicNanoseconds() >= deadline { break }
        }
        return reader.outcome
    }

    /// Reads random keys.
    func work(seed: UInt64, until deadline: UInt64) -> WorkerOutcome {
        let reader = CheckingReader(self)
        var random = seed
        var isOver = false
        while !isOver && reader.outcome.failure == nil {
            for number in 0..<Self.stride {
                random = mix(random)
                let key = Int(truncatingIfNeeded: random % UInt64(keyCount))
                if number & 7 == 0 {
                    let start = Clock.monotonicNanoseconds()
                    reader.read(key)
                    let end = Clock.monotonicNanoseconds()
                    reader.outcome.histogram.add(end &- start)
                    isOver = end >= deadline
                    if isOver { break }
                } else {
                    reader.read(key)
                }
            }
            progress.add(Self.stride)
        }
        return reader.outcome
    }
}

/// Reads and checks, for one thread.
final class CheckingReader {
    private let plan: ReadPlan
    private let keys = KeyBuffer()
    private var number = 0
    private var version = 0
    private var byteCount = 0
    private var position = 0
    private var isWrong = false
    private var touched: UInt64 = 0
    var outcome = WorkerOutcome()

    init(_ plan: ReadPlan) { self.plan = plan }

    /// Reads a key, which is to have this version of its value.
    @inline(__always)
    func read(_ number: Int, version: Int = 0) {
        self.number = number
        self.version = version
        byteCount = plan.values.byteCount(of: number, version: version)
        position = 0
        isWrong = false
        let keys = keys
        do {
            let found = try plan.store.withBytes(of: keys.key(number)) { piece in take(piece) }
            outcome.operationCount += 1
            outcome.byteCount += KeyBuffer.byteCount + position
            if found == nil {
                outcome.missingCount += 1
            } else if isWrong || position != byteCount {
                outcome.wrongCount += 1
            }
        } catch {
            outcome.failure = outcome.failure ?? .store(error)
        }
    }

    @inline(__always)
    private func take(_ piece: RawSpan) {
        touch(piece)
        let values = plan.values
        let end = position + piece.byteCount
        if end > byteCount {
            isWrong = true
        } else {
            let edge = min(Values.edgeByteCount, piece.byteCount)
            let expected = values.value(of: number, version: version)
            if position == 0 { compare(piece, expected, 0..<edge) }
            if end == byteCount {
                let part = expected.extracting(position..<end)
                compare(piece, part, piece.byteCount - edge..<piece.byteCount)
            }
        }
        position = end
    }

    private func compare(_ piece: RawSpan, _ expected: RawSpan, _ range: Range<Int>) {
        if !piece.extracting(range).isEqual(to: expected.extracting(range)) { isWrong = true }
    }

    /// One byte of each cache line; the sum keeps the loads from being left out.
    @inline(__always)
    private func touch(_ piece: RawSpan) {
        let bytes = Span<UInt8>(_bytes: piece)
        var sum: UInt64 = 0
        var position = 0
        while position < bytes.count {
            sum &+= UInt64(bytes[position])
            position &+= 64
        }
        touched &+= sum
    }
}
