// SimulatedDisk+Reboot — the end of a process and the end of power.
//
// Both close every handle, release the lock and bring a dead disk back. A kill leaves what reads
// saw; a power cut leaves what was durable and, of the rest, what the variant or the dice choose.
// Any thread, though a test that reboots under a running engine has itself to blame.

internal import Cairn
internal import CairnSystem

extension SimulatedDisk {
    /// The process dies: the cache stays, handles and the lock go.
    package func kill() {
        withLock { $0.kill() }
    }

    /// The power goes and comes back: any part of what was not synced is lost.
    package func powerCut(random: inout TestRandom) {
        stateLock.lock()
        defer { stateLock.unlock() }
        state.losePower(.random, .random, random: &random)
    }

    /// The power goes and comes back: `variant` says what is left.
    package func powerCut(_ variant: PowerCutVariant) {
        withLock { $0.losePower(variant) }
    }
}

extension SimulatedDisk.State {
    mutating func kill() {
        note("kill")
        endProcess()
        boot()
        collectFiles()
    }

    /// Closes every handle, for good, and releases the lock.
    mutating func endProcess() {
        for open in openFiles where open.file >= 0 { changeHandleCount(of: open.file, by: -1) }
        firstHandle = nextHandle
        openFiles.removeAll(keepingCapacity: true)
        lockedRoots = []
    }

    private mutating func boot() {
        if let crash, isDead, crash.step <= stepCount { self.crash = nil }
        isDead = false
    }

    mutating func losePower(_ variant: PowerCutVariant) {
        var dice = TestRandom(seed: UInt64(stepCount))
        switch variant {
        case .loseAll: losePower(.lost, .lost, random: &dice)
        case .keepAll: losePower(.kept, .kept, random: &dice)
        case .dataWithoutNames: losePower(.kept, .lost, random: &dice)
        case .namesWithoutData: losePower(.lost, .kept, random: &dice)
        case .lengthsWithoutData: losePower(.zeros, .kept, random: &dice)
        case .rootNamesOnly: losePower(.kept, .rootOnly, random: &dice)
        case .subdirectoryNamesOnly: losePower(.kept, .othersOnly, random: &dice)
        case .prefix(let eighths):
            let moment = momentOfPending(eighths: UInt64(eighths))
            losePower(.before(moment), .before(moment), random: &dice)
        case .tornLast: losePower(.tornLast, .allButLast, random: &dice)
        case .random(let seed):
            dice = TestRandom(seed: seed ^ UInt64(stepCount) << 32)
            losePower(.random, .random, random: &dice)
        }
    }

    /// The moment so many eighths of the way from the oldest pending change to now.
    private func momentOfPending(eighths: UInt64) -> UInt64 {
        var first = order
        for names in roots { first = min(first, names.pending.first?.order ?? first) }
        for file in files { first = min(first, file.log.first?.order ?? first) }
        return first + (order - first + 1) * eighths / 8
    }

    mutating func losePower(_ data: DataFate, _ names: NamesFate, random: inout TestRandom) {
        note("power cut")
        endProcess()
        for root in roots.indices { roots[root].losePower(names, random: &random) }
        for file in files.indices where !files[file].isFree {
            files[file].losePower(data, random: &random)
        }
        boot()
        recount()
    }

    /// Counts names and space anew.
    private mutating func recount() {
        for file in files.indices { files[file].nameCount = 0 }
        for names in roots {
            for directory in StoreDirectory.allCases {
                for (_, file) in names.files(in: directory) { files[file].nameCount += 1 }
            }
        }
        collectFiles()
        usedPageCount = files.reduce(0) { $0 + $1.occupiedPageCount }
    }
}
