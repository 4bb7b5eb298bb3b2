// Some steps and some calls of a script, drawn by lot, for a search that looks everywhere a little.

internal import Cairn

extension CrashExhaustive {
    /// Cuts at `count` steps; returns how many cuts that made.
    package func sample(
        _ count: Int, variants: [PowerCutVariant], marks: MarkBoard, random: inout TestRandom
    ) throws(CrashFailure) -> Int {
        let dice = random.fork()
        return try told(marks) { start throws(CrashFailure) in
            var random = dice
            let whole = start.fork()
            try live(whole)
            let first = start.disk.stepCount
            let stepCount = whole.disk.stepCount - first
            var cuts = 0
            for _ in 0..<count {
                cuts += try cut(
                    start, atStep: first + 1 + random.below(stepCount),
                    CrashPosition.allCases[random.below(3)], variants)
            }
            return cuts
        }
    }

    /// Lets `count` calls fail, for a reason drawn by lot; returns how many.
    package func sampleFailing(
        _ count: Int, marks: MarkBoard, random: inout TestRandom
    ) throws(CrashFailure) -> Int {
        let dice = random.fork()
        return try told(marks) { start throws(CrashFailure) in
            var random = dice
            let callCount = try callCount(start)
            var fault = Fault()
            fault.operations = SimulatedOperation.allCases
            for _ in 0..<count {
                fault.occurrence = 1 + random.below(callCount)
                fault.failure = Fault.Failure.allCases[random.below(Fault.Failure.allCases.count)]
                fault.isSticky = random.chance(1, in: 4)
                _ = try fail(start, fault)
            }
            return count
        }
    }

    /// How many calls of the disk the script makes.
    private func callCount(_ start: CrashWorld) throws(CrashFailure) -> Int {
        var fault = Fault()
        fault.operations = SimulatedOperation.allCases
        fault.occurrence = .max
        let world = start.fork()
        world.trouble(fault)
        try live(world)
        return world.disk.pendingFaults.first?.matchCount ?? 1
    }
}
