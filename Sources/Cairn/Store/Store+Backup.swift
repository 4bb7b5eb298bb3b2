// Backups of an open store, and stores made of backups.
//
// A backup of a store goes on beside everything else that the store does; it takes the lock of its own
// directory only. Restoring has nothing to do with an open store. All of it blocks. Spec: Engine.md,
// "Backup"; Operations.md, "Backup and restore".

internal import CairnSystem

extension Store {
    /// Makes the directory `path` a backup of the store: of everything that was written before the call,
    /// and of nothing that was written later. It is made when it is not there; an earlier backup of this
    /// store in it is replaced, its segments are used again, and it stays as it is until the new one is
    /// whole and durable. Any other directory is refused, untouched.
    ///
    /// - Parameters:
    ///   - progress: Told now and then, and may end the backup by false.
    /// - Returns: Nil when `progress` ended it.
    @discardableResult
    public func backup(
        to path: String, options: BackupOptions = BackupOptions(),
        progress: (BackupProgress) -> Bool = { _ in true }
    ) throws(StoreError) -> BackupResult? {
        let isInside: Bool
        do {
            isInside = try engine.storage.encloses(directoryAt: path)
        } catch {
            throw StoreError(error, doing: "looking at the directory of the backup")
        }
        guard !isInside else {
            throw StoreError(
                .wrongDirectory,
                "\(path) is the store's own directory, or lies in it; nothing was touched: name a "
                    + "directory elsewhere, best on another disk")
        }
        return try engine.backup(to: SystemStorage(path: path), options, progress: progress)
    }

    /// Makes the backup in `path` a store of its own, where it is: it opens for writing from then on,
    /// and is no backup any more. At once; no segment changes, also those that share bytes with others.
    public static func restore(backupAt path: String) throws(StoreError) {
        try BackupRestore(storage: SystemStorage(path: path)).run()
    }

    /// Makes a store of its own in `path` from the backup in `backup`, which stays as it is and may be on
    /// a medium that cannot be written. The directory must not be there, or be empty. A restore that fails
    /// takes away what it made, and the error says so; what an earlier attempt left, cut short or ended,
    /// stays, and is gone on with.
    ///
    /// - Parameters:
    ///   - progress: Told now and then, and may end it by false; done again, it goes on.
    /// - Returns: Nil when `progress` ended it.
    @discardableResult
    public static func restore(
        backupAt backup: String, to path: String, options: BackupOptions = BackupOptions(),
        progress: (BackupProgress) -> Bool = { _ in true }
    ) throws(StoreError) -> BackupResult? {
        try BackupRestore(storage: SystemStorage(path: backup)).run(
            to: SystemStorage(path: path), options, progress: progress)
    }
}
