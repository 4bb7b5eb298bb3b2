// Writing hints: beside everything else, in steps, and never at the cost of a write.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Writing hints")
struct HintWriteTests {
    @Test("a recovered segment gets its hint in the background, bound to where it was cut")
    func recovered() throws {
        let store = try HintStore(seed: 11, closes: false)
        let disk = store.copy()
        let engine = try store.open(disk)
        try engine.workUntilIdle()
        let names = disk.fileNames(in: .segments)
        #expect(names.count { $0.hasSuffix(".hint") } == names.count { $0.hasSuffix(".seg") })
        try store.check(engine)
        disk.kill()
        let again = try store.open(disk)
        #expect(again.hintedSegmentCount == names.count { $0.hasSuffix(".seg") })
        try store.check(again)
        try again.close()
    }

    @Test("what an interrupted writer left is removed, and nothing else")
    func leftover() throws {
        let store = try HintStore(seed: 12)
        let disk = store.copy()
        let name = try #require(store.hintNames.first) + ".tmp"
        let file = try disk.create(name, in: .segments)
        try disk.write(file, [1, 2, 3].rawSpan, at: 0)
        disk.close(file)
        let engine = try store.open(disk)
        #expect(engine.findings == [])
        #expect(
            disk.fileNames(in: .segments).sorted()
                == (store.hintNames + store.segmentNames).sorted())
        try store.check(engine)
        try engine.close()
    }

    @Test("the hint of a segment that is no longer listed is removed")
    func unlisted() throws {
        let store = try HintStore(seed: 13)
        let disk = store.copy()
        let name = SegmentFileName(0x777, .hint).description
        let file = try disk.create(name, in: .segments)
        disk.close(file)
        try store.open(disk).close()
        #expect(!disk.fileNames(in: .segments).contains(name))
    }

    @Test("a disk without room for a hint costs the hint, and no write")
    func fullDisk() throws {
        let store = try HintStore(seed: 14)
        let disk = store.withoutHints()
        let engine = try store.open(disk)
        disk.inject(Fault(.write, failure: .noSpace, isSticky: true, nameSuffix: ".hint.tmp"))
        try engine.workUntilIdle()
        disk.clearFaults()
        #expect(disk.fileNames(in: .segments).allSatisfy { $0.hasSuffix(".seg") })
        _ = try engine.put([1].rawSpan, [2].rawSpan)
        #expect(try engine.get([1].rawSpan)?.bytes == [2])
        try engine.close()
    }

    @Test("an error of the disk is told, and the other hints are written")
    func failingDisk() throws {
        let store = try HintStore(seed: 15)
        let disk = store.withoutHints()
        let engine = try store.open(disk)
        disk.inject(Fault(.rename))
        #expect(try engine.errorsUntilIdle().map(\.kind) == [.inputOutput])
        let names = disk.fileNames(in: .segments)
        #expect(names.count { $0.hasSuffix(".hint") } == store.segmentNames.count - 1)
        #expect(names.allSatisfy { !$0.hasSuffix(".tmp") })
        try engine.close()
    }

    @Test("a segment that does not hold what is listed gets no hint")
    func damagedSegment() throws {
        let store = try HintStore(seed: 16)
        let disk = store.withoutHints()
        let engine = try store.open(disk)
        let name = try #require(store.segmentNames.first)
        disk.flipBit(2, at: 4096 + 9, of: name, in: .segments)
        #expect(try engine.errorsUntilIdle().map(\.kind) == [.damaged])
        let names = disk.fileNames(in: .segments)
        #expect(names.count { $0.hasSuffix(".hint") } == store.segmentNames.count - 1)
        try engine.close()
    }

    @Test("opening tells how far it has come: a last call with all keys")
    func progress() throws {
        let store = try HintStore(seed: 17)
        let calls = Guarded<[OpeningProgress]>([])
        var options = StoreOptions()
        options.progress = { progress in calls.withLock { $0.append(progress) } }
        let engine = try Engine.open(store.copy(), options: options, tuning: store.tuning)
        let last = try #require(calls.withLock { $0.last })
        #expect(last.keyCount == engine.statistics().keyCount && last.keyCount > 0)
        #expect(last.byteCount == last.byteTotal && last.byteCount > 0)
        #expect(last.secondsLeft == 0)
        try engine.close()
    }
}
