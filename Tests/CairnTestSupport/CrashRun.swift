// CrashRun — one seed: several lives of a store, each ended by a power cut, a kill or a close.

internal import Cairn

/// A random run of several lives. The same seed gives the same run.
package struct CrashRun {
    /// Everything follows from it.
    package let seed: UInt64
    /// Where the run notes what it came across; shared with other runs.
    package let marks: MarkBoard

    package init(seed: UInt64, marks: MarkBoard) {
        self.seed = seed
        self.marks = marks
    }

    /// Runs the seed; returns how many crash points it had.
    package func run() throws(CrashFailure) -> Int {
        try CrashFailure.told(live)
    }

    private func live(keepsHistory: Bool) throws(CrashFailure) -> Int {
        var random = TestRandom(seed: seed)
        var shape = CrashScript.Shape()
        shape.keyCount = [3, 8, 12][random.below(3)]
        shape.hasFaults = random.coin()
        shape.hasExpiry = random.coin()
        let tuning = CrashWorld.tinyTuning(random: &random)
        shape.chunkByteCount = tuning.chunkByteCount
        let world = CrashWorld(
            seed: seed, tuning: tuning, keys: CrashWorld.keys(shape.keyCount), marks: marks)
        world.keepsHistory = keepsHistory
        let lives = 3 + random.below(6)
        for _ in 0..<lives {
            try reopen(world, hasFaults: shape.hasFaults, random: &random)
            try world.verify()
            try spend(world, shape, random: &random)
        }
        try reopen(world, hasFaults: false, random: &random)
        try world.verify()
        return world.crashCount
    }

    /// Opens until that succeeds: the power may go meanwhile, several times.
    private func reopen(
        _ world: CrashWorld, hasFaults: Bool, random: inout TestRandom
    ) throws(CrashFailure) {
        var cuts = 0
        for attempt in 0... {
            let mayCrash = attempt < 3 && random.chance(1, in: 3)
            if mayCrash {
                world.crash(within: 24, random: &random)
            } else if hasFaults && attempt < 2 && random.chance(1, in: 8) {
                world.troubleOpening(random: &random)
            }
            if attempt >= 3 { world.endTrouble() }
            if try world.open() {
                world.disk.cancelCrash()
                return
            }
            if world.disk.isDead {
                cuts += 1
                if cuts == 2 { marks.hit(.cutTwiceInOpening) }
            }
            world.end(Self.end(random: &random))
        }
    }

    private func spend(
        _ world: CrashWorld, _ shape: CrashScript.Shape, random: inout TestRandom
    ) throws(CrashFailure) {
        let count = [0, 4, 12, 30, 60][random.below(5)]
        let script = CrashScript.draw(count, shape, random: &random)
        if random.chance(2, in: 3) { world.crash(within: 2 + count * 2, random: &random) }
        var left = 2
        for operation in script {
            if world.disk.isDead {
                left -= 1
                if left == 0 { break }
            }
            try world.perform(operation)
        }
        switch random.below(8) {
        case 0, 1: try world.settle()
        case 2:
            try world.settle()
            try world.close()
        case 3: try world.close()
        default: break
        }
        world.disk.cancelCrash()
        world.end(Self.end(random: &random))
    }

    static func end(random: inout TestRandom) -> CrashEnd {
        switch random.below(8) {
        case 0, 1: return .kill
        case 2, 3:
            let variants = PowerCutVariant.allCases
            return .powerCut(variants[random.below(variants.count)])
        default: return .powerCut(.random(random.next()))
        }
    }
}

extension CrashWorld {
    /// Lets the power go at one of the next steps.
    package func crash(within count: Int, random: inout TestRandom) {
        let position = CrashPosition.allCases[random.below(3)]
        if position == .during { marks.hit(.cutDuringStep) }
        disk.crash(atStep: disk.stepCount + 1 + random.below(count), position: position)
    }

    /// Something fails while the store is opened.
    package func troubleOpening(random: inout TestRandom) {
        isTroubled = true
        let operations: [SimulatedOperation] = [
            .read, .synchronizeFile, .synchronizeDirectory, .write, .rename, .create, .unlink,
            .open, .listNames, .allocate,
        ]
        let operation = operations[random.below(operations.count)]
        let fault = Fault(operation, occurrence: 1 + random.below(6))
        note("\(operation) will fail while opening")
        disk.inject(fault)
    }

    /// Something fails from now on, in the opening or after it.
    package func trouble(_ fault: Fault) {
        note("call \(fault.occurrence) will fail: \(fault.failure), sticky: \(fault.isSticky)")
        isTroubled = true
        keepsFaults = true
        disk.inject(fault)
    }

    /// Room again, and no more faults.
    package func endTrouble() {
        disk.clearFaults()
        disk.capacity = nil
        keepsFaults = false
    }

    /// A store that has not turned read-only takes writes again as soon as the trouble is over,
    /// and settles its accounts.
    package func goOn() throws(CrashFailure) {
        endTrouble()
        isTroubled = false
        guard engine != nil, !hasFailed else { return }
        try perform(.flush)
        try perform(.write(CrashWrite(key: 0, byteCount: 33), .synced, isBlocking: true))
        try perform(.readAll)
        try settle()
    }
}
