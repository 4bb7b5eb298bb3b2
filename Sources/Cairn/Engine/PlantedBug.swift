// PlantedBug — named faults that the crash suites must find.
//
// They exist only in builds with CAIRN_PLANTED_BUGS set; elsewhere `isPlanted` is the constant
// false and the branch is gone from the binary. Each is one wrong order or one missing step, the
// rule it breaks stands in Engine.md.

#if CAIRN_PLANTED_BUGS
    internal import Synchronization
#endif

/// A fault that can be switched on in a test build.
package enum PlantedBug: Int, CaseIterable, Sendable {
    case newSegmentNotInDirectory
    case manifestRenamedUnsynced
    case appendToOldSegment
    case sequenceFromMaximum
    case failedSyncRetried
    case oldSegmentNeverSynced
    case oldSegmentSyncedLate
    case chunksOfOldSegmentUnsynced
    case cacheKeptAtOpen
    case noSyncAtOpen
    case resynchronisedPastHole
    case batchSpansSegments
    case batchCutInside
    case segmentUsedBeforeListed
    case acknowledgedBeforeSync
    case deleteOfNothingAnsweredEarly
    case headerChecksumIgnored
    case payloadChecksumIgnored
    case blockChecksumIgnored
    case manifestDirectoryUnsynced
    case filesRemovedBeforeManifest
    case supersededPublishedLate
    case keyNotCompared
    case hintNotChecked
    case inputsUnlinkedBeforeCommit
    case tombstoneDroppedUnproven
    case proofOfSealedOnly
    case supersederNotSynced
    case outputNotSynced
    case outputNotInDirectory
    case compactionAfterFailedSync
    case outputRemovedInDoubt
    case manifestComputedEarly
    case unpublishedTakenForDead
    case uploadChunksDropped
    case badRecordSkipped
    case slotMovedWithoutCompare
    case batchFieldsKept
    case expiredDroppedUnproven
    case expiredDestroyedByWrongClock
    case segmentIDReused
    case unlistedAdopted
    case olderManifestUsed
    case inputsUnlinkedBeforeDirectorySync
    case inputsUnlinkedBeforeReaders
    case accountsNotMoved
    case replacedNotMoved
    case lengthTrustedBeforeChecksum
    case missingHintHoldsNothing
    case backupUnpinned
    case backupListReadLast

    /// Whether a fault is planted that loses records the index holds: then compaction's last check,
    /// which would see that, is left out.
    package static var dropsLiveRecords: Bool {
        badRecordSkipped.isPlanted || unpublishedTakenForDead.isPlanted
            || uploadChunksDropped.isPlanted
    }

    #if CAIRN_PLANTED_BUGS
        private static let planted = Atomic<Int>(-1)

        /// Switches one fault on, or all off.
        package static func plant(_ bug: PlantedBug?) {
            planted.store(bug?.rawValue ?? -1, ordering: .sequentiallyConsistent)
        }

        /// Whether this fault is the one that is switched on.
        package var isPlanted: Bool { Self.planted.load(ordering: .relaxed) == rawValue }
    #else
        /// Never: this build has no faults, and the branch costs nothing.
        @inline(__always)
        package var isPlanted: Bool { false }
    #endif
}
