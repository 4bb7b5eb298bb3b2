// CrashMarks — what a crash run must have seen, by name.
//
// A run that never saw a torn tail has proven nothing about torn tails. Names are constants, so that
// a mark that is hit and a mark that is required cannot differ by a letter.

/// A coverage mark.
package enum CrashMark: String, CaseIterable, Sendable {
    case powerCut = "power cut"
    case kill = "kill"
    case cutDuringStep = "power went in the middle of a step"
    case cutInPut = "cut in a put or delete"
    case cutInBatch = "cut in a batch"
    case cutInUpload = "cut in a large upload"
    case cutInCommit = "cut in a group commit"
    case cutInBackground = "cut in background work"
    case cutInCompaction = "cut in a compaction"
    case compacted = "segments compacted"
    case deleteDropped = "delete dropped by compaction"
    case deleteKept = "delete kept by compaction"
    case slotRaceLost = "record replaced while compaction moved it"
    case readBesideCompaction = "segments compacted in the midst of a read"
    case compactionAbandoned = "compaction given up"
    case inputDamaged = "unreadable input left alone"
    case batchMemberMoved = "member of a batch moved by compaction"
    case chunkMoved = "chunk moved by compaction"
    case cutInBackup = "cut in a backup"
    case backedUp = "backup finished"
    case backupFailed = "backup failed by a fault"
    case backupMissing = "first backup cut before its end"
    case backupOlder = "older backup kept by a cut"
    case backupNewer = "newer backup there after a cut"
    case backupRestored = "backup restored"
    case retiredRemoved = "replaced segment removed by opening"
    case outputRemoved = "unlisted output removed by opening"
    case compactedReopened = "compacted segment reopened"
    case cutInMark = "cut in an idle mark"
    case cutInClose = "cut in closing"
    case cutInOpening = "cut inside recovery"
    case cutTwiceInOpening = "cut inside recovery, twice in a row"
    case cutInCreation = "cut while the store is made"
    case tornTail = "torn tail seen"
    case zeroTail = "tail of zeros seen"
    case dropped = "intact records behind a hole dropped"
    case cutBeforeFirstRecord = "rotation cut between seal and first record"
    case twoOpen = "two open segments recovered"
    case sealedReopened = "sealed segment reopened"
    case recoveredReopened = "recovered segment reopened"
    case unlistedRemoved = "unlisted segment removed"
    case hintUsed = "segment opened by its hint"
    case hintMissing = "ended segment without a hint scanned"
    case hintRefused = "hint refused and its segment scanned"
    case hintLeftover = "unfinished hint removed"
    case batchKept = "unacknowledged batch kept whole"
    case batchLost = "unacknowledged batch lost whole"
    case intervalLost = "interval suffix lost"
    case osLost = "os suffix lost to a power cut"
    case osKept = "os writes kept by a kill"
    case syncFailed = "failed sync"
    case syncFailedThenCut = "failed sync, then power cut"
    case syncFailedThenKill = "failed sync, then restart"
    case unknownAnswered = "read answered outcome unknown"
    case writeFailed = "failed write"
    case readFailed = "failed read"
    case doubtSettled = "failed write seen to have happened"
    case diskFull = "disk full"
    case deletedWhenFull = "delete on a full disk"
    case diskFullThenRecovered = "disk full, then recovery"
    case diskFullEnded = "disk full ended by itself"
    case openingFailed = "opening failed by a fault and was repeated"
    case chunksOrphaned = "chunks orphaned"
    case uploadAborted = "upload aborted"
    case uploadCommitted = "large upload committed"
    case overflow = "keys with one hash"
    case leaseRenewed = "sequence lease renewed"
    case conditionRefused = "condition refused"
    case refusedOnPending = "answer that rests on a pending write"
    case cleanClose = "clean close"
    case accounted = "live bytes compared after reopening"
    case peeked = "read-only opening beside a writer"
    case streamOutlived = "stream read on while its key was written"
    case expired = "blob read as absent since it expired"
    case destroyed = "expired blob destroyed by compaction"
    case leftDelete = "expired blob kept as a delete by compaction"
    case clockDoubted = "wall clock doubted by compaction"
    case updatedLarge = "large blob updated without its chunks"
    case listed = "listing compared with the keys"
    case pendingOvertaken = "pending write overtaken by a weaker one"
}

extension MarkBoard {
    /// Counts one sight.
    package func hit(_ mark: CrashMark) { hit(mark.rawValue) }

    /// How often it was seen.
    package func count(of mark: CrashMark) -> Int { count(of: mark.rawValue) }

    /// Those that were never seen.
    package func missing(_ marks: [CrashMark] = CrashMark.allCases) -> [CrashMark] {
        marks.filter { count(of: $0) == 0 }
    }
}
