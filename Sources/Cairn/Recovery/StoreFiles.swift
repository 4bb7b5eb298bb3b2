// StoreFiles — STORE and MANIFEST: read, checked, or made for a new store.
//
// A new store is there when STORE is: everything else is durable before it. A directory without
// STORE and without segments is an interrupted creation, or empty; it can be made a store. With
// segments it cannot: somebody lost a file. Spec: Format.md, "Files".

internal import CairnFormat
internal import CairnSystem

struct StoreFiles<S: Storage> {
    let storage: S
    let tuning: Tuning

    /// Both files' contents; makes a new store when there is none and `access` says so.
    func load(
        for access: StoreOptions.Access
    ) throws(StoreError) -> (StoreIdentity, Manifest) {
        do {
            if access != .readOnly, try identity()?.isBackup == true { throw isBackup }
            if access != .readOnly {
                try storage.synchronize(.root)
                try storage.synchronize(.segments)
            }
            guard let identity = try identity() else {
                guard access == .create else { throw storage.noStore }
                return try create()
            }
            let manifest = try manifest(of: identity)
            if access != .readOnly, manifest.isNew { try confirm(identity) }
            return (identity, manifest)
        } catch let error as FileError {
            throw StoreError(error, doing: "reading the store's files")
        } catch let error as StoreError {
            throw error
        } catch {
            preconditionFailure("reading throws file errors and store errors only")
        }
    }

    /// MANIFEST as it is now; a reader beside a writer looks again.
    func manifestNow(of identity: StoreIdentity) throws(StoreError) -> Manifest {
        do {
            return try manifest(of: identity)
        } catch let error as FileError {
            throw StoreError(error, doing: "reading the store's files")
        } catch let error as StoreError {
            throw error
        } catch {
            preconditionFailure("reading throws file errors and store errors only")
        }
    }

    private var isBackup: StoreError {
        StoreError(
            .isBackup,
            "\(storage.location) holds a backup, which opens for reading only: cairn restore makes "
                + "it a store, or a store of it elsewhere")
    }

    /// The contents of STORE; nil when there is none.
    func identity() throws -> StoreIdentity? {
        guard
            let bytes = try storage.contents(
                of: StoreNames.identity, in: .root,
                byteCountMaximum: StoreIdentity.byteCountMaximum)
        else { return nil }
        return try decode(StoreNames.identity) { () throws(FormatError) in
            try StoreIdentity(decoding: bytes.rawSpan)
        }
    }

    private func manifest(of identity: StoreIdentity) throws -> Manifest {
        guard
            let bytes = try storage.contents(
                of: StoreNames.manifest, in: .root, byteCountMaximum: Manifest.byteCountMaximum)
        else {
            if identity.isBackup { throw unfinishedBackup }
            throw StoreError(
                .storeDamaged,
                "MANIFEST is missing in \(storage.location): restore it from a backup, or have "
                    + "it rebuilt from the segments")
        }
        if PlantedBug.olderManifestUsed.isPlanted, (try? Manifest(decoding: bytes.rawSpan)) == nil,
            let older = try storage.olderManifest()
        {
            return older
        }
        var manifest = try decode(StoreNames.manifest) { () throws(FormatError) in
            try Manifest(decoding: bytes.rawSpan)
        }
        guard identity.owns(manifestOf: manifest.uuid) else {
            throw StoreError(
                .storeDamaged,
                "MANIFEST belongs to the store \(manifest.uuid), STORE says \(identity.uuid)")
        }
        // After a restore it is the ancestor's until it is replaced for the first time.
        manifest.uuid = identity.uuid
        return manifest
    }

    private var unfinishedBackup: StoreError {
        StoreError(
            .noStore,
            "the backup in \(storage.location) was never finished: it has no MANIFEST; make it again"
        )
    }

    private func decode<Value>(
        _ name: String, _ body: () throws(FormatError) -> Value
    ) throws(StoreError) -> Value {
        do {
            return try body()
        } catch {
            throw error.isUnsupported
                ? StoreError(
                    .unsupportedVersion,
                    "\(name) in \(storage.location): \(error); use a newer program")
                : StoreError.damagedFile(name, error)
        }
    }

    // MARK: Creating

    /// Writes STORE again, before the store has its first segment. When the sync of the directory
    /// failed after it was made, only the cache has its name, and no later sync would tell.
    private func confirm(_ identity: StoreIdentity) throws {
        do throws(ReplaceFailure) {
            try storage.replace(StoreNames.identity, with: identity.encoded().rawSpan)
        } catch {
            throw StoreError(error.fileError, doing: "writing STORE in \(storage.location)")
        }
    }

    private func create() throws -> (StoreIdentity, Manifest) {
        guard try storage.names(in: .segments).isEmpty else {
            throw StoreError(
                .storeDamaged,
                "STORE is missing in \(storage.location), but there are segments: restore it "
                    + "from a backup")
        }
        let identity = StoreIdentity(
            uuid: StoreUUID(random: storage.random(), storage.random()),
            hashKeyFirst: storage.random(), hashKeySecond: storage.random(),
            createdAt: storage.wallClock())
        let manifest = Manifest(
            uuid: identity.uuid, generation: 1, sequenceCeiling: 1, nextSegmentID: 1,
            lastRunWall: storage.wallClock(), lastRunMonotonic: storage.monotonicClock(),
            entries: [])
        do throws(ReplaceFailure) {
            try storage.replace(StoreNames.manifest, with: manifest.encoded().rawSpan)
            try storage.replace(StoreNames.identity, with: identity.encoded().rawSpan)
        } catch {
            throw StoreError(
                error.fileError, doing: "making a store in \(storage.location)")
        }
        return (identity, manifest)
    }
}

extension Storage {
    /// Whether there is a STORE, whatever its contents.
    var hasIdentity: Bool {
        get throws(FileError) {
            guard let file = try open(StoreNames.identity, in: .root, writable: false) else {
                return false
            }
            close(file)
            return true
        }
    }

    /// A name that keeps the directory from being made a store or a backup; nil: it is as good as empty.
    /// What an attempt left that was cut short keeps it from nothing, `leavings` among that, nor does
    /// what a file system makes.
    func stranger(besides leavings: Set<String> = []) throws(FileError) -> String? {
        let known: Set = [
            StoreNames.lock, StoreNames.identity + StoreNames.replacement, StoreNames.segments,
            StoreNames.quarantine, StoreNames.lostAndFound,
        ]
        return try names(in: .root).filter { !known.contains($0) && !leavings.contains($0) }.min()
    }

    /// Says what in the directory keeps it from being taken.
    func wrongDirectory(
        _ what: String, wanted: String = "a directory that is not there, or an empty one"
    ) -> StoreError {
        StoreError(
            .wrongDirectory, "\(location) \(what); nothing was touched: name \(wanted)")
    }

    var noStore: StoreError {
        StoreError(.noStore, "there is no store in \(location): it has no STORE")
    }
}

extension Manifest {
    /// Whether the store never had a segment.
    fileprivate var isNew: Bool { entries.isEmpty && nextSegmentID == 1 }
}
