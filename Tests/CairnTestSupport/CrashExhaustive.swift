// CrashExhaustive — one script, cut at every step, before, in and after it, in every variant.

package import Cairn

/// A script that is cut everywhere.
package struct CrashExhaustive: Sendable, CustomStringConvertible {
    package let name: String
    package var tuning: Tuning
    /// Done once, before, and ended by this.
    package var prologue: [CrashOperation] = []
    package var prologueEnd = CrashEnd.kill
    package var script: [CrashOperation]
    /// Everything is written, synced and cleaned up at the end, and the accounts are compared.
    package var settles = false
    package var closes = true
    package var seed: UInt64 = 1

    package var description: String { name }

    /// How many different cuts were tried.
    package struct Count: Sendable {
        package var steps = 0
        package var cuts = 0
    }

    package init(_ name: String, _ tuning: Tuning, _ script: [CrashOperation]) {
        self.name = name
        self.tuning = tuning
        self.script = script
    }

    /// Cuts everywhere; `variants` of each cut.
    package func run(
        variants: [PowerCutVariant], marks: MarkBoard
    ) throws(CrashFailure) -> Count {
        try told(marks) { start throws(CrashFailure) in try run(start, variants) }
    }

    private func run(
        _ start: CrashWorld, _ variants: [PowerCutVariant]
    ) throws(CrashFailure) -> Count {
        let first = start.disk.stepCount
        let whole = start.fork()
        try live(whole)
        let last = whole.disk.stepCount
        var count = Count()
        for step in (first + 1)...last {
            count.steps += 1
            for position in CrashPosition.allCases {
                count.cuts += try cut(start, atStep: step, position, variants)
            }
        }
        return count
    }

    /// Cuts at one step, in every variant; returns how many cuts that made.
    func cut(
        _ start: CrashWorld, atStep step: Int, _ position: CrashPosition,
        _ variants: [PowerCutVariant]
    ) throws(CrashFailure) -> Int {
        let world = start.fork()
        world.disk.crash(atStep: step, position: position)
        try live(world)
        guard world.disk.isDead else { return 0 }
        for (number, variant) in variants.enumerated() {
            try recover(world, .powerCut(variant), again: number % 4 == 0)
        }
        try recover(world, .kill, again: false)
        return variants.count + 1
    }

    /// Runs `body` on the world in which the script begins: the store may not exist yet.
    func told<Result>(
        _ marks: MarkBoard, _ body: (CrashWorld) throws(CrashFailure) -> Result
    ) throws(CrashFailure) -> Result {
        try CrashFailure.told { keepsHistory throws(CrashFailure) in
            try body(prepared(marks, keepsHistory))
        }
    }

    private func prepared(
        _ marks: MarkBoard, _ keepsHistory: Bool
    ) throws(CrashFailure) -> CrashWorld {
        let world = CrashWorld(
            seed: seed, tuning: tuning, keys: CrashWorld.keys(8), marks: marks)
        world.keepsHistory = keepsHistory
        guard !prologue.isEmpty else { return world }
        guard try world.open() else { throw world.fail("the prologue could not be opened") }
        try world.verify()
        for operation in prologue { try world.perform(operation) }
        world.end(prologueEnd)
        return world
    }

    /// Lives the script once, whole, and ends it in each of these ways.
    package func runWhole(
        variants: [PowerCutVariant], marks: MarkBoard
    ) throws(CrashFailure) {
        try told(marks) { world throws(CrashFailure) in
            try live(world)
            for variant in variants { try recover(world, .powerCut(variant), again: true) }
            try recover(world, .kill, again: true)
        }
    }

    func live(_ world: CrashWorld) throws(CrashFailure) {
        guard try world.open() else { return }
        try world.verify()
        for operation in script {
            if world.disk.isDead { return }
            try world.perform(operation)
        }
        if settles { try world.settle() }
        if closes && !world.disk.isDead { try world.close() }
    }

    /// Ends a copy of the world and judges what it leaves.
    func recover(
        _ dead: CrashWorld, _ end: CrashEnd, again: Bool
    ) throws(CrashFailure) {
        let world = dead.fork()
        world.end(end)
        try world.checkRecovery(again: again)
    }
}
