// Tests of the simulated disk's directories: each forgets by itself, any subset of its pending names,
// and a rename is there or not.
//
// Helpers stand in SimulatedDiskTests.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Simulated disk: names")
struct SimulatedDiskNameTests {
    @Test("a name may be lost although its file's bytes were synced")
    func nameLost() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.create("a", in: .segments)
        try disk.put(file, diskBytes(1, 100))
        try disk.synchronize(file)
        disk.powerCut(.dataWithoutNames)
        #expect(disk.fileNames(in: .segments) == [])
    }

    @Test("a name may survive although its file's bytes do not")
    func bytesLost() throws {
        let disk = try SimulatedDisk.opened()
        let file = try disk.create("a", in: .segments)
        try disk.put(file, diskBytes(1, 100))
        let fork = SimulatedDisk(copying: disk)
        disk.powerCut(.namesWithoutData)
        #expect(disk.bytes(of: "a", in: .segments) == [])
        fork.powerCut(.lengthsWithoutData)
        #expect(fork.bytes(of: "a", in: .segments) == diskBytes(0, 100))
    }

    @Test("each directory needs its own sync")
    func directoriesApart() throws {
        let disk = try SimulatedDisk.opened()
        disk.close(try disk.create("a", in: .segments))
        disk.close(try disk.create("M", in: .root))
        let fork = SimulatedDisk(copying: disk)
        let third = SimulatedDisk(copying: disk)
        try disk.synchronize(.root)
        disk.powerCut(.loseAll)
        #expect(disk.fileNames(in: .segments) == [])
        #expect(disk.fileNames(in: .root) == ["M"])
        fork.powerCut(.rootNamesOnly)
        #expect(fork.fileNames(in: .segments) == [])
        #expect(fork.fileNames(in: .root) == ["M"])
        third.powerCut(.subdirectoryNamesOnly)
        #expect(third.fileNames(in: .segments) == ["a"])
        #expect(third.fileNames(in: .root) == [])
    }

    @Test("of pending names any subset survives")
    func anySubset() throws {
        var seen: Set<[String]> = []
        for seed in 0..<300 {
            let disk = try SimulatedDisk.opened()
            for name in ["a", "b", "c"] { disk.close(try disk.create(name, in: .segments)) }
            disk.powerCut(.random(UInt64(seed)))
            seen.insert(disk.fileNames(in: .segments))
        }
        #expect(seen.count == 8)
    }

    @Test("a rename is there or not: the old contents or the new, never neither")
    func renameIsAtomic() throws {
        var seen: Set<[UInt8]> = []
        for seed in 0..<200 {
            let disk = try SimulatedDisk.opened()
            try disk.settled("M", [1], in: .root)
            try disk.settled("M.new", [2], in: .root)
            try disk.rename("M.new", in: .root, to: "M", in: .root)
            disk.powerCut(.random(UInt64(seed)))
            let manifest = try #require(disk.bytes(of: "M", in: .root))
            seen.insert(manifest)
            #expect(disk.fileNames(in: .root).contains("M.new") == (manifest == [1]))
        }
        #expect(seen == [[1], [2]])
    }

    @Test("an unlink may survive a rename that came before it, in another name")
    func unlinkOvertakesRename() throws {
        var overtaken = false
        for seed in 0..<100 {
            let disk = try SimulatedDisk.opened()
            try disk.settled("M", [1], in: .root)
            try disk.settled("input", [1])
            try disk.settled("M.new", [2], in: .root)
            try disk.rename("M.new", in: .root, to: "M", in: .root)
            try disk.unlink("input", in: .segments)
            disk.powerCut(.random(UInt64(seed)))
            let isOld = disk.bytes(of: "M", in: .root) == [1]
            overtaken = overtaken || (isOld && disk.fileNames(in: .segments) == [])
        }
        #expect(overtaken)
    }

    @Test("a rename between directories leaves one name or both, never neither")
    func renameBetweenDirectories() throws {
        var seen: Set<[Bool]> = []
        for seed in 0..<200 {
            let disk = try SimulatedDisk.opened()
            try disk.settled("a", [1])
            try disk.rename("a", in: .segments, to: "a", in: .quarantine)
            if seed % 3 == 0 { try disk.synchronize(.quarantine) }
            disk.powerCut(.random(UInt64(seed)))
            let old = disk.bytes(of: "a", in: .segments)
            let new = disk.bytes(of: "a", in: .quarantine)
            #expect(old == [1] || new == [1])
            seen.insert([old != nil, new != nil])
        }
        #expect(seen.count == 3)
    }

    @Test("a renamed file keeps a name although its old one is taken again")
    func oldNameTakenAgain() throws {
        for seed in 0..<200 {
            let disk = try SimulatedDisk.opened()
            try disk.settled("x", [1])
            try disk.rename("x", in: .segments, to: "y", in: .segments)
            let file = try disk.create("x", in: .segments)
            try disk.put(file, [2])
            try disk.synchronize(file)
            disk.powerCut(.random(UInt64(seed)))
            let found = ["x", "y"].map { disk.bytes(of: $0, in: .segments) }
            #expect(found == [[1], nil] || found == [nil, [1]] || found == [[2], [1]])
        }
    }

    @Test("a rename between directories replaces a name that was pending there, for good")
    func renameOverPendingName() throws {
        let disk = try SimulatedDisk.opened()
        disk.close(try disk.create("x", in: .quarantine))
        try disk.settled("a", [1])
        try disk.rename("a", in: .segments, to: "x", in: .quarantine)
        try disk.synchronize(.segments)
        #expect(disk.durableBytes(of: "x", in: .quarantine) == [1])
        try disk.synchronize(.quarantine)
        #expect(disk.durableBytes(of: "x", in: .quarantine) == [1])
        disk.powerCut(.loseAll)
        #expect(disk.bytes(of: "x", in: .quarantine) == [1])
        #expect(disk.fileNames(in: .segments) == [])
    }

    @Test("names written again and again end in one of their states")
    func namesAgainAndAgain() throws {
        var seen: Set<[UInt8]?> = []
        for seed in 0..<200 {
            let disk = try SimulatedDisk.opened()
            try disk.settled("M", [0], in: .root)
            for version in UInt8(1)...3 {
                let file = try disk.create("M.new", in: .root)
                try disk.put(file, [version])
                try disk.synchronize(file)
                disk.close(file)
                try disk.rename("M.new", in: .root, to: "M", in: .root)
            }
            disk.powerCut(.random(UInt64(seed)))
            seen.insert(disk.bytes(of: "M", in: .root))
        }
        #expect(seen == [[0], [1], [2], [3]])
    }

    @Test("a subdirectory whose making was not synced takes everything along")
    func lostSubdirectory() throws {
        let disk = SimulatedDisk()
        _ = try disk.openDirectories(creating: true)
        try disk.settled("a", [1])
        disk.powerCut(.loseAll)
        #expect(try disk.names(in: .segments) == [])
        #expect(try disk.openDirectories(creating: true))
        #expect(try disk.names(in: .segments) == [])
        #expect(try Set(disk.names(in: .root)) == ["segments", "quarantine"])
    }

    @Test("missing and present names are told apart")
    func missingAndPresent() throws {
        let disk = SimulatedDisk()
        #expect(try disk.openDirectories(creating: false) == false)
        _ = try disk.openDirectories(creating: true)
        #expect(try disk.open("a", in: .root, writable: true) == nil)
        disk.close(try disk.create("a", in: .root))
        let again = #expect(throws: FileError.self) { try disk.create("a", in: .root) }
        #expect(again?.isPresent == true)
        let gone = #expect(throws: FileError.self) { try disk.unlink("b", in: .root) }
        #expect(gone?.isMissing == true)
    }
}
