// One script, in which every call of the disk fails, one after the other.

internal import Cairn

extension CrashExhaustive {
    /// Lets every call fail, one at a time, once or from then on, for each reason. The script goes on as it can; every other time the trouble ends before the store is
    /// closed. Then comes a power cut or a kill. Returns how many failures were tried.
    package func runFailing(marks: MarkBoard) throws(CrashFailure) -> Int {
        let start = try prepared(marks)
        var count = 0
        for failure in Fault.Failure.allCases {
            for isSticky in [false, true] {
                var number = 1
                while try fail(start, number, failure, isSticky) {
                    number += 1
                    count += 1
                }
            }
        }
        return count
    }

    /// Lets the call with this number fail; false when there are not so many.
    private func fail(
        _ start: CrashWorld, _ number: Int, _ failure: Fault.Failure, _ isSticky: Bool
    ) throws(CrashFailure) -> Bool {
        let world = start.fork()
        var fault = Fault(failure: failure, occurrence: number, isSticky: isSticky)
        fault.operations = SimulatedOperation.allCases
        world.trouble(fault)
        var item = self
        item.closes = closes && number % 2 == 1
        try item.live(world)
        guard let struck = world.disk.pendingFaults.first, struck.matchCount >= number else {
            return false
        }
        if !item.closes { try world.goOn() }
        try recover(world, .powerCut(.random(UInt64(number))), again: number % 4 == 0)
        try recover(world, .kill, again: false)
        return true
    }
}
