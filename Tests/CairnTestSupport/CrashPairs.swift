// CrashPairs — crashes inside recovery, and inside the recovery of that: two deep, step by step.

internal import Cairn

/// One seed: a crashed store, whose opening is cut twice at every pair of steps.
package struct CrashPairs {
    /// Everything follows from it.
    package let seed: UInt64
    /// Where the run notes what it came across; shared with other runs.
    package let marks: MarkBoard

    package init(seed: UInt64, marks: MarkBoard) {
        self.seed = seed
        self.marks = marks
    }

    /// Cuts one opening at each of its steps, and the one that follows at each of its own. Returns
    /// how many pairs that made.
    package func run() throws(CrashFailure) -> Int {
        try CrashFailure.told(cutEverywhere)
    }

    private func cutEverywhere(keepsHistory: Bool) throws(CrashFailure) -> Int {
        var random = TestRandom(seed: seed)
        guard let start = try crashed(keepsHistory, random: &random) else { return 0 }
        var pairs = 0
        for first in 1...(try stepCount(start) + 1) {
            let once = start.fork()
            guard try cutOpening(once, first, random: &random) else { continue }
            for second in 1...(try stepCount(once) + 1) {
                let twice = once.fork()
                guard try cutOpening(twice, second, random: &random) else { continue }
                marks.hit(.cutTwiceInOpening)
                try twice.checkRecovery(again: random.chance(1, in: 8))
                pairs += 1
            }
        }
        return pairs
    }

    /// A store whose power went in the middle of something.
    private func crashed(
        _ keepsHistory: Bool, random: inout TestRandom
    ) throws(CrashFailure) -> CrashWorld? {
        var shape = CrashScript.Shape()
        shape.hasFaults = random.chance(1, in: 3)
        let tuning = CrashWorld.tinyTuning(random: &random)
        let world = CrashWorld(
            seed: seed, tuning: tuning, keys: CrashWorld.keys(shape.keyCount), marks: marks)
        world.keepsHistory = keepsHistory
        for life in 0..<2 {
            guard try world.open() else { return nil }
            try world.verify()
            if life == 1 { world.crash(within: 60, random: &random) }
            for operation in CrashScript.draw(30, shape, random: &random) {
                if world.disk.isDead { break }
                try world.perform(operation)
            }
            world.disk.cancelCrash()
            world.endTrouble()
            world.end(CrashRun.end(random: &random))
        }
        return world
    }

    private func stepCount(_ world: CrashWorld) throws(CrashFailure) -> Int {
        let copy = world.fork()
        copy.endTrouble()
        let before = copy.disk.stepCount
        guard try copy.open() else { throw copy.fail("the store could not be opened") }
        return copy.disk.stepCount - before
    }

    /// Cuts an opening at its `step`; false when it has not so many.
    private func cutOpening(
        _ world: CrashWorld, _ step: Int, random: inout TestRandom
    ) throws(CrashFailure) -> Bool {
        let position = CrashPosition.allCases[random.below(3)]
        world.disk.crash(atStep: world.disk.stepCount + step, position: position)
        if try world.open() {
            world.disk.cancelCrash()
            return false
        }
        world.end(CrashRun.end(random: &random))
        return true
    }
}
