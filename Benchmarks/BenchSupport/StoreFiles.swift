// StoreFiles — removes the files of a store that a benchmark made.
//
// Only names within the store are touched, and directories stay. Nobody may have the store open.

package import CairnSystem

/// The files of a store.
package enum StoreFiles {
    /// The directories that a store makes within its own.
    package static let directories = ["segments", "quarantine"]

    /// Removes every file in the store's directory and in those within it.
    package static func unlinkAll(in store: DirectoryHandle) throws(FileError) {
        for name in directories {
            guard let inner = try store.directory(name) else { continue }
            for file in try inner.names() { try inner.unlink(file) }
        }
        for file in try store.names() where !directories.contains(file) {
            try store.unlink(file)
        }
    }
}
