// The scrub of an open store: what it reads, what it finds, how fast, and where it goes on. No test waits: the
// simulated disk's clock goes on while the scrub rests.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

/// A scrub of a store on the simulated disk, and what it told.
private final class ScrubSubject {
    let disk: SimulatedDisk
    let engine: Engine<SimulatedDisk>
    private let told = Guarded<[ScrubEvent]>([])
    private(set) var restedNanoseconds: UInt64 = 0
    /// Rests until it is told to end; nil: never.
    var restCountLeft: Int?
    private var run: ScrubRun<SimulatedDisk>?

    init(
        _ disk: SimulatedDisk, _ engine: Engine<SimulatedDisk>, rate: UInt64 = 1 << 40,
        interval: Duration = .seconds(1000)
    ) {
        self.disk = disk
        self.engine = engine
        let options = ScrubOptions(bytesPerSecond: rate, interval: interval) { [told] event in
            told.withLock { $0.append(event) }
        }
        let run = ScrubRun(engine, options) { [unowned self] in rest($0) }
        run.resume()
        self.run = run
    }

    private func rest(_ nanoseconds: UInt64) -> Bool {
        restedNanoseconds += nanoseconds
        disk.advance(nanoseconds: nanoseconds)
        guard let left = restCountLeft else { return true }
        restCountLeft = left - 1
        return left > 0
    }

    func step() throws -> ScrubStep { try #require(run).step() }

    /// To the end of the pass; how long there is nothing to do then.
    @discardableResult
    func pass() throws -> UInt64 {
        while true {
            switch try step() {
            case .worked: continue
            case .idle(let nanoseconds): return nanoseconds
            case .stopped: throw ScrubEnded()
            }
        }
    }

    struct ScrubEnded: Error {}

    var statistics: ScrubStatistics { engine.statistics().scrub }

    /// The errors that were told of, from the last call on.
    func takeDamage() -> [StoreError] {
        told.withLock { events in
            defer { events = [] }
            return events.compactMap { event in
                if case .damaged(let error) = event { error } else { nil }
            }
        }
    }

    /// How often it was told that its place was lost.
    var lostCount: Int {
        told.withLock { events in
            events.count { if case .placeLost = $0 { true } else { false } }
        }
    }

    var begins: [Bool] {
        told.withLock { events in
            events.compactMap { if case .begun(let isContinued) = $0 { isContinued } else { nil } }
        }
    }
}

@Suite("Scrub")
struct ScrubRunTests {
    private let store: HintStore
    private let disk: SimulatedDisk

    init() throws {
        store = try HintStore(seed: 31)
        disk = store.copy()
    }

    private func subject(
        rate: UInt64 = 1 << 40, interval: Duration = .seconds(1000)
    ) throws -> ScrubSubject {
        ScrubSubject(disk, try store.open(disk), rate: rate, interval: interval)
    }

    /// The newest put of a key that has a payload, in an ended segment.
    private func record() throws -> DumpedRecord {
        var newest: [[UInt8]: DumpedRecord] = [:]
        try StoreDump(disk, tuning: store.tuning).store { record in
            if let header = record.header,
                header.sequence >= newest[record.key]?.header?.sequence ?? 0
            {
                newest[record.key] = record
            }
            return true
        } missing: { _ in
            Issue.record("a segment is missing")
        }
        return try #require(
            newest.values.sorted { $0.offset < $1.offset }.first {
                $0.header?.type == .put && $0.header?.storedByteCount ?? 0 > 50
                    && store.model[$0.key] != nil
            })
    }

    private func rot(_ record: DumpedRecord) throws {
        let header = try #require(record.header)
        disk.flipBit(
            3, at: record.offset + UInt64(header.prefixByteCount) + 20,
            of: SegmentFileName(record.segmentID).description, in: .segments)
    }

    @Test("a place that cannot be read or kept is told, and the scrub finds damage all the same")
    func placeLost() throws {
        try rot(try record())
        let lostCounts = try [
            Fault(.open, directory: .root, namePrefix: "SCRUB"),
            Fault(.create, isSticky: true, directory: .root, namePrefix: "SCRUB"),
        ].map { fault in
            let engine = try store.open(disk)
            disk.inject(fault)
            let subject = ScrubSubject(disk, engine)
            try subject.pass()
            disk.clearFaults()
            let lostCount = subject.lostCount
            #expect(subject.takeDamage().count == 1)
            try engine.close()
            // Until the next one is due.
            disk.advance(nanoseconds: 2_000_000_000_000)
            return lostCount
        }
        #expect(lostCounts[0] == 1 && lostCounts[1] > 0, "\(lostCounts)")
    }

