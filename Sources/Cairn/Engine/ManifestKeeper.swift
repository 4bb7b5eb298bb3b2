// ManifestKeeper — the list of segments, the sequence ceiling and the next segment id, on disk.
//
// One lock covers computing the new contents, writing, syncing, renaming and syncing the
// directory: two updates can never lose each other. It is held across those system calls.
// After an update that failed in a sync, or whose rename may or may not be durable, nothing is
// written any more (the caller turns the store read-only). Any thread. Spec: Format.md, "MANIFEST"; Engine.md, "The manifest".

internal import CairnFormat
internal import CairnSystem

/// How an update of the manifest failed.
enum ManifestFailure: Error {
    /// The old manifest stands; the update may be tried again.
    case unchanged(FileError)
    /// A sync failed, perhaps behind the rename: the store must be reopened.
    case unknown(FileError)

    var fileError: FileError {
        switch self {
        case .unchanged(let error), .unknown(let error): error
        }
    }
}

// Sendable because `manifest`, `clock` and `lost`, all that changes, are only touched while `lock` is held;
// the storage takes calls from any thread.
final class ManifestKeeper<S: Storage>: @unchecked Sendable {
    private let storage: S
    private let lock = AdaptiveLock()
    /// Guarded by `lock`: what is on disk.
    private var manifest: Manifest
    /// Guarded by `lock`: the failure after which nothing is written any more.
    private var lost: FileError?
    /// Guarded by `lock`.
    private var clock: ExpiryClock
    /// Guarded by `lock`; for a planted fault only: ids of segments that were removed.
    private var plantedIDs: [UInt64] = []

    init(storage: S, manifest: Manifest) {
        self.storage = storage
        self.manifest = manifest
        clock = ExpiryClock(
            lastRunWall: manifest.lastRunWall, lastRunMonotonic: manifest.lastRunMonotonic)
    }

    var current: Manifest { lock.withLock { manifest } }

    /// The clock, looked at now.
    func lookAtClock() -> ExpiryClock {
        lock.withLock {
            clock.look(wall: storage.wallClock(), monotonic: storage.monotonicClock())
            return clock
        }
    }

    /// Runs `body` with what is on disk, before any other update.
    func withCurrent<Result>(_ body: (Manifest) -> Result) -> Result {
        lock.withLock { body(manifest) }
    }

    /// A segment id that was never given out. Durable with the next update.
    func takeSegmentID() -> UInt64 {
        lock.withLock {
            if let planted = plantedIDs.popLast() { return planted }
            defer { manifest.nextSegmentID += 1 }
            return manifest.nextSegmentID
        }
    }

    /// The planted fault of giving ids out again.
    func plantedGiveBack(_ ids: Set<UInt64>) { lock.withLock { plantedIDs += ids.sorted() } }

    /// No manifest is written after a failed sync of the log.
    func stop(_ error: FileError) {
        lock.withLock { lost = lost ?? error }
    }

    /// Replaces the manifest; durable on return.
    func update(_ change: (inout Manifest) -> Void) throws(ManifestFailure) {
        lock.lock()
        defer { lock.unlock() }
        if let lost { throw .unknown(lost) }
        var next = manifest
        change(&next)
        if PlantedBug.olderManifestUsed.isPlanted { storage.keepOlder(manifest) }
        next.generation += 1
        clock.look(wall: storage.wallClock(), monotonic: storage.monotonicClock())
        next.lastRunWall = clock.believed
        next.lastRunMonotonic = clock.monotonic
        do {
            try storage.replace(StoreNames.manifest, with: next.encoded().rawSpan)
        } catch {
            switch error {
            case .unchanged(let error): throw .unchanged(error)
            case .unknown(let error):
                lost = error
                throw .unknown(error)
            }
        }
        manifest = next
    }
}
