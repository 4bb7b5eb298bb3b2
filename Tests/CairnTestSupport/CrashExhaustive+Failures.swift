// One script, in which every call of the disk fails, one after the other.

internal import Cairn

extension CrashExhaustive {
    /// Lets every call fail, one at a time, once for each reason, or from then on; and lets reads
    /// alone fail from each of them on. The script goes on as it can; every other time the trouble ends before the store is
    /// closed. Then comes a power cut or a kill. Returns how many failures were tried.
    package func runFailing(marks: MarkBoard) throws(CrashFailure) -> Int {
        try told(marks, failEverywhere)
    }

    private func failEverywhere(_ start: CrashWorld) throws(CrashFailure) -> Int {
        var fault = Fault()
        var count = 0
        fault.operations = SimulatedOperation.allCases
        for failure in Fault.Failure.allCases {
            fault.failure = failure
            count += try failEach(start, fault)
        }
        fault.isSticky = true
        for failure in [Fault.Failure.noSpace, .inputOutput] {
            fault.failure = failure
            count += try failEach(start, fault)
        }
        fault.operations = [.read]
        return try count + failEach(start, fault)
    }

    /// Lets the fault strike at the first call, at the second, and so on; returns how often.
    private func failEach(_ start: CrashWorld, _ fault: Fault) throws(CrashFailure) -> Int {
        var fault = fault
        fault.occurrence = 1
        while try fail(start, fault) { fault.occurrence += 1 }
        return fault.occurrence - 1
    }

    /// Lives with the fault; false when it never struck.
    func fail(_ start: CrashWorld, _ fault: Fault) throws(CrashFailure) -> Bool {
        let number = fault.occurrence
        let world = start.fork()
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