    @Test("a sound store has nothing to tell, and every ended byte of it was read")
    func sound() throws {
        let subject = try subject()
        let rest = try subject.pass()
        #expect(subject.begins == [false] && subject.takeDamage().isEmpty)
        let byteCount = (store.segmentNames + store.hintNames).reduce(0) {
            $0 + (disk.byteCount(of: $1, in: .segments) ?? 0)
        }
        let statistics = subject.statistics
        // The header of a segment and the bytes behind its log's end are read, and not counted.
        let headers = UInt64(store.segmentNames.count * SegmentHeader.byteCount)
        #expect(statistics.byteCount <= byteCount && statistics.byteCount + headers >= byteCount)
        #expect(!statistics.isUnderWay && statistics.damageCount == 0)
        #expect(statistics.lastFullPass != nil && subject.engine.statistics().damage == [])
        #expect(rest > 0 && rest <= 1_000_000_000_000)
        try subject.engine.close()
        #expect(disk.openHandleCount == 0)
    }

    @Test("a flipped byte is told as a read would tell it, and stays known")
    func flipped() throws {
        let record = try record()
        try rot(record)
        let subject = try subject()
        try subject.pass()
        let told = subject.takeDamage()
        #expect(told.count == 1)
        let read = #expect(throws: StoreError.self) { try subject.engine.get(record.key.rawSpan) }
        #expect(told.first?.kind == read?.kind && told.first?.segmentID == record.segmentID)
        let name = escapedText(record.key)
        for message in [
            told.first?.message, read?.message, subject.engine.statistics().damage.first,
        ] {
            #expect(message?.contains("the blob \(name) is damaged") == true, "\(message ?? "")")
            let segment = "\(SegmentFileName(record.segmentID))".dropLast(4)
            #expect(message?.contains(segment) == true, "\(message ?? "")")
        }
        #expect(subject.statistics.lastFullPassDamageCount == 1)
        try subject.engine.close()
        // The next life knows that there was something, and finds it again.
        let next = try self.subject()
        #expect(next.engine.statistics().damage.count == 1)
        #expect(next.statistics.lastFullPassDamageCount == 1 && next.statistics.damageCount == 0)
        disk.advance(nanoseconds: 2_000_000_000_000)
        try next.pass()
        #expect(next.takeDamage().count == 1)
        try next.engine.close()
    }

