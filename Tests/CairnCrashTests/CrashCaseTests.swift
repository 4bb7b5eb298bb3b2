// What went wrong once, or was judged wrongly: fixed scripts instead of the seeds that found it.

import CairnTestSupport
import Testing

@Suite("Seen once")
struct CrashCaseTests {
    /// Lives the script on disks with different dice; each time the mark must be seen.
    private func live(_ script: CrashExhaustive, seeing mark: CrashMark) throws {
        for seed in UInt64(1)...4 {
            let marks = MarkBoard()
            var script = script
            script.seed = seed
            try script.runWhole(
                variants: PowerCutVariant.variants(randomCount: 4, seed: seed), marks: marks)
            #expect(marks.count(of: mark) > 0)
        }
    }

    @Test("a failed sync proves nothing of deletes that may have found nothing")
    func absentAfterFailedSync() throws {
        try live(.absentAfterFailedSync, seeing: .syncFailed)
    }

    @Test("dead chunks that cannot be read for a while leave the accounts later")
    func unreadableDeadChunks() throws {
        try live(.unreadableDeadChunks, seeing: .accounted)
    }

    @Test("a blob that expired over an older one, which stays, leaves a delete")
    func expiredOverOlder() throws {
        try live(.expiredOverOlder, seeing: .leftDelete)
    }

    /// By its seed, for it takes a disk that is full for a while in the midst of a compaction.
    @Test("a delete that waits behind a put that is given up may find nothing")
    func putGivenUpBeforeDelete() throws {
        #expect(try CrashRun(seed: 93_007_050, marks: MarkBoard()).run() > 0)
    }

    /// By its seed, for the disk becomes full while a compaction has the log written.
    @Test("a write whose condition rests on a delete that is given up may be refused")
    func deleteGivenUpBeforeCondition() throws {
        #expect(try CrashRun(seed: 121_015_471, marks: MarkBoard()).run() > 0)
    }
}
