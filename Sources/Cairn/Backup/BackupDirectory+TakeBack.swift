// BackupDirectory+TakeBack — a restore that failed takes away what it made.
//
// That is: the files of a backup in a directory that was as good as empty when it was claimed, and the
// directories that were made for them. What an earlier attempt brought stays, for the next one goes on
// with it. MANIFEST goes first and STORE behind the segments, so that what is left by a removal that fails
// can be gone on with, too. The lock is held; LOCK goes last. Spec: Engine.md, "Backup".

internal import CairnFormat
internal import CairnSystem

extension BackupDirectory {
    /// The error of a restore, with what became of its files.
    func takenBack(after failure: StoreError, wasEmpty: Bool) -> StoreError {
        let place = storage.location
        guard wasEmpty else {
            return failure.adding(
                "\(place) holds what an earlier attempt brought, and what this one added: do it again, "
                    + "or remove it")
        }
        do throws(FileError) {
            try removeFiles()
            try storage.removeNewDirectories()
            return failure.adding("nothing of it is left in \(place)")
        } catch {
            return failure.adding(
                "not all of it could be removed from \(place) (\(error)): do it again, or remove it"
            )
        }
    }

    private func removeFiles() throws(FileError) {
        let (manifest, identity) = (StoreNames.manifest, StoreNames.identity)
        try remove(manifest, manifest + StoreNames.replacement)
        for name in try storage.names(in: .segments) where isBrought(name) {
            try storage.unlink(name, in: .segments)
        }
        try remove(identity, identity + StoreNames.replacement, StoreNames.lock)
    }

    private func isBrought(_ name: String) -> Bool {
        name.hasSuffix(StoreNames.unfinished) || SegmentFileName(parsing: name) != nil
    }

    private func remove(_ names: String...) throws(FileError) {
        let present = try storage.names(in: .root)
        for name in names where present.contains(name) { try storage.unlink(name, in: .root) }
    }
}
