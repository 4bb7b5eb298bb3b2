// MicroDirectory — where the cases' stores stand: a directory of this run's own.
//
// Made below the given directory when the first store is, removed with all that is in it at the end.
// Nothing else is touched, so the given one may hold anything. One store at a time. Main thread.

internal import BenchSupport
internal import CairnSystem
internal import Glibc

final class MicroDirectory {
    private static let storeName = "store"

    private let parent: String
    private var own: DirectoryHandle?

    /// Nothing is made yet. Nil: where temporary files go.
    init(parent: String?) {
        let given = ProcessEnvironment.value("TMPDIR").map { String(decoding: $0, as: UTF8.self) }
        self.parent = parent ?? given ?? P_tmpdir
    }

    /// The path of a store that is not there yet.
    func newStorePath() throws(BenchFailure) -> String {
        try removeStore()
        return try opened().path(of: Self.storeName)
    }

    /// Removes the store, which is closed, if there is one.
    func removeStore() throws(BenchFailure) {
        guard let own else { return }
        try BenchFailure.file { () throws(FileError) in
            guard let store = try own.directory(Self.storeName) else { return }
            try StoreFiles.unlinkAll(in: store)
            for name in StoreFiles.directories where try store.directory(name) != nil {
                try store.removeDirectory(name)
            }
            try own.removeDirectory(Self.storeName)
        }
    }

    /// Removes everything that was made.
    func remove() throws(BenchFailure) {
        guard let own else { return }
        try removeStore()
        try BenchFailure.file { () throws(FileError) in
            try DirectoryHandle.remove(path: own.path)
        }
        self.own = nil
    }

    private func opened() throws(BenchFailure) -> DirectoryHandle {
        if let own { return own }
        let made = try BenchFailure.file { () throws(FileError) -> DirectoryHandle? in
            guard let directory = try DirectoryHandle.open(path: parent) else { return nil }
            let name = "cairn-micro-" + String(SystemRandom.next(), radix: 16)
            try directory.makeDirectory(name)
            return try directory.directory(name)
        }
        guard let made else { throw .refused("there is no directory \(parent)") }
        own = made
        return made
    }
}