    @Test("what was repaired is no longer told")
    func repaired() throws {
        let record = try record()
        let sound = store.copy()
        try rot(record)
        let subject = try subject()
        try subject.pass()
        #expect(subject.engine.statistics().damage.count == 1)
        let name = SegmentFileName(record.segmentID).description
        disk.replaceBytes(
            of: name, in: .segments, with: try #require(sound.bytes(of: name, in: .segments)))
        disk.advance(nanoseconds: 2_000_000_000_000)
        try subject.pass()
        #expect(subject.engine.statistics().damage == [])
        #expect(subject.statistics.lastFullPassDamageCount == 0)
        try subject.engine.close()
    }

    @Test("a restart costs the rest of one segment")
    func resumes() throws {
        let whole = try subject()
        try whole.pass()
        let byteCount = whole.statistics.byteCount
        try whole.engine.close()
        disk.advance(nanoseconds: 2_000_000_000_000)
        let first = try subject()
        for _ in 0..<3 { #expect(try first.step() == .worked) }
        let read = first.statistics.byteCount
        #expect(first.statistics.isUnderWay && first.statistics.passByteCount == read)
        // Told to end within the next one: that does not count.
        first.restCountLeft = 1
        #expect(try first.step() == .stopped)
        #expect(first.statistics.byteCount > read && first.statistics.passByteCount == read)
        disk.kill()
        let second = try subject()
        #expect(second.begins == [true] && second.statistics.passByteCount == read)
        #expect(second.statistics.passByteTotal >= byteCount - read)
        try second.pass()
        #expect(second.statistics.byteCount == byteCount - read)
        #expect(second.begins == [true])
        try second.engine.close()
    }

    @Test(
        "over a pass it reads no faster than it is told, and not much slower",
        arguments: [
            1000, 20_000, 1 << 20,
        ] as [UInt64])
    func pace(rate: UInt64) throws {
        disk.nanosecondsPerStep = 0
        let subject = try subject(rate: rate)
        let start = disk.monotonicClock()
        try subject.pass()
        let seconds = Double(disk.monotonicClock() - start) / 1e9
        let wanted = Double(subject.statistics.byteCount) / Double(rate)
        #expect(seconds <= wanted + 0.01 && seconds >= wanted - 0.2, "\(seconds) \(wanted)")
        try subject.engine.close()
    }

    @Test("what ends after a pass began is the next one's, which begins when its time has come")
    func laterSegments() throws {
        let subject = try subject()
        #expect(try subject.step() == .worked)
        let before = Set(store.segmentNames)
        for number in 0..<200 {
            let value = sampleBytes(300, salt: UInt64(number))
            let key = Array("later \(number)".utf8)
            _ = try subject.engine.put(key.rawSpan, value.rawSpan, WriteOptions(durability: .os))
            try subject.engine.doUrgentUntilIdle()
        }
        while try subject.engine.hintStep() {}
        let added = store.disk.fileNames(in: .segments).count
        #expect(disk.fileNames(in: .segments).count > added)
        let rest = try subject.pass()
        let first = subject.statistics.byteCount
        #expect(try subject.step() != .worked)
        disk.advance(nanoseconds: rest)
        try subject.pass()
        let second = subject.statistics.byteCount - first
        #expect(second > first && before.count < disk.fileNames(in: .segments).count)
        // A clock that was set back does not put the next one off.
        disk.setWallClock(1)
        #expect(try subject.step() == .worked)
        try subject.engine.close()
    }

    @Test("a damaged chunk is told with the key of its blob")
    func chunk() throws {
        var owners: [UInt64: [UInt8]] = [:]
        var chunks: [DumpedRecord] = []
        try StoreDump(disk, tuning: store.tuning).store { record in
            if let composite = record.composite { owners[composite.blobID] = record.key }
            if record.chunk != nil { chunks.append(record) }
            return true
        } missing: { _ in
            Issue.record("a segment is missing")
        }
        let chunk = try #require(
            chunks.first { chunk in
                guard let id = chunk.chunk?.blobID, let key = owners[id] else { return false }
                return store.model[key]?.count == 3000
            })
        try rot(chunk)
        for hasHints in [true, false] {
            if !hasHints {
                for name in store.hintNames { disk.deleteFile(name, in: .segments) }
                disk.deleteFile("SCRUB", in: .root)
            }
            let subject = try subject()
            try subject.pass()
            let id = try #require(chunk.chunk?.blobID)
            let name = escapedText(try #require(owners[id]))
            let told = subject.takeDamage().map(\.message)
            #expect(told.contains { $0.contains("the blob \(name) is damaged: chunk") }, "\(told)")
            try subject.engine.close()
        }
    }

    @Test("a damaged hint is told of and made again")
    func hint() throws {
        let name = store.hintNames[1]
        let sound = try store.hint(name)
        let subject = try subject()
        disk.flipBit(1, at: UInt64(sound.count / 2), of: name, in: .segments)
        try subject.pass()
        #expect(subject.takeDamage().count == 1 && subject.statistics.damageCount == 1)
        while try subject.engine.hintStep() {}
        #expect(disk.bytes(of: name, in: .segments) == sound)
        #expect(subject.engine.statistics().damage == [])
        try subject.engine.close()
    }

    @Test("a place that is damaged, another store's or of a newer program is none, and no finding")
    func strangePlace() throws {
        let subject = try subject()
        for _ in 0..<3 { #expect(try subject.step() == .worked) }
        try subject.engine.close()
        let place = try #require(disk.bytes(of: "SCRUB", in: .root))
        var foreign = place
        foreign[20] ^= 1
        foreign.repairTrailingChecksum()
        var newer = place
        newer[8] = 2
        newer.repairTrailingChecksum()
        var flipped = place
        flipped[50] ^= 1
        for bytes in [foreign, newer, flipped, [], Array(place.dropLast()), place + [0]] {
            disk.replaceBytes(of: "SCRUB", in: .root, with: bytes)
            var findings: [CheckFinding] = []
            _ = try StoreCheck(disk, isDeep: false, tuning: store.tuning) { findings.append($0) }
                .run()
            #expect(findings == [])
            let next = try self.subject()
            #expect(next.begins.isEmpty && next.statistics.beganAt == nil)
            #expect(try next.step() == .worked)
            #expect(next.begins == [false])
            try next.engine.close()
        }
        disk.replaceBytes(of: "SCRUB", in: .root, with: place)
        let next = try self.subject()
        #expect(next.begins == [true])
        try next.engine.close()
    }

    @Test("a scrub of everything at once is a pass, too, and overtakes one that is under way")
    func whole() throws {
        let record = try record()
        try rot(record)
        let subject = try subject()
        for _ in 0..<2 { #expect(try subject.step() == .worked) }
        _ = try subject.engine.put([7].rawSpan, [8].rawSpan)
        var findings: [CheckFinding] = []
        let summary = try subject.engine.scrubWhole(
            progress: { _ in true }, report: { findings.append($0) })
        #expect(summary?.damageCount == findings.filter { $0.severity == .damage }.count)
        #expect(findings.contains { $0.key == record.key && $0.severity == .damage })
        #expect(!subject.statistics.isUnderWay && subject.statistics.lastFullPassDamageCount == 1)
        guard case .idle = try subject.step() else {
            Issue.record("a pass is not due")
            return
        }
        let ended = try subject.engine.scrubWhole(progress: { _ in false }, report: { _ in })
        #expect(ended == nil)
        try subject.engine.close()
    }
}

@Suite("Scrub: its pace")
struct ScrubPaceTests {
    @Test("time that was lost is not made up for")
    func lostTime() {
        var pace = ScrubPace(bytesPerSecond: 1000)
        #expect(pace.pause(after: 1000, at: 5_000_000_000) == 900_000_000)
        // An hour later it may read for a tenth of a second, no more.
        let later: UInt64 = 3_605_000_000_000
        #expect(pace.pause(after: 100, at: later) == 0)
        #expect(pace.pause(after: 1000, at: later) == 1_000_000_000)
    }
}
