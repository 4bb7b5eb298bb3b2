// Tests of the simulated disk: it forgets what a real disk may forget, and nothing else.
//
// Each test makes its own disk. Where a promise is "may happen", many seeds are tried and both
// outcomes must be seen; where it is "never", none may show it.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

/// What the tests below say to a disk, in one word each.
extension SimulatedDisk {
    static func opened(seed: UInt64 = 1) throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: seed)
        _ = try disk.openDirectories(creating: true)
        try disk.synchronize(.root)
        return disk
    }

    func put(_ file: FileHandle, _ bytes: [UInt8], at offset: UInt64 = 0) throws {
        try write(file, bytes.rawSpan, at: offset)
    }

    func get(_ file: FileHandle, _ count: Int, at offset: UInt64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        var result = 0
        try bytes.withMutableRawSpan { (span: inout MutableRawSpan) throws(FileError) in
            result = try read(file, into: &span, at: offset)
        }
        return Array(bytes.prefix(result))
    }

    /// A synced file of `bytes` with a synced name.
    @discardableResult
    func settled(
        _ name: String, _ bytes: [UInt8], in directory: StoreDirectory = .segments
    ) throws -> FileHandle {
        let file = try create(name, in: directory)
        try put(file, bytes)
        try synchronize(file)
        try synchronize(directory)
        return file
    }

    /// All files of all directories, as reads see them.
    var contents: [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for directory in StoreDirectory.allCases {
            for name in fileNames(in: directory) {
                result["\(directory)/\(name)"] = bytes(of: name, in: directory)
            }
        }
        return result
    }
}

/// `count` times the same byte.
func diskBytes(_ byte: UInt8, _ count: Int) -> [UInt8] {
    [UInt8](repeating: byte, count: count)
}

