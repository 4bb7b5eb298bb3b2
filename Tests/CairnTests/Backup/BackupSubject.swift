// BackupSubject — a store on the simulated disk whose segments hold a few records, and a second root.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

struct BackupSubject {
    let disk: SimulatedDisk
    let tuning: Tuning
    var engine: Engine<SimulatedDisk>
    /// What the store holds, or is about to.
    private(set) var model: [String: [UInt8]] = [:]

    /// Where backups go.
    var destination: SimulatedDisk { disk.otherRoot }

    init(seed: UInt64 = 1, options: StoreOptions = StoreOptions()) throws {
        disk = SimulatedDisk(seed: seed)
        var tuning = Tuning.segments(ofRecords: 4)
        tuning.compactionStepByteCount = 500
        self.tuning = tuning
        engine = try Engine.open(disk, options: options, tuning: tuning)
    }

    mutating func put(
        _ name: String, _ value: [UInt8], _ durability: Durability = .synced
    ) throws {
        let key = Array(name.utf8)
        _ = try engine.put(key.rawSpan, value.rawSpan, WriteOptions(durability: durability))
        model[name] = value
    }

    mutating func delete(_ name: String) throws {
        let key = Array(name.utf8)
        _ = try engine.delete(key.rawSpan)
        model[name] = nil
    }

    /// Some rounds of overwriting, so that there is something to compact.
    mutating func fill(rounds: Range<UInt8> = 0..<6) throws {
        for round in rounds {
            for name in ["a", "b", "c", "d"] {
                try put(name, Array(repeating: round, count: 400 + Int(round)))
            }
            try put("once \(round)", [round])
            if round % 2 == 1 { try delete("once \(round - 1)") }
        }
        try put("large", sampleBytes(3000, salt: UInt64(rounds.lowerBound) * 2))
    }

    @discardableResult
    func backUp(
        sharing: Bool = false, progress: (BackupProgress) -> Bool = { _ in true }
    ) throws -> BackupResult {
        let options = BackupOptions(sharesBytes: sharing)
        return try #require(try engine.backup(to: destination, options, progress: progress))
    }

    func open(
        _ disk: SimulatedDisk, _ access: StoreOptions.Access = .readOnly
    ) throws -> Engine<SimulatedDisk> {
        try Engine.open(disk, options: StoreOptions(access: access), tuning: tuning)
    }

    /// Everything in it.
    func contents(of engine: Engine<SimulatedDisk>) throws -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        for item in try engine.list(limit: 1000).page().items {
            let name = String(decoding: item.key.bytes, as: UTF8.self)
            contents[name] = try engine.get(item.key.bytes.rawSpan)?.bytes
        }
        return contents
    }

    /// What the backup shows.
    func backedUp() throws -> [String: [UInt8]] {
        let reader = try open(destination)
        #expect(reader.findings == [])
        let contents = try contents(of: reader)
        try reader.close()
        return contents
    }

    /// Every file of a root but LOCK.
    static func files(of disk: SimulatedDisk) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for directory in StoreDirectory.allCases {
            for name in disk.fileNames(in: directory) where name != "LOCK" {
                files["\(directory)/\(name)"] = disk.bytes(of: name, in: directory)
            }
        }
        return files
    }

    var segments: [String] {
        destination.fileNames(in: .segments).filter { $0.hasSuffix(".seg") }
    }
}
