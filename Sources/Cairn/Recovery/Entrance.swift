// Entrance — the directory of a store and its lock, taken before anything in it is read.
//
// A directory is refused before anything in it changes: one without a store, unless a store is to be
// made; then one that holds what is no store's, for nobody means to mix the two. Taking the lock makes
// a file, which a directory that is refused is spared. Readers take none. One thread. Spec: Engine.md,
// "Opening".

internal import CairnSystem

struct Entrance<S: Storage> {
    let storage: S
    let access: StoreOptions.Access

    /// On return the directories are open, and a writer has the lock.
    func enter() throws(StoreError) {
        let exists = try open(creating: false)
        guard exists || access == .create else {
            throw StoreError(.noStore, "there is no store in \(storage.location)")
        }
        if access == .readOnly { return }
        if exists { try judge() }
        if access == .create { _ = try open(creating: true) }
        try lock()
    }

    private func open(creating: Bool) throws(StoreError) -> Bool {
        try attempt { () throws(FileError) in try storage.openDirectories(creating: creating) }
    }

    /// Whoever makes a store there at this moment has not made it yet.
    private func judge() throws(StoreError) {
        if try attempt({ () throws(FileError) in try storage.hasIdentity }) { return }
        guard access == .create else { throw storage.noStore }
        guard let name = try stranger() else { return }
        throw storage.wrongDirectory("is not empty: \(name) is in it")
    }

    /// Nil where there are segments, too: somebody lost a file then, and is told so.
    private func stranger() throws(StoreError) -> String? {
        let manifest = StoreNames.manifest
        return try attempt { () throws(FileError) in
            guard try storage.names(in: .segments).isEmpty else { return nil }
            return try storage.stranger(besides: [
                manifest, manifest + StoreNames.replacement, StoreNames.reserve,
            ])
        }
    }

    private func attempt<Value>(
        _ body: () throws(FileError) -> Value
    ) throws(StoreError) -> Value {
        do {
            return try body()
        } catch {
            throw StoreError(error, doing: "opening the directory of the store")
        }
    }

    private func lock() throws(StoreError) {
        let outcome: LockOutcome
        do {
            outcome = try storage.lock()
        } catch {
            throw StoreError(error, doing: "locking the store")
        }
        guard case .held(let process) = outcome else { return }
        throw StoreError(
            .inUse,
            "the store in \(storage.location) is in use"
                + (process.map { " by process \($0)" } ?? ""))
    }
}
