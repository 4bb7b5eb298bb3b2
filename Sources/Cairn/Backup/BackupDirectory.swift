// BackupDirectory — the directory that a backup or a restore fills: whether it may, and its own files.
//
// It may fill one that is not there, an empty one, and the backup of the same store; everything else
// is refused before a byte or a name of it changes. STORE comes first and says that this is a backup,
// MANIFEST last: without it there is none yet. The lock of the directory is held from `claim` on, so
// nobody else fills or restores it meanwhile. One thread. Spec: Format.md, "Backup".

internal import CairnFormat
internal import CairnSystem

/// What a directory is filled for: errors say it.
enum FillingPurpose {
    case backup
    case restore

    /// What the directory becomes.
    var noun: String { self == .backup ? "backup" : "store" }
}

struct BackupDirectory<S: Storage> {
    let storage: S
    /// As the backup has it.
    let identity: StoreIdentity
    let purpose: FillingPurpose

    /// Takes the directory and its lock, and changes nothing else. Whether it was as good as empty; else
    /// there is a backup in it, or what one left that was cut short.
    @discardableResult
    func claim() throws(StoreError) -> Bool {
        try attempt("opening the directory") { () throws(FileError) in
            if try storage.openDirectories(creating: false) { return }
            _ = try storage.openDirectories(creating: true)
        }
        _ = try judge()
        try attempt("making the directory") { () throws(FileError) in
            _ = try storage.openDirectories(creating: true)
        }
        try lock()
        do throws(StoreError) {
            // Somebody may have filled or restored it since.
            return try judge()
        } catch {
            storage.unlock()
            throw error
        }
    }

    /// Makes the directory a backup, perhaps one without anything in it yet.
    func begin() throws(StoreError) {
        // Again, too: where the sync of the directory failed, only the cache has the name.
        try replace(StoreNames.identity, identity.encoded())
    }

    /// What the backup that is there lists; nil when none was finished.
    func present() throws(StoreError) -> Manifest? {
        let bytes = try contents(StoreNames.manifest, Manifest.byteCountMaximum)
        // A damaged list is no list: it will be replaced, and the segments are looked at anyway.
        return bytes.flatMap { try? Manifest(decoding: $0.rawSpan) }
    }

    /// Replaces the list, durably: from here on it is the new backup.
    func list(_ manifest: Manifest) throws(StoreError) {
        try replace(StoreNames.manifest, manifest.encoded())
    }

    /// Removes files of segments that are not in the list, and what was being written when a backup
    /// stopped. Returns how many.
    func removeStale(_ list: Manifest) throws(StoreError) -> Int {
        let ids = Set(list.entries.map(\.id))
        return try attempt("removing files of earlier backups") { () throws(FileError) in
            var count = 0
            for name in try storage.names(in: .segments).sorted() {
                let isUnfinished = name.hasSuffix(StoreNames.unfinished)
                let file = SegmentFileName(parsing: name)
                guard isUnfinished || file.map({ !ids.contains($0.id) }) ?? false else { continue }
                try storage.unlink(name, in: .segments)
                count += 1
            }
            return count
        }
    }

    /// Names the directory in the error.
    func attempt<Value>(
        _ task: String, _ body: () throws(FileError) -> Value
    ) throws(StoreError) -> Value {
        do {
            return try body()
        } catch {
            throw StoreError(error, doing: "\(task) of the \(purpose.noun) in \(storage.location)")
        }
    }

    private func replace(_ name: String, _ bytes: [UInt8]) throws(StoreError) {
        do throws(ReplaceFailure) {
            try storage.replace(name, with: bytes.rawSpan)
        } catch {
            throw StoreError(
                error.fileError,
                doing: "writing \(name) of the \(purpose.noun) in \(storage.location)")
        }
    }

    private func contents(_ name: String, _ maximum: Int) throws(StoreError) -> [UInt8]? {
        try attempt("reading \(name)") { () throws(FileError) in
            try storage.contents(of: name, in: .root, byteCountMaximum: maximum)
        }
    }

    private func lock() throws(StoreError) {
        let outcome = try attempt("locking") { () throws(FileError) in try storage.lock() }
        guard case .held(let process) = outcome else { return }
        throw StoreError(
            .inUse,
            "the \(purpose.noun) in \(storage.location) is being written"
                + (process.map { " by process \($0)" } ?? "") + ": try again when that is done")
    }

    // MARK: Whose it is

    /// Whether the directory is as good as empty; an error when it is not to be filled.
    private func judge() throws(StoreError) -> Bool {
        guard
            let bytes = try contents(StoreNames.identity, StoreIdentity.byteCountMaximum)
        else {
            try requireEmpty()
            return true
        }
        let present: StoreIdentity
        do throws(FormatError) {
            present = try StoreIdentity(decoding: bytes.rawSpan)
        } catch {
            throw refusal("has a STORE that cannot be read (\(error))")
        }
        guard present.isBackup else { throw refusal("is a store, and no backup") }
        guard present.uuid == identity.uuid else {
            throw refusal("is the backup of another store, \(present.uuid)")
        }
        return false
    }

    /// Nothing but what an attempt leaves that was cut short before it had made STORE.
    private func requireEmpty() throws(StoreError) {
        let found = try attempt("looking into the directory") { () throws(FileError) in
            if let stranger = try storage.stranger() { return String?(stranger) }
            return try (storage.names(in: .segments) + storage.names(in: .quarantine)).min()
        }
        if let found { throw refusal("is not empty: \(found) is in it") }
    }

    private func refusal(_ what: String) -> StoreError {
        if purpose == .restore { return storage.wrongDirectory(what) }
        return storage.wrongDirectory(
            what, wanted: "a directory that is not there, an empty one, or a backup of this store")
    }
}
