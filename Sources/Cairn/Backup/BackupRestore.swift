// BackupRestore — makes a backup a store of its own: where it is, or elsewhere.
//
// In place it is one step, once the list is certainly durable: STORE is replaced by one with a new uuid,
// which names the original as an ancestor. MANIFEST stays as it is until the store is opened for writing; so do the segments, for ever.
// Elsewhere it is a backup of the backup, which is then restored in place; one that fails takes away what
// it made. Cut short anywhere it leaves a backup, or a store. The directory's lock is held. One thread. Spec: Format.md, "Backup".

internal import CairnFormat
internal import CairnSystem

/// Turns the backup of a directory into a store.
package struct BackupRestore<S: Storage> {
    private let storage: S
    private let tuning: Tuning

    /// Of the backup behind `storage`; nothing is opened yet.
    package init(storage: S, tuning: Tuning = Tuning()) {
        self.storage = storage
        self.tuning = tuning
    }

    /// Makes the backup a store, in place.
    package func run() throws(StoreError) {
        try open()
        try lock()
        defer { storage.unlock() }
        try adopt()
    }

    /// Makes a store behind `destination` from the backup, which stays as it is. Nil when `progress`
    /// ended it by false: then there is a backup without an end, or nothing.
    package func run(
        to destination: S, _ options: BackupOptions, progress: (BackupProgress) -> Bool
    ) throws(StoreError) -> BackupResult? {
        try open()
        let isLocked = try lockIfWritable()
        defer { if isLocked { storage.unlock() } }
        let (identity, list) = try backup()
        let directory = BackupDirectory(
            storage: destination, identity: identity, purpose: .restore)
        let wasEmpty = try directory.claim()
        defer { destination.unlock() }
        let isWhole = try wasEmpty ? false : directory.present() != nil
        guard !isWhole else {
            throw StoreError(
                .wrongDirectory,
                "\(destination.location) is a backup of this store already; nothing was touched: cairn "
                    + "restore \(destination.location) makes it a store")
        }
        let filling = BackupFilling(
            source: storage, directory: directory, list: list, options: options)
        do throws(StoreError) {
            return try make(directory, by: filling, progress)
        } catch {
            throw directory.takenBack(after: error, wasEmpty: wasEmpty)
        }
    }

    private func make(
        _ directory: BackupDirectory<S>, by filling: BackupFilling<S>,
        _ progress: (BackupProgress) -> Bool
    ) throws(StoreError) -> BackupResult? {
        var filling = filling
        try directory.begin()
        guard try filling.fill(progress) else { return nil }
        let result = try filling.finish(filling.list)
        try BackupRestore(storage: directory.storage, tuning: tuning).adopt()
        return result
    }

    // MARK: The directory

    private func open() throws(StoreError) {
        let exists = try attempt("opening the backup") { () throws(FileError) in
            try storage.openDirectories(creating: false)
        }
        guard exists else {
            throw StoreError(.noStore, "there is no backup in \(storage.location)")
        }
    }

    private func lock() throws(StoreError) {
        // Where there is no store there is no LOCK to be made either.
        _ = try backup()
        let outcome = try attempt("locking the backup") { () throws(FileError) in
            try storage.lock()
        }
        if case .held(let process) = outcome { throw inUse(process) }
    }

    /// A backup that cannot be written, nobody writes.
    private func lockIfWritable() throws(StoreError) -> Bool {
        _ = try backup()
        let outcome: LockOutcome
        do {
            outcome = try storage.lock()
        } catch {
            guard error.isDenied || error.isReadOnly else {
                throw StoreError(error, doing: "locking the backup")
            }
            return false
        }
        if case .held(let process) = outcome { throw inUse(process) }
        return true
    }

    private func inUse(_ process: Int32?) -> StoreError {
        StoreError(
            .inUse,
            "the backup in \(storage.location) is being written"
                + (process.map { " by process \($0)" } ?? "") + ": try again when that is done")
    }

    private func attempt<Value>(
        _ task: String, _ body: () throws(FileError) -> Value
    ) throws(StoreError) -> Value {
        do {
            return try body()
        } catch {
            throw StoreError(error, doing: task)
        }
    }

    // MARK: In place

    /// What the backup says of itself, and its list.
    private func backup() throws(StoreError) -> (StoreIdentity, Manifest) {
        let (identity, list) = try StoreFiles(storage: storage, tuning: tuning).load(for: .readOnly)
        guard identity.isBackup else {
            throw StoreError(
                .wrongDirectory,
                "\(storage.location) is a store, and no backup, or was restored before; nothing was "
                    + "touched: it opens as it is")
        }
        return (identity, list)
    }

    private func adopt() throws(StoreError) {
        let (identity, list) = try backup()
        for entry in list.entries { try check(entry) }
        let directory = BackupDirectory(storage: storage, identity: identity, purpose: .restore)
        // As it is. Where its sync failed, the disk has an older one, whose segments are not stale yet.
        try directory.list(list)
        // What a later backup left that was cut short would be another store's.
        _ = try directory.removeStale(list)
        try attempt("making the backup durable") { () throws(FileError) in
            try storage.synchronize(.segments)
        }
        guard identity.ancestors.count < FormatLimits.ancestorCountMaximum else {
            throw StoreError(
                .invalidOption,
                "a store has at most \(FormatLimits.ancestorCountMaximum) ancestors: export and "
                    + "import its blobs instead")
        }
        let restored = identity.restored(
            as: StoreUUID(random: storage.random(), storage.random()), at: storage.wallClock(),
            nextSegmentID: list.nextSegmentID)
        do throws(ReplaceFailure) {
            try storage.replace(StoreNames.identity, with: restored.encoded().rawSpan)
        } catch {
            throw StoreError(error.fileError, doing: "restoring the backup in \(storage.location)")
        }
    }

    /// A backup that lacks something is no store yet: somebody may still have the missing file.
    private func check(_ entry: SegmentEntry) throws(StoreError) {
        let name = SegmentFileName(entry.id).description
        let byteCount = try attempt("looking at segment \(name)") { () throws(FileError) in
            guard let file = try storage.open(name, in: .segments, writable: false) else {
                return UInt64?.none
            }
            defer { storage.close(file) }
            return try storage.byteCount(of: file)
        }
        guard let byteCount, entry.isWhole(in: byteCount) else {
            throw StoreError(
                .damaged,
                "segment \(name) of the backup in \(storage.location) is missing or too short: "
                    + "nothing was touched; cairn verify says more", segmentID: entry.id)
        }
    }
}
