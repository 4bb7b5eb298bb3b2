// CrashCases — scripts of what went wrong once, named after what was seen. They are lived whole and
// ended in every way.

internal import Cairn

extension CrashExhaustive {
    /// All of them, for one seed of the disk.
    package static func cases(seed: UInt64) -> [CrashExhaustive] {
        [absentAfterFailedSync].map { item in
            var item = item
            item.seed = seed
            return item
        }
    }

    /// The store loses deletes that a read seemed to have proven: key 1 may or may not have been
    /// there, so its delete may be one of nothing, and that the key is absent says nothing of it.
    static var absentAfterFailedSync: CrashExhaustive {
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
}