@Suite("Simulated disk: bytes")
struct SimulatedDiskByteTests {
    @Test("what is written is read, and the end of the file ends a read")
    func readsWhatIsWritten() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.create("a", in: .segments)
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try disk.put(file, bytes, at: 100)
        #expect(try disk.byteCount(of: file) == 10_100)
        #expect(try disk.get(file, 100, at: 0) == diskBytes(0, 100))
        #expect(try disk.get(file, 20_000, at: 100) == bytes)
        #expect(try disk.get(file, 10, at: 10_100) == [])
        #expect(try disk.get(file, 10, at: 1 << 50) == [])
        try disk.write(file, [1, 2].rawSpan, [3].rawSpan, at: 0)
        #expect(try disk.get(file, 4, at: 0) == [1, 2, 3, 0])
        try disk.truncate(file, to: 150)
        try disk.truncate(file, to: 300)
        #expect(try disk.get(file, 300, at: 148) == Array(bytes[48..<50]) + diskBytes(0, 150))
    }

    @Test("an unsynced write may be lost, and a synced one never is")
    func unsyncedIsLost() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.settled("a", diskBytes(1, 1000))
        try disk.put(file, diskBytes(2, 1000), at: 1000)
        disk.powerCut(.loseAll)
        #expect(disk.bytes(of: "a", in: .segments) == diskBytes(1, 1000))
    }

    @Test("keepAll keeps what was not synced")
    func keepAllKeeps() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.create("a", in: .segments)
        try disk.put(file, diskBytes(2, 5000))
        let before = disk.contents
        disk.powerCut(.keepAll)
        #expect(disk.contents == before)
    }

    @Test("sectors of one write tear apart: kept, lost and garbage")
    func sectorsTear() throws {
        var kept = 0
        var lost = 0
        var garbage = 0
        for seed in 0..<300 {
            let disk = try SimulatedDisk.opened()
            let file = try disk.settled("a", [])
            try disk.put(file, diskBytes(7, 8 * 512))
            disk.powerCut(.random(UInt64(seed)))
            let bytes = try #require(disk.bytes(of: "a", in: .segments))
            for start in stride(from: 0, to: bytes.count, by: 512) {
                let sector = bytes[start..<min(start + 512, bytes.count)]
                if sector.allSatisfy({ $0 == 7 }) {
                    kept += 1
                } else if sector.allSatisfy({ $0 == 0 }) {
                    lost += 1
                } else {
                    garbage += 1
                }
            }
        }
        #expect(kept > 300)
        #expect(lost > 300)
        #expect(garbage > 30)
    }

    @Test("a sector with synced bytes ends old or new, never garbage")
    func syncedSectorsAreNeverGarbage() throws {
        var seen: Set<[UInt8]> = []
        for seed in 0..<400 {
            let disk = try SimulatedDisk.opened()
            let file = try disk.settled("a", diskBytes(1, 700))
            try disk.put(file, diskBytes(2, 100), at: 700)
            disk.powerCut(.random(UInt64(seed)))
            let bytes = try #require(disk.bytes(of: "a", in: .segments))
            #expect(bytes.prefix(700).allSatisfy { $0 == 1 })
            let tail = Array(bytes.dropFirst(700))
            #expect(tail.allSatisfy { $0 == 2 } || tail.allSatisfy { $0 == 0 })
            seen.insert(tail)
        }
        #expect(seen.contains([]))
        #expect(seen.contains(diskBytes(2, 100)))
        #expect(seen.contains(diskBytes(0, 100)))
    }

    @Test("an overwritten sector ends in any of its versions")
    func anyVersion() throws {
        var seen: Set<UInt8> = []
        for seed in 0..<300 {
            let disk = try SimulatedDisk.opened()
            let file = try disk.settled("a", diskBytes(1, 512))
            try disk.put(file, diskBytes(2, 512))
            try disk.put(file, diskBytes(3, 512))
            disk.powerCut(.random(UInt64(seed)))
            let bytes = try #require(disk.bytes(of: "a", in: .segments))
            #expect(Set(bytes).count == 1)
            seen.insert(bytes[0])
        }
        #expect(seen == [1, 2, 3])
    }

    @Test("of two unsynced writes the later one may survive alone")
    func holes() throws {
        let outcomes = try (0..<200).map { seed in
            let disk = try SimulatedDisk.opened()
            let file = try disk.settled("a", diskBytes(9, 512))
            try disk.put(file, diskBytes(1, 512), at: 512)
            try disk.put(file, diskBytes(2, 512), at: 1024)
            disk.powerCut(.random(UInt64(seed)))
            return disk.bytes(of: "a", in: .segments) ?? []
        }
        #expect(outcomes.contains(diskBytes(9, 512) + diskBytes(0, 512) + diskBytes(2, 512)))
        #expect(outcomes.contains(diskBytes(9, 512) + diskBytes(1, 512)))
    }

    @Test("the length may run ahead of the data and behind it, never below what was synced")
    func lengths() throws {
        var ahead = 0
        var behind = 0
        for seed in 0..<300 {
            let disk = try SimulatedDisk.opened()
            let file = try disk.settled("a", diskBytes(1, 600))
            try disk.put(file, diskBytes(2, 5000), at: 600)
            disk.powerCut(.random(UInt64(seed)))
            let bytes = try #require(disk.bytes(of: "a", in: .segments))
            #expect(bytes.count >= 600 && bytes.count <= 5600)
            if bytes.count == 5600 && bytes.last == 0 { ahead += 1 }
            if bytes.count < 5600 && bytes.last == 2 { behind += 1 }
        }
        #expect(ahead > 10)
        #expect(behind > 10)
    }

    @Test("space laid out ahead keeps its length; a torn write into it may be garbage")
    func spaceAhead() throws {
        var garbage = 0
        for seed in 0..<300 {
            let disk = try SimulatedDisk.opened()
            let file = try disk.create("a", in: .segments)
            try disk.allocate(file, byteCount: 1 << 16)
            try disk.put(file, diskBytes(1, 700))
            try disk.synchronize(file)
            try disk.synchronize(.segments)
            try disk.put(file, diskBytes(2, 3000), at: 700)
            disk.powerCut(.random(UInt64(seed)))
            let bytes = try #require(disk.bytes(of: "a", in: .segments))
            #expect(bytes.count == 1 << 16)
            #expect(bytes.prefix(700).allSatisfy { $0 == 1 })
            #expect(bytes.dropFirst(3700).allSatisfy { $0 == 0 })
            if bytes[700..<3700].contains(where: { $0 != 0 && $0 != 2 }) { garbage += 1 }
        }
        #expect(garbage > 10)
    }

    @Test("an unsynced cut may come undone, and what it cut is old or zero")
    func cutsComeUndone() throws {
        var lengths: Set<Int> = []
        for seed in 0..<200 {
            let disk = try SimulatedDisk.opened()
            let file = try disk.settled("a", diskBytes(1, 4000))
            try disk.truncate(file, to: 100)
            try disk.put(file, diskBytes(2, 100), at: 2000)
            disk.powerCut(.random(UInt64(seed)))
            let bytes = try #require(disk.bytes(of: "a", in: .segments))
            #expect(bytes.prefix(100).allSatisfy { $0 == 1 })
            lengths.insert(bytes.count)
        }
        #expect(lengths.contains(4000))
        #expect(lengths.contains(100))
        #expect(lengths.contains(2100))
    }

    @Test("a file of terabytes costs what was written")
    func sparse() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.create("big", in: .segments)
        let far: UInt64 = 5 << 40
        try disk.truncate(file, to: far)
        try disk.put(file, [1, 2, 3], at: far - 2)
        try disk.put(file, [4], at: 1 << 30)
        try disk.synchronize(file)
        try disk.synchronize(.segments)
        disk.powerCut(.loseAll)
        let again = try #require(try disk.open("big", in: .segments, writable: false))
        #expect(try disk.byteCount(of: again) == far + 1)
        #expect(try disk.get(again, 10, at: far - 4) == [0, 0, 1, 2, 3])
        #expect(try disk.get(again, 3, at: 1 << 30 - 1) == [0, 4, 0])
        #expect(disk.usedByteCount <= 4 * 4096)
    }

    @Test("a file that is unlinked while open stays readable")
    func unlinkedStaysReadable() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.settled("a", diskBytes(5, 10))
        try disk.unlink("a", in: .segments)
        try disk.synchronize(.segments)
        #expect(try disk.open("a", in: .segments, writable: false) == nil)
        #expect(try disk.get(file, 10, at: 0) == diskBytes(5, 10))
        disk.close(file)
        #expect(disk.usedByteCount == 0)
    }

    @Test("random writes, cuts and syncs agree with a plain array until the power goes")
    func agreesWithArray() throws {
        var dice = TestRandom.reported("agrees with array", fallback: 11)
        for _ in 0..<30 {
            let disk = try SimulatedDisk.opened(seed: dice.next())
            let file = try disk.create("a", in: .segments)
            try disk.synchronize(.segments)
            var now: [UInt8] = []
            var synced: [UInt8] = []
            for _ in 0..<60 { try change(disk, file, &now, &synced, &dice) }
            #expect(disk.bytes(of: "a", in: .segments) == now)
            #expect(disk.durableBytes(of: "a", in: .segments) == synced)
            let fork = SimulatedDisk(copying: disk)
            disk.powerCut(.loseAll)
            fork.powerCut(.keepAll)
            #expect(disk.bytes(of: "a", in: .segments) == synced)
            #expect(fork.bytes(of: "a", in: .segments) == now)
        }
    }

    private func change(
        _ disk: SimulatedDisk, _ file: FileHandle, _ now: inout [UInt8],
        _ synced: inout [UInt8], _ dice: inout TestRandom
    ) throws {
        switch dice.below(8) {
        case 0:
            try disk.synchronize(file)
            synced = now
        case 1:
            let count = dice.below(30_000)
            try disk.truncate(file, to: UInt64(count))
            now = Array((now + diskBytes(0, max(0, count - now.count))).prefix(count))
        default:
            let offset = dice.below(20_000)
            let bytes = dice.coin() ? dice.bytes(dice.below(9000)) : diskBytes(0, dice.below(9000))
            try disk.put(file, bytes, at: UInt64(offset))
            if bytes.isEmpty { return }
            let end = max(now.count, offset + bytes.count)
            now += diskBytes(0, end - now.count)
            now.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
    }
}
