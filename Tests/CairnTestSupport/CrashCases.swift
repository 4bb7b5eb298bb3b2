// CrashCases — scripts of what went wrong once, named after what was seen. They are lived whole and
// ended in every way.

internal import Cairn

extension CrashExhaustive {
    /// The store loses deletes that a read seemed to have proven: key 1 may or may not have been
    /// there, so its delete may be one of nothing, and that the key is absent says nothing of it.
    package static var absentAfterFailedSync: CrashExhaustive {
        CrashExhaustive(
            "an absent key after a failed sync, its delete under way",
            tuning { $0.segmentRecordCountMaximum = 4 },
            [
                put(2, 20, .synced, isBlocking: true), .fault(Fault(.write)), put(1, 223, .os),
                .commit(sync: false), put(0, 109, .interval), put(2, 120, .interval), .flush,
                delete(2, .os), delete(1, .os), put(0, 21, .os),
                // The fifth record wants another segment, whose directory sync fails.
                .fault(Fault(.synchronizeDirectory)), put(3, 94, .synced), .readAll,
            ])
    }

    /// Chunks of a replaced blob counted as live until the next opening, because they could not be
    /// read when their turn came.
    package static var unreadableDeadChunks: CrashExhaustive {
        var item = CrashExhaustive(
            "dead chunks that cannot be read for a while", tuning(),
            [
                put(1, 1500, .synced, isBlocking: true), put(2, 1100, .synced, isBlocking: true),
                put(1, 5, .synced, isBlocking: true), .fault(Fault(.read, isSticky: true)),
                .backgroundStep, .backgroundStep, .backgroundStep, .backgroundStep, .clearFaults,
                .readAll,
            ])
        item.settles = true
        return item
    }
}
