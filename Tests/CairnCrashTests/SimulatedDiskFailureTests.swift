// Tests of the simulated disk's failures: lies after a failed sync, faults by count and name, a full
// disk; and that no failure touches a synced byte.
//
// Helpers stand in SimulatedDiskTests.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Simulated disk: failures")
struct SimulatedDiskFailureTests {
    @Test("after a failed sync the cache lies: the next sync succeeds and the bytes are gone")
    func failedSyncLies() throws {
        var lost = 0
        for seed in 0..<100 {
            let disk = try SimulatedDisk.opened(seed: UInt64(seed))
            let file = try disk.settled("a", diskBytes(1, 512))
            try disk.put(file, diskBytes(2, 4096), at: 512)
            disk.inject(Fault(.synchronizeFile))
            #expect(throws: FileError.self) { try disk.synchronize(file) }
            #expect(try disk.get(file, 4096, at: 512) == diskBytes(2, 4096))
            try disk.synchronize(file)
            let fork = SimulatedDisk(copying: disk)
            try disk.dropCache(of: file)
            let dropped = try #require(disk.bytes(of: "a", in: .segments))
            #expect(dropped.count == 4608 && dropped.prefix(512).allSatisfy { $0 == 1 })
            #expect(!disk.hasLies)
            fork.powerCut(.loseAll)
            #expect(fork.bytes(of: "a", in: .segments) == dropped)
            if dropped.dropFirst(512).contains(0) { lost += 1 }
        }
        #expect(lost > 50)
    }

