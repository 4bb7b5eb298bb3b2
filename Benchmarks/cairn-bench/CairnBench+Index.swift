// The workload `index`: the index alone, without a disk.
//
// Inserts random hashes in groups of 32, first with `setBatch`, which fetches ahead, then in a
// second index one by one. The clock is read around each group: the longest group bounds the
// longest pause. Between groups, off the clock, anonymous memory is sampled; the worst sample counts
// from 100,000 keys on, below which fixed costs are all that shows. One thread.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

extension CairnBench {
    static func index(_ arguments: Arguments) throws(BenchFailure) -> Report {
        let memory = try ProcessFigure.anonymousBytes()
        let batched = IndexRun(keyCount: arguments.keyCount, seed: arguments.seed, memory: memory)
        batched.run(isBatched: true)
        var report = Report(.index)
        report.operationCount = arguments.keyCount
        report.byteCount = arguments.keyCount * MemoryLayout<Index.Change>.size
        report.seconds = Double(batched.nanoseconds) / 1e9
        report.processorSeconds = batched.processorSeconds
        report.residentByteCount = (try? ResourceLimits.residentByteCount()) ?? 0
        report.bytesPerKey = batched.bytesPerKey
        report.take(batched.histogram)
        report.extras.append(("bytesPerKeyMaximum", batched.bytesPerKeyMaximum))
        report.extras.append(("bytesPerKeyMaximumAtKeys", Double(batched.maximumAtCount)))
        report.extras.append(("tableBytesPerKey", batched.tableBytesPerKey))
        report.complaint = batched.complaint
        let single = IndexRun(keyCount: arguments.keyCount, seed: arguments.seed, memory: memory)
        single.run(isBatched: false)
        let rate = Double(arguments.keyCount) / Double(single.nanoseconds) * 1e9
        report.extras.append(("singleOpsPerSecond", rate))
        report.extras.append(("singleMaxMicroseconds", Double(single.histogram.maximum) / 1e3))
        return report
    }
}

private final class IndexRun {
    private static let groupCount = 32
    private static let groupsPerSample = 1024
    private static let sampledFrom = 100_000

    private let keyCount: Int
    private let seed: UInt64
    private let memory: ProcessFigure
    private let index = Index()
    private let before: Int
    private var changes = [Index.Change](
        repeating: Index.Change(hash: 0, location: .empty), count: groupCount)

    let histogram = Histogram()
    private(set) var nanoseconds: UInt64 = 0
    private(set) var processorSeconds = 0.0
    private(set) var bytesPerKeyMaximum = 0.0
    private(set) var maximumAtCount = 0

    init(keyCount: Int, seed: UInt64, memory: ProcessFigure) {
        self.keyCount = keyCount
        self.seed = seed
        self.memory = memory
        before = memory.value()
    }

    var bytesPerKey: Double { Double(memory.value() - before) / Double(keyCount) }
    var tableBytesPerKey: Double { Double(index.memoryByteCount) / Double(keyCount) }
    var complaint: String? {
        index.count == keyCount ? nil : "the index holds \(index.count) keys"
    }

    func run(isBatched: Bool) {
        let startSeconds = Clock.processorSeconds()
        var number = 0
        var group = 0
        while number < keyCount {
            let count = min(Self.groupCount, keyCount - number)
            let start = Clock.monotonicNanoseconds()
            if isBatched { setBatch(number, count) } else { setSingly(number, count) }
            let elapsed = Clock.monotonicNanoseconds() &- start
            nanoseconds &+= elapsed
            histogram.add(elapsed)
            number += count
            group += 1
            if group % Self.groupsPerSample == 0 && number >= Self.sampledFrom { sample(number) }
        }
        processorSeconds = Clock.processorSeconds() - startSeconds
    }

    private func setBatch(_ number: Int, _ count: Int) {
        if count < changes.count { return setSingly(number, count) }
        for place in 0..<count {
            changes[place] = Index.Change(
                hash: hash(number + place), location: location(number + place))
        }
        Self.set(&changes, in: index)
    }

    private static func set(_ changes: inout [Index.Change], in index: Index) {
        var span = changes.mutableSpan
        index.setBatch(&span)
    }

    private func setSingly(_ number: Int, _ count: Int) {
        for place in number..<number + count {
            index.set(hash(place), to: location(place))
        }
    }

    private func hash(_ number: Int) -> UInt64 {
        mix(seed &<< 40 &+ UInt64(truncatingIfNeeded: number))
    }

    private func location(_ number: Int) -> Location {
        Location(
            segmentOrdinal: number >> 20, offset: 4096 + UInt64(number & 0xf_ffff) * 144,
            recordByteCount: 144, kind: .put)
    }

    private func sample(_ count: Int) {
        let bytesPerKey = Double(memory.value() - before) / Double(count)
        guard bytesPerKey > bytesPerKeyMaximum else { return }
        (bytesPerKeyMaximum, maximumAtCount) = (bytesPerKey, count)
    }
}
