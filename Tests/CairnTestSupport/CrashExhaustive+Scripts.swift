// The scripts that are cut everywhere: each has one subject, and all of them the steps around it.

internal import Cairn

extension CrashExhaustive {
    /// All scripts of the suite.
    package static var all: [CrashExhaustive] {
        [
            creation, rotation, batches, largeBlobs, weakDurabilities, reopening, failedSync,
            fullDisk,
        ]
            + drawn
    }

    static func tuning(_ change: (inout Tuning) -> Void = { _ in }) -> Tuning {
        var random = TestRandom(seed: 1)
        var tuning = CrashWorld.tinyTuning(random: &random)
        tuning.bufferByteCount = 2048
        tuning.directByteCount = 512
        tuning.blockByteCount = 128
        tuning.segmentByteCountMinimum = 5120
        tuning.segmentByteCountMaximum = 5120
        tuning.segmentRecordCountMaximum = 1_000_000
        tuning.sequenceLease = 32
        tuning.zeroAheadByteCount = 512
        tuning.reserveByteCountMaximum = 16384
        tuning.scanByteCount = 4096
        tuning.hintBlockByteCount = 256
        tuning.loadByteCount = 4096
        tuning.hashMask = .max
        change(&tuning)
        return tuning
    }

    static func put(
        _ key: Int, _ byteCount: Int, _ durability: Durability, isBlocking: Bool = false
    ) -> CrashOperation {
        .write(CrashWrite(key: key, byteCount: byteCount), durability, isBlocking: isBlocking)
    }

    static func delete(_ key: Int, _ durability: Durability) -> CrashOperation {
        .write(CrashWrite(key: key, byteCount: nil), durability, isBlocking: false)
    }

    static var creation: CrashExhaustive {
        CrashExhaustive(
            "a new store and its first records", tuning(),
            [put(1, 100, .synced, isBlocking: true), put(2, 30, .os, isBlocking: true)])
    }

    static var rotation: CrashExhaustive {
        var script: [CrashOperation] = []
        for round in 0..<6 {
            script += [
                put(round, 300, .synced, isBlocking: round % 2 == 0), put(round + 1, 60, .os),
            ]
            script += [.commit(sync: false), delete(round, .os), put(7, round, .interval)]
        }
        return CrashExhaustive(
            "rotation", tuning(), script + Array(repeating: .backgroundStep, count: 6) + [.flush])
    }

    static var batches: CrashExhaustive {
        let three = [
            CrashWrite(key: 1, byteCount: 200), CrashWrite(key: 2, byteCount: 700),
            CrashWrite(key: 3, byteCount: nil),
        ]
        let two = [CrashWrite(key: 3, byteCount: 90), CrashWrite(key: 1, byteCount: 10)]
        return CrashExhaustive(
            "batches", tuning(),
            [
                put(3, 50, .synced), .batch(three, .os), .batch(two, .interval),
                put(4, 40, .interval), .batch(three, .synced), .batch(two, .os),
                .commit(sync: true), .batch(three, .interval),
            ])
    }

    static var largeBlobs: CrashExhaustive {
        CrashExhaustive(
            "large blobs", tuning(),
            [
                put(1, 1500, .synced, isBlocking: true),
                .beginUpload(key: 2, .none, .synced), .feedUpload(byteCount: 900),
                put(1, 1100, .os), .feedUpload(byteCount: 800), .commitUpload,
                .backgroundStep, .backgroundStep, .backgroundStep, .backgroundStep,
                delete(1, .synced), .commit(sync: false),
                .beginUpload(key: 3, .none, .interval), .feedUpload(byteCount: 700), .abortUpload,
                .backgroundStep, put(2, 5, .synced, isBlocking: true), .backgroundStep,
            ])
    }

    static var weakDurabilities: CrashExhaustive {
        var script: [CrashOperation] = []
        for round in 0..<5 {
            script += [
                put(round % 3, 100 + round, .interval), put(4, 80, .os), put(5, round, .synced),
                put(5, 33, .interval), delete(5, .os), .commit(sync: round == 3),
            ]
        }
        return CrashExhaustive("os and interval writes", tuning(), script + [.markIdle])
    }

    static var reopening: CrashExhaustive {
        var exhaustive = rotation
        exhaustive.prologue = rotation.script + batches.script + largeBlobs.script
        exhaustive.script = [
            put(1, 120, .synced), delete(2, .synced), .commit(sync: false), put(3, 900, .os),
        ]
        return CrashExhaustive(
            named: "reopening what was killed", exhaustive)
    }

    static var failedSync: CrashExhaustive {
        CrashExhaustive(
            "a failed sync", tuning(),
            [
                put(1, 100, .synced, isBlocking: true), put(2, 100, .os), .commit(sync: false),
                .fault(Fault(.synchronizeFile)), put(3, 50, .synced), delete(1, .synced),
                .commit(sync: false), .readAll, put(4, 4, .synced, isBlocking: true),
            ])
    }

    static var fullDisk: CrashExhaustive {
        CrashExhaustive(
            "a full disk", tuning(),
            [
                put(1, 400, .synced, isBlocking: true), put(2, 100, .synced, isBlocking: true),
                .capacity(0), put(3, 3000, .synced, isBlocking: true),
                put(4, 500, .synced, isBlocking: true), delete(1, .synced), .commit(sync: false),
                delete(2, .synced), .flush, .capacity(1 << 20),
                put(5, 200, .synced, isBlocking: true), .backgroundStep,
            ])
    }

    /// Scripts of the random driver, so that the exhaustive one has no blind spot of its own.
    static var drawn: [CrashExhaustive] {
        (0..<4).map { number in
            var random = TestRandom(seed: 100 + UInt64(number))
            var shape = CrashScript.Shape()
            shape.hasFaults = number % 2 == 1
            let script = CrashScript.draw(14, shape, random: &random)
            return CrashExhaustive(
                "drawn script \(number)",
                tuning { if number == 2 { $0.hashMask = 3 } }, script)
        }
    }

    private init(named name: String, _ other: CrashExhaustive) {
        self.init(name, other.tuning, other.script)
        prologue = other.prologue
    }
}
