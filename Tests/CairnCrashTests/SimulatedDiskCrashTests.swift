// Tests of the simulated disk's crashes: numbered steps, reproducible seeds, snapshots, kills; and of
// the tools beside it: rot, clocks, trace, marks, dice.
//
// Helpers stand in SimulatedDiskTests.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Simulated disk: crashes")
struct SimulatedDiskCrashTests {
    /// A small log with a manifest; returns how far it got.
    @discardableResult
    private func script(_ disk: SimulatedDisk) -> Int {
        var done = 0
        func step(_ body: () throws -> Void) throws {
            try body()
            done += 1
        }
        do {
            _ = try disk.openDirectories(creating: true)
            _ = try disk.lock()
            try step { try disk.synchronize(.root) }
            let log = try disk.create("1.seg", in: .segments)
            for index in 0..<6 {
                let bytes = diskBytes(UInt8(index + 1), 300)
                try step {
                    try disk.write(log, bytes.rawSpan, [9].rawSpan, at: UInt64(index * 301))
                }
                if index % 2 == 1 { try step { try disk.synchronize(log) } }
            }
            try step { try disk.synchronize(.segments) }
            let manifest = try disk.create("M.new", in: .root)
            try step { try disk.put(manifest, diskBytes(8, 900)) }
            try step { try disk.synchronize(manifest) }
            try step { try disk.rename("M.new", in: .root, to: "M", in: .root) }
            try step { try disk.synchronize(.root) }
            try step { try disk.unlink("1.seg", in: .segments) }
            try step { try disk.truncate(log, to: 10) }
        } catch {
            #expect(error is FileError)
        }
        return done
    }

    @Test("a script has the same steps each time, and a crash at each of them stops it there")
    func crashAtEachStep() throws {
        let whole = SimulatedDisk()
        let done = script(whole)
        let stepCount = whole.stepCount
        #expect(done > 12 && stepCount > done)
        for position in CrashPosition.allCases {
            for step in 1...stepCount {
                let disk = SimulatedDisk()
                disk.crash(atStep: step, position: position)
                #expect(script(disk) <= done)
                #expect(disk.isDead)
                #expect(disk.stepCount == step)
                #expect(throws: FileError.self) { try disk.names(in: .root) }
                #expect(throws: FileError.self) { try disk.freeByteCount() }
                disk.powerCut(.random(1))
                #expect(!disk.isDead && disk.openHandleCount == 0)
                #expect(try disk.openDirectories(creating: true))
                #expect(try disk.lock() == .acquired)
            }
        }
        #expect(script(SimulatedDisk()) == done)
    }

    @Test("the same seed gives the same disk, whatever the variant", arguments: [1, 2, 3])
    func seedsReproduce(seed: UInt64) throws {
        for variant in PowerCutVariant.variants(randomCount: 10, seed: seed) {
            for step in [5, 9, 14, 20] {
                let outcomes = (0..<2).map { _ in
                    let disk = SimulatedDisk(seed: seed)
                    disk.crash(atStep: step, position: .during)
                    script(disk)
                    disk.powerCut(variant)
                    return disk.contents
                }
                #expect(outcomes[0] == outcomes[1])
            }
        }
    }

    @Test("random cuts differ by seed, and repeat with the same dice")
    func diceRepeat() throws {
        let disk = SimulatedDisk()
        disk.crash(atStep: 14)
        script(disk)
        let snapshot = disk.snapshot()
        func outcomes() -> [[String: [UInt8]]] {
            var dice = TestRandom(seed: 77)
            return (0..<50).map { _ in
                let fork = SimulatedDisk(snapshot)
                fork.powerCut(random: &dice)
                return fork.contents
            }
        }
        let first = outcomes()
        #expect(first == outcomes())
        #expect(Set(first).count > 5)
    }

