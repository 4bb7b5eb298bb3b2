// HintStore — a store on the simulated disk with everything that hints describe, for their tests.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

/// Overwritten, deleted and large blobs in several segments; the keys' values are known.
struct HintStore {
    let disk: SimulatedDisk
    var tuning: Tuning
    private(set) var model: [[UInt8]: [UInt8]] = [:]
    private(set) var deleted: Set<[UInt8]> = []

    /// A closed store. `mask` makes hashes collide.
    init(
        seed: UInt64, operations: Int = 300, keyCount: Int = 60, mask: UInt64 = .max,
        closes: Bool = true
    ) throws {
        var random = TestRandom(seed: seed)
        disk = SimulatedDisk(seed: seed)
        tuning = .small
        tuning.indexShardCount = 8
        tuning.segmentByteCountMinimum = 16384
        tuning.segmentByteCountMaximum = 16384
        tuning.hintBlockByteCount = 256
        tuning.loadByteCount = 2048
        tuning.hashMask = mask
        let engine = try Engine.open(disk, tuning: tuning)
        for number in 0..<operations {
            let key = Array("key \(random.below(keyCount))".utf8)
            let options = WriteOptions(durability: .os)
            if random.chance(1, in: 4) {
                _ = try engine.delete(key.rawSpan, options)
                model[key] = nil
                deleted.insert(key)
            } else {
                let count = random.chance(1, in: 20) ? 3000 : random.below(400)
                let value = sampleBytes(count, salt: UInt64(number))
                _ = try engine.put(key.rawSpan, value.rawSpan, options)
                model[key] = value
                deleted.remove(key)
            }
            try engine.doUrgentUntilIdle()
        }
        if closes {
            try engine.close()
        } else {
            try engine.flush()
            try engine.markIdle()
            disk.kill()
        }
    }

    var hintNames: [String] {
        disk.fileNames(in: .segments).filter { $0.hasSuffix(".hint") }
    }

    var segmentNames: [String] {
        disk.fileNames(in: .segments).filter { $0.hasSuffix(".seg") }
    }

    func hint(_ name: String) throws -> [UInt8] {
        try #require(disk.bytes(of: name, in: .segments))
    }

    /// A copy of the disk with this file replaced, or without it.
    func copy(replacing name: String? = nil, by bytes: [UInt8]? = nil) -> SimulatedDisk {
        let copy = SimulatedDisk(copying: disk)
        if let name {
            if let bytes {
                copy.replaceBytes(of: name, in: .segments, with: bytes)
            } else {
                copy.deleteFile(name, in: .segments)
            }
        }
        return copy
    }

    func withoutHints() -> SimulatedDisk { disk.withoutHints() }

    func open(_ disk: SimulatedDisk, threads: Int? = nil) throws -> Engine<SimulatedDisk> {
        var options = StoreOptions()
        options.loadingThreadCount = threads
        options.compacts = false
        return try Engine.open(disk, options: options, tuning: tuning)
    }

    /// Every key reads as it should, and the store has no complaint.
    func check(
        _ engine: Engine<SimulatedDisk>, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for (key, value) in model {
            let bytes = try engine.get(key.rawSpan)?.bytes
            #expect(bytes == value, sourceLocation: sourceLocation)
        }
        for key in deleted {
            #expect(try engine.get(key.rawSpan) == nil, sourceLocation: sourceLocation)
        }
        #expect(
            engine.statistics().keyCount == UInt64(model.count), sourceLocation: sourceLocation)
        #expect(engine.findings == [], sourceLocation: sourceLocation)
    }
}

extension SimulatedDisk {
    /// A copy of the disk without hints.
    func withoutHints() -> SimulatedDisk {
        let copy = SimulatedDisk(copying: self)
        for name in fileNames(in: .segments) where name.hasSuffix(".hint") {
            copy.deleteFile(name, in: .segments)
        }
        return copy
    }
}
