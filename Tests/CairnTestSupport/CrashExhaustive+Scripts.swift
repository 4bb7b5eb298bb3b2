// The scripts that are cut everywhere: each has one subject, and all of them the steps around it.

internal import Cairn

extension CrashExhaustive {
    /// All scripts of the suite.
    package static var all: [CrashExhaustive] {
        [
            creation, rotation, expiredBlobs, expiredOverOlder, batches, largeBlobs,
            weakDurabilities, reopening, failedSync, fullDisk, compaction, compactionOfDeletes,
            compactionOfBlobs, compactionRaces,
            compactionWhenFull, compactionInReads, backup,
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
        tuning.reserveByteCounts = 16384...16384
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

    /// An expired blob over an older one that is still there, and a large one.
    static var expiredBlobs: CrashExhaustive {
        func expiring(_ key: Int, _ byteCount: Int) -> CrashOperation {
            var write = CrashWrite(key: key, byteCount: byteCount)
            write.secondsToExpiry = 1
            return .write(write, .synced, isBlocking: true)
        }
        var exhaustive = CrashExhaustive(
            "expired blobs", tuning { $0.compactionStepByteCount = 700 },
            [.passTime(seconds: 4 * 3600), .compact(steps: 20), .jumpClock]
                + [CrashOperation](repeating: .backgroundStep, count: 30)
                + [put(2, 30, .synced, isBlocking: true), .jumpClock, .readAll])
        exhaustive.prologue =
            [
                put(1, 400, .os), put(2, 450, .os), expiring(1, 400), expiring(4, 200),
                expiring(5, 100), put(3, 700, .os), expiring(6, 1300), put(7, 500, .synced),
                .flush,
            ] + [CrashOperation](repeating: .backgroundStep, count: 30)
        return exhaustive
    }

    /// An expired blob in a segment that is replaced, over an older one in a segment that is not.
    package static var expiredOverOlder: CrashExhaustive {
        var expiring = CrashWrite(key: 1, byteCount: 50)
        expiring.secondsToExpiry = 1
        var exhaustive = CrashExhaustive(
            "an expired blob over an older one that stays",
            tuning { $0.segmentRecordCountMaximum = 7 },
            [.passTime(seconds: 4 * 3600), .compact(steps: 30), .readAll])
        let older = [1, 0, 2, 3, 4, 5, 6].map { put($0, 50, .os) }
        let newer = [CrashOperation](repeating: put(7, 50, .synced), count: 7)
        exhaustive.prologue =
            older + [.write(expiring, .synced, isBlocking: true)] + newer + [.flush]
            + [CrashOperation](repeating: .backgroundStep, count: 30)
        return exhaustive
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

    // MARK: Compaction

    /// Every segment holds little, and every operation is followed by a step of compaction.
    private static func compacting(
        _ name: String, steps: Int = 2, _ script: [CrashOperation],
        _ change: (inout Tuning) -> Void = { _ in }
    ) -> CrashExhaustive {
        let tuning = tuning { tuning in
            tuning.segmentRecordCountMaximum = 4
            tuning.compactionStepByteCount = 300
            tuning.compactionBufferByteCount = 4096
            change(&tuning)
        }
        let mixed = script.flatMap { [$0, .backgroundStep, .compact(steps: steps)] }
        return CrashExhaustive(
            name, tuning, mixed + [.compact(steps: 60), .flush, .compact(steps: 60)])
    }

    static var compaction: CrashExhaustive {
        var script: [CrashOperation] = []
        for round in 0..<5 {
            script += [
                put(round % 3, 200 + round, .synced, isBlocking: true), put(3, 60, .os),
                put(4 + round % 2, round, .interval), .commit(sync: round == 2),
            ]
        }
        return compacting("a compaction at every step", script)
    }

    /// A key is written, deleted in a later segment, and written again.
    static var compactionOfDeletes: CrashExhaustive {
        var script: [CrashOperation] = []
        for round in 0..<4 {
            script += [
                put(round, 150, .synced, isBlocking: true), put(7, 40, .os), put(6, 30, .os),
                put(7, 41, .os), delete(round, .os), put(6, 31, .os), put(7, 42, .interval),
                .commit(sync: round % 2 == 0),
            ]
        }
        script += [put(1, 90, .synced), delete(6, .os), delete(7, .interval), .commit(sync: false)]
        return compacting("deletes in compacted segments", steps: 3, script)
    }

    /// Large blobs and batches: their chunks and members move one by one.
    static var compactionOfBlobs: CrashExhaustive {
        let members = [
            CrashWrite(key: 1, byteCount: 90), CrashWrite(key: 2, byteCount: 700),
            CrashWrite(key: 3, byteCount: 20), CrashWrite(key: 4, byteCount: nil),
        ]
        return compacting(
            "large blobs and batches in compacted segments", steps: 3,
            [
                put(1, 1500, .synced, isBlocking: true), put(4, 30, .synced, isBlocking: true),
                .beginUpload(key: 5, .none, .synced), .feedUpload(byteCount: 1100),
                .batch(members, .synced), put(1, 10, .os), put(3, 5, .os),
                .openStream(key: 2), .feedUpload(byteCount: 600), put(2, 1100, .os),
                .readStream(byteCount: 900), .commitUpload, .batch(members, .os),
                .closeStream, delete(5, .synced), .commit(sync: false),
                .beginUpload(key: 3, .none, .interval), .feedUpload(byteCount: 1300),
                .abortUpload, put(6, 4, .synced, isBlocking: true),
            ])
    }

    /// Writes that are not yet published replace what is being moved.
    static var compactionRaces: CrashExhaustive {
        var script: [CrashOperation] = []
        for round in 0..<4 {
            script += [
                put(0, 120 + round, .synced, isBlocking: true), put(1, 80, .synced),
                put(2, 70, .os),
                .commit(sync: false), put(1, 81, .synced), delete(2, .synced), put(3, 60, .os),
                put(0, 20, .interval),
            ]
        }
        var item = compacting("writes that race with a compaction", steps: 1, script) {
            $0.compactionStepByteCount = 64
            $0.hashMask = 3
        }
        item.settles = true
        return item
    }

    static var compactionWhenFull: CrashExhaustive {
        var script: [CrashOperation] = []
        for round in 0..<6 {
            script += [
                put(round % 2, 300 + round, .synced, isBlocking: true),
                put(3, 100 + round, .synced, isBlocking: true),
            ]
        }
        script += [
            .capacity(0), put(3, 3000, .synced, isBlocking: true), delete(1, .synced),
            .commit(sync: false), .compact(steps: 20), put(2, 200, .synced, isBlocking: true),
            .capacity(4096), .compact(steps: 30), .capacity(1 << 20),
            put(5, 200, .synced, isBlocking: true),
        ]
        return compacting("compaction on a full disk", steps: 0, script)
    }

    /// Inputs are replaced and removed in the midst of reads.
    static var compactionInReads: CrashExhaustive {
        var script: [CrashOperation] = []
        for round in 0..<4 {
            script += [
                put(round % 2, 200 + round, .synced, isBlocking: true), put(2, 60, .os),
                put(3, 700 + round, .os),
                .readBeside(key: 2 + round % 2, atRead: 1 + round / 2, steps: 30),
            ]
        }
        return compacting("reads in whose midst segments are compacted", steps: 0, script)
    }

    /// Two backups, of copies and of links, while compaction replaces what they take.
    static var backup: CrashExhaustive {
        var script: [CrashOperation] = []
        for round in 0..<2 {
            for key in 0..<3 {
                script += [
                    put(key, 150 + round, .synced, isBlocking: true), put(3, 40 + key, .interval),
                ]
            }
            script += [
                delete(round, .os),
                .backUp(
                    sharesBytes: round == 1,
                    meanwhile: [
                        .compact(steps: 30), put(0, 90 + round, .synced, isBlocking: true),
                        .compact(steps: 30), put(2, 20, .os), .commit(sync: false),
                        .compact(steps: 30),
                    ]),
            ]
        }
        let tuning = tuning { tuning in
            tuning.segmentRecordCountMaximum = 4
            tuning.compactionStepByteCount = 1 << 20
            tuning.reserveByteCounts = 0...0
        }
        return CrashExhaustive("backups with a compaction under way", tuning, script)
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