    @Test("a snapshot taken before a step is that step's crash")
    func snapshotsAreCrashes() throws {
        let recorder = SimulatedDisk()
        var snapshots: [SimulatedDisk.Snapshot] = []
        recorder.stepObserver = { _ in snapshots.append(recorder.snapshot()) }
        script(recorder)
        #expect(snapshots.count == recorder.stepCount)
        for step in 1...snapshots.count {
            let crashed = SimulatedDisk()
            crashed.crash(atStep: step)
            script(crashed)
            let fork = SimulatedDisk(snapshots[step - 1])
            crashed.kill()
            fork.kill()
            #expect(crashed.contents == fork.contents)
        }
    }

    @Test("a restored disk forgets what came after the snapshot")
    func restore() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.settled("a", diskBytes(1, 5000))
        let snapshot = disk.snapshot()
        try disk.put(file, diskBytes(2, 5000))
        try disk.synchronize(file)
        try disk.unlink("a", in: .segments)
        disk.restore(snapshot)
        #expect(disk.bytes(of: "a", in: .segments) == diskBytes(1, 5000))
        #expect(disk.durableBytes(of: "a", in: .segments) == diskBytes(1, 5000))
        #expect(throws: FileError.self) { try disk.put(file, [3]) }
        let again = try #require(try disk.open("a", in: .segments, writable: true))
        #expect(again != file)
        try disk.put(again, [3])
        #expect(try disk.get(again, 2, at: 0) == [3, 1])
    }

    @Test("a kill keeps the cache, closes handles and releases the lock")
    func killKeepsCache() throws {
        let disk = try SimulatedDisk.opened()
        #expect(try disk.lock() == .acquired)
        #expect(try disk.lock() == .held(by: SimulatedDisk.lockHolder))
        let file = try disk.create("a", in: .segments)
        try disk.put(file, diskBytes(1, 100))
        disk.kill()
        #expect(disk.bytes(of: "a", in: .segments) == diskBytes(1, 100))
        #expect(disk.openHandleCount == 0)
        #expect(throws: FileError.self) { try disk.get(file, 1, at: 0) }
        disk.close(file)
        #expect(try disk.lock() == .acquired)
        disk.powerCut(.loseAll)
        #expect(disk.fileNames(in: .segments) == [])
    }

    @Test("a crash inside recovery is a crash like any other")
    func crashAgain() throws {
        let disk = SimulatedDisk()
        disk.crash(atStep: 10)
        script(disk)
        disk.powerCut(.keepAll)
        disk.crash(atStep: disk.stepCount + 2)
        _ = try disk.create("again", in: .root)
        #expect(throws: FileError.self) { try disk.synchronize(.root) }
        #expect(disk.isDead)
        disk.powerCut(.loseAll)
        #expect(!disk.fileNames(in: .root).contains("again"))
    }

    @Test("every variant leaves what was synced")
    func variantsKeepSynced() throws {
        for variant in PowerCutVariant.variants(randomCount: 100, seed: 5) {
            let disk = try SimulatedDisk.opened()
            let file = try disk.settled("a", diskBytes(1, 5000))
            try disk.put(file, diskBytes(2, 3000), at: 5000)
            disk.close(try disk.create("b", in: .segments))
            try disk.put(file, diskBytes(3, 3000), at: 8000)
            disk.powerCut(variant)
            let bytes = try #require(disk.bytes(of: "a", in: .segments))
            #expect(bytes.prefix(5000).allSatisfy { $0 == 1 } && bytes.count >= 5000)
        }
    }

    @Test("prefix keeps the past and loses what came later")
    func prefixInTime() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.settled("a", [])
        for index in 0..<8 { try disk.put(file, [UInt8(index + 1)], at: UInt64(index)) }
        disk.powerCut(.prefix(eighths: 4))
        #expect(disk.bytes(of: "a", in: .segments) == [1, 2, 3, 4])
    }
}