    @Test("dropping the cache keeps what waits for a sync")
    func dropKeepsDirty() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.settled("a", diskBytes(1, 512))
        try disk.put(file, diskBytes(2, 4096), at: 512)
        disk.inject(Fault(.synchronizeFile))
        #expect(throws: FileError.self) { try disk.synchronize(file) }
        try disk.put(file, diskBytes(3, 512), at: 1024)
        try disk.dropCache(of: file)
        #expect(try disk.get(file, 512, at: 1024) == diskBytes(3, 512))
        try disk.synchronize(file)
        disk.powerCut(.loseAll)
        let bytes = try #require(disk.bytes(of: "a", in: .segments))
        #expect(bytes[1024..<1536].allSatisfy { $0 == 3 })
    }

    @Test("a sync of its neighbours does not make a lie true")
    func lieOutlivesNeighbours() throws {
        var lost = 0
        for seed in 0..<50 {
            let disk = try SimulatedDisk.opened(seed: UInt64(seed))
            let file = try disk.settled("a", diskBytes(1, 4096))
            try disk.put(file, diskBytes(2, 512))
            disk.inject(Fault(.synchronizeFile))
            #expect(throws: FileError.self) { try disk.synchronize(file) }
            try disk.put(file, diskBytes(3, 512), at: 1024)
            try disk.synchronize(file)
            disk.powerCut(.keepAll)
            let bytes = try #require(disk.bytes(of: "a", in: .segments))
            #expect(Array(bytes[1024..<1536]) == diskBytes(3, 512))
            if bytes[0] == 1 { lost += 1 }
        }
        #expect(lost > 10)
    }

    @Test("a restart after a failed sync still sees the lie; a power cut does not")
    func lieSurvivesKill() throws {
        var differs = false
        for seed in 0..<20 {
            let disk = try SimulatedDisk.opened(seed: UInt64(seed))
            let file = try disk.settled("a", diskBytes(1, 512))
            try disk.put(file, diskBytes(2, 2048))
            disk.inject(Fault(.synchronizeFile))
            #expect(throws: FileError.self) { try disk.synchronize(file) }
            disk.kill()
            #expect(disk.bytes(of: "a", in: .segments) == diskBytes(2, 2048))
            disk.powerCut(.keepAll)
            differs = differs || disk.bytes(of: "a", in: .segments) != diskBytes(2, 2048)
        }
        #expect(differs)
    }

    @Test("a failed directory sync leaves names that no later sync makes durable")
    func failedDirectorySync() throws {
        var lied = 0
        for seed in 0..<60 {
            let disk = try SimulatedDisk.opened(seed: UInt64(seed))
            try disk.settled("M", [1], in: .root)
            try disk.settled("M.new", [2], in: .root)
            try disk.rename("M.new", in: .root, to: "M", in: .root)
            disk.inject(Fault(.synchronizeDirectory, directory: .root))
            #expect(throws: FileError.self) { try disk.synchronize(.root) }
            #expect(disk.bytes(of: "M", in: .root) == [2])
            try disk.synchronize(.root)
            disk.powerCut(.keepAll)
            if disk.bytes(of: "M", in: .root) == [1] { lied += 1 }
        }
        #expect(lied > 10 && lied < 60)
    }

    @Test("a new rename to a name that was a lie makes it durable")
    func renameHealsLie() throws {
        for seed in 0..<30 {
            let disk = try SimulatedDisk.opened(seed: UInt64(seed))
            try disk.settled("M", [1], in: .root)
            let file = try disk.create("M.new", in: .root)
            try disk.put(file, [2])
            try disk.synchronize(file)
            try disk.rename("M.new", in: .root, to: "M", in: .root)
            disk.inject(Fault(.synchronizeDirectory))
            #expect(throws: FileError.self) { try disk.synchronize(.root) }
            try disk.settled("M.new", [3], in: .root)
            try disk.rename("M.new", in: .root, to: "M", in: .root)
            try disk.synchronize(.root)
            disk.powerCut(.loseAll)
            #expect(disk.bytes(of: "M", in: .root) == [3])
        }
    }

    @Test("faults strike the n-th matching call, once or from then on")
    func faultsCount() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.settled("x.seg", diskBytes(1, 10))
        let other = try disk.settled("x.hint", diskBytes(1, 10))
        disk.inject(Fault(.read, occurrence: 2, nameSuffix: ".seg"))
        _ = try disk.get(file, 1, at: 0)
        _ = try disk.get(other, 1, at: 0)
        let failure = #expect(throws: FileError.self) { try disk.get(file, 1, at: 0) }
        #expect(failure?.code == 5 && failure?.path == "segments/x.seg")
        _ = try disk.get(file, 1, at: 0)
        disk.inject(Fault(.create, .open, failure: .tooManyOpenFiles, isSticky: true))
        for _ in 0..<3 {
            #expect(throws: FileError.self) {
                try disk.open("x.seg", in: .segments, writable: false)
            }
        }
        disk.clearFaults()
        #expect(try disk.open("x.seg", in: .segments, writable: false) != nil)
    }

    @Test("a write that fails leaves any part of itself")
    func partialWrites() throws {
        var lengths: Set<UInt64> = []
        for seed in 0..<30 {
            let disk = try SimulatedDisk.opened(seed: UInt64(seed))
            let file = try disk.create("a", in: .segments)
            disk.inject(Fault(.write, failure: .noSpace))
            #expect(throws: FileError.self) { try disk.put(file, diskBytes(1, 5000)) }
            lengths.insert(try disk.byteCount(of: file))
        }
        #expect(lengths.count > 10 && lengths.allSatisfy { $0 <= 5000 })
    }

    @Test("space that a power cut takes from files is free again")
    func lostSpaceReturns() throws {
        let disk = try SimulatedDisk.opened()
        disk.capacity = 10 * 4096
        let file = try disk.settled("a", diskBytes(1, 4096))
        try disk.put(file, diskBytes(2, 4 * 4096), at: 4096)
        try disk.put(try disk.create("b", in: .segments), diskBytes(3, 4096))
        #expect(try disk.freeByteCount() == 4 * 4096)
        disk.powerCut(.loseAll)
        #expect(try disk.freeByteCount() == 9 * 4096)
        try disk.unlink("a", in: .segments)
        #expect(try disk.freeByteCount() == 10 * 4096)
        disk.powerCut(.loseAll)
        #expect(try disk.freeByteCount() == 9 * 4096)
    }

    @Test("a full disk takes what fits, and unlinking gives the space back")
    func spaceReturns() throws {
        let disk = try SimulatedDisk.opened()
        disk.capacity = 10 * 4096
        let file = try disk.create("a", in: .segments)
        try disk.put(file, diskBytes(1, 6 * 4096))
        #expect(try disk.freeByteCount() == 4 * 4096)
        let other = try disk.create("b", in: .segments)
        let failure = #expect(throws: FileError.self) {
            try disk.put(other, diskBytes(2, 5 * 4096))
        }
        #expect(failure?.isOutOfSpace == true)
        #expect(try disk.byteCount(of: other) == 4 * 4096)
        #expect(try disk.freeByteCount() == 0)
        try disk.put(other, diskBytes(3, 4096))
        #expect(throws: FileError.self) { try disk.allocate(other, byteCount: 5 * 4096) }
        try disk.unlink("a", in: .segments)
        #expect(try disk.freeByteCount() == 0)
        disk.close(file)
        #expect(try disk.freeByteCount() == 6 * 4096)
        try disk.allocate(other, byteCount: 10 * 4096)
        try disk.truncate(other, to: 4096)
        #expect(try disk.freeByteCount() == 9 * 4096)
        disk.powerCut(.keepAll)
        #expect(try disk.freeByteCount() == 9 * 4096)
    }
}

