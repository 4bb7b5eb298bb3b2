// CrashFork — copies of a world, for drivers that try many endings of one life.

internal import Cairn

extension CrashWorld {
    /// A world that goes on from here by itself: same disk, same oracle, no engine.
    package func fork() -> CrashWorld {
        let copy = CrashWorld(
            seed: seed, tuning: tuning, options: options, keys: oracle.keys, marks: marks,
            disk: SimulatedDisk(copying: disk))
        copy.oracle = oracle
        copy.history = history
        copy.keepsHistory = keepsHistory
        copy.hasFailed = hasFailed
        copy.hasSyncFailed = hasSyncFailed
        copy.isTroubled = isTroubled
        copy.wasPowerCut = wasPowerCut
        copy.isCreated = isCreated
        copy.expectedLive = expectedLive
        copy.usesExpiry = usesExpiry
        copy.clockJump = clockJump
        copy.valueCount = valueCount
        copy.callNumber = callNumber
        copy.operationName = operationName
        copy.dice = dice
        copy.compaction = compaction
        copy.backups = backups
        copy.hasBackup = hasBackup
        return copy
    }

    /// Opens and judges; then writes a little, cuts the power and judges again: what an opening
    /// has shown stays.
    package func checkRecovery(again: Bool) throws(CrashFailure) {
        endTrouble()
        guard try open() else { throw fail("the store could not be opened") }
        try verify()
        guard again else { return }
        try perform(.write(CrashWrite(key: 0, byteCount: 40), .synced, isBlocking: true))
        end(.powerCut(.loseAll))
        guard try open() else { throw fail("the store could not be opened again") }
        try verify()
    }
}