@Suite("Simulated disk: rot, clocks, marks")
struct SimulatedDiskToolTests {
    @Test("rot changes exactly what it names, in the cache and on the disk")
    func rot() throws {
        let disk = try SimulatedDisk.opened()
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 / 4096 + 1) }
        try disk.settled("a", bytes)
        var expected = bytes
        disk.flipBit(3, at: 77, of: "a", in: .segments)
        expected[77] ^= 8
        disk.zeroSector(at: 9800, of: "a", in: .segments)
        for index in 9728..<10_000 { expected[index] = 0 }
        disk.swapBlocks(0, 1, of: "a", in: .segments)
        expected = Array(expected[4096..<8192] + expected[0..<4096] + expected[8192...])
        #expect(disk.bytes(of: "a", in: .segments) == expected)
        #expect(disk.durableBytes(of: "a", in: .segments) == expected)
        disk.setByteCount(100, of: "a", in: .segments)
        disk.copyFile("a", in: .segments, to: "b", in: .quarantine)
        disk.moveFile("a", in: .segments, to: "c", in: .segments)
        disk.powerCut(.loseAll)
        #expect(disk.bytes(of: "b", in: .quarantine) == Array(expected.prefix(100)))
        #expect(disk.bytes(of: "c", in: .segments) == Array(expected.prefix(100)))
        disk.deleteFile("c", in: .segments)
        disk.replaceBytes(of: "d", in: .segments, with: [1, 2, 3])
        disk.powerCut(.loseAll)
        #expect(disk.fileNames(in: .segments) == ["d"])
        #expect(disk.usedByteCount == 2 * 4096)
    }

    @Test("clocks move by steps and by hand; the wall clock alone may jump")
    func clocks() throws {
        let disk = SimulatedDisk()
        let (wall, monotonic) = (disk.wallClock(), disk.monotonicClock())
        disk.advance(nanoseconds: 5)
        #expect(disk.wallClock() == wall + 5 && disk.monotonicClock() == monotonic + 5)
        disk.nanosecondsPerStep = 7
        _ = try disk.openDirectories(creating: true)
        #expect(disk.monotonicClock() == monotonic + 5 + 3 * 7)
        disk.setWallClock(1)
        #expect(disk.wallClock() == 1 && disk.monotonicClock() > monotonic)
    }

    @Test("the trace says what was asked for, in order")
    func trace() throws {
        let disk = try SimulatedDisk.opened()
        disk.isTracing = true
        let file = try disk.create("a", in: .segments)
        try disk.put(file, [1, 2], at: 3)
        try disk.synchronize(file)
        #expect(
            disk.trace == [
                "5 create segments/a", "6 write segments/a at 3 2 bytes",
                "7 synchronizeFile segments/a",
            ])
    }

    @Test("marks count, and those never hit are named")
    func marks() {
        let board = MarkBoard()
        board.hit("torn tail")
        board.hit("torn tail")
        let other = MarkBoard()
        other.hit("lie", times: 3)
        board.merge(other)
        #expect(board.count(of: "torn tail") == 2 && board.count(of: "lie") == 3)
        #expect(board.require(["lie", "garbage", "torn tail", "hole"]) == ["garbage", "hole"])
    }

    @Test("random numbers repeat by seed and spread evenly")
    func randomNumbers() {
        var first = TestRandom(seed: 5)
        var second = TestRandom(seed: 5)
        var third = TestRandom(seed: 6)
        let numbers = (0..<100).map { _ in first.next() }
        #expect(numbers == (0..<100).map { _ in second.next() })
        #expect(numbers != (0..<100).map { _ in third.next() })
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 { counts[first.below(10)] += 1 }
        #expect(counts.allSatisfy { $0 > 800 && $0 < 1200 })
        #expect(first.bytes(13).count == 13)
    }

    @Test("threads may share a disk")
    func threads() async throws {
        let disk = try SimulatedDisk.opened()
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<4 {
                group.addTask {
                    do {
                        let file = try disk.create("\(index)", in: .segments)
                        for step in 0..<500 {
                            try disk.put(file, diskBytes(UInt8(index), 100), at: UInt64(step * 100))
                            if step % 50 == 0 { try disk.synchronize(file) }
                        }
                        try disk.synchronize(file)
                    } catch {
                        Issue.record(error)
                    }
                }
            }
        }
        try disk.synchronize(.segments)
        disk.powerCut(.loseAll)
        for index in 0..<4 {
            #expect(disk.bytes(of: "\(index)", in: .segments) == diskBytes(UInt8(index), 50_000))
        }
    }
}