/// What must be read of one file and what must survive, byte by byte: nil where anything may.
private struct Survivors {
    var visible: [UInt8?] = []
    var durable: [UInt8?] = []
    var dirty: Set<Int> = []
    var byteCount = 0
    var shortest = 0

    mutating func write(_ bytes: [UInt8], at offset: Int) {
        if bytes.isEmpty { return }
        lengthen(to: offset + bytes.count)
        for (index, byte) in bytes.enumerated() { set(offset + index, byte) }
    }

    mutating func truncate(to count: Int) {
        lengthen(to: count)
        for index in count..<byteCount {
            set(index, 0)
            dirty.remove(index)
        }
        byteCount = count
        shortest = min(shortest, count)
    }

    private mutating func lengthen(to count: Int) {
        let missing = max(0, count - visible.count)
        visible += [UInt8?](repeating: nil, count: missing)
        durable += [UInt8?](repeating: nil, count: missing)
        for index in byteCount..<max(byteCount, count) { set(index, 0) }
        byteCount = max(byteCount, count)
    }

    private mutating func set(_ index: Int, _ byte: UInt8) {
        visible[index] = byte
        durable[index] = nil
        dirty.insert(index)
    }

    /// A sync that succeeded.
    mutating func synchronize() {
        for index in dirty { durable[index] = visible[index] }
        dirty = []
        shortest = byteCount
    }

    /// A sync that failed: all that was dirty may be a lie.
    mutating func fail() { dirty = [] }

    /// The cache was dropped: of what is clean, only what is durable is known.
    mutating func dropCache() {
        for index in visible.indices where !dirty.contains(index) && durable[index] == nil {
            visible[index] = nil
        }
    }

    func isVisible(in found: [UInt8]) -> Bool {
        found.count == byteCount && zip(visible, found).allSatisfy { $0 == nil || $0 == $1 }
    }

    func isDurable(in found: [UInt8]) -> Bool {
        found.count >= shortest
            && zip(durable.prefix(shortest), found).allSatisfy { $0 == nil || $0 == $1 }
    }
}

@Suite("Simulated disk: what was synced")
struct SimulatedDiskSurvivalTests {
    @Test("no cut, kill, failed sync or dropped cache touches a synced byte that nobody overwrote")
    func syncedBytesSurvive() throws {
        var dice = TestRandom.reported("synced bytes survive", fallback: 12)
        for round in 0..<200 {
            let disk = try SimulatedDisk.opened(seed: dice.next())
            disk.isTracing = true
            var file = try disk.settled("a", [])
            var survivors = Survivors()
            for _ in 0..<dice.below(40) {
                try change(disk, &file, &survivors, &dice)
                if dice.below(4) > 0 { continue }
                let found = try #require(disk.bytes(of: "a", in: .segments))
                let isVisible = survivors.isVisible(in: found)
                #expect(isVisible, "round \(round): \(disk.trace)")
            }
            disk.powerCut(random: &dice)
            let found = try #require(disk.bytes(of: "a", in: .segments))
            let isDurable = survivors.isDurable(in: found)
            #expect(isDurable, "round \(round): \(disk.trace)")
        }
    }

    private func change(
        _ disk: SimulatedDisk, _ file: inout FileHandle, _ survivors: inout Survivors,
        _ dice: inout TestRandom
    ) throws {
        switch dice.below(12) {
        case 0, 1, 2:
            try disk.synchronize(file)
            survivors.synchronize()
        case 3:
            disk.inject(Fault(.synchronizeFile))
            #expect(throws: FileError.self) { try disk.synchronize(file) }
            disk.clearFaults()
            survivors.fail()
        case 4:
            try disk.dropCache(of: file)
            survivors.dropCache()
        case 5:
            let count = dice.below(9000)
            try disk.truncate(file, to: UInt64(count))
            survivors.truncate(to: count)
        case 6:
            disk.kill()
            file = try #require(try disk.open("a", in: .segments, writable: true))
        default:
            let offset = dice.coin() ? Int(try disk.byteCount(of: file)) : dice.below(6000)
            let bytes = dice.bytes(dice.below(dice.coin() ? 100 : 5000))
            try disk.put(file, bytes, at: UInt64(offset))
            survivors.write(bytes, at: offset)
        }
    }
}
