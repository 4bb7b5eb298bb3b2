// SimulatedDisk+Storage — the disk as the engine sees it: directories, names, lock, clocks, dice.
//
// Files follow in SimulatedDisk+Files. Each call takes the lock, lets `State.begin` decide how it
// goes, and does its work on the state. Any thread.

package import Cairn
package import CairnSystem

extension SimulatedDisk {
    package var location: String { "simulated" }

    // MARK: Directories

    package func openDirectories(creating: Bool) throws(FileError) -> Bool {
        guard try openDirectory(.root, creating: creating) else { return false }
        _ = try openDirectory(.segments, creating: creating)
        _ = try openDirectory(.quarantine, creating: creating)
        return true
    }

    private func openDirectory(
        _ directory: StoreDirectory, creating: Bool
    ) throws(FileError) -> Bool {
        enter(isStep: false)
        let exists = state.names.exists(directory)
        let isDead = state.isDead
        stateLock.unlock()
        let subject = StepSubject(operation: .makeDirectory, directory: directory, name: "")
        if isDead { throw subject.powerLoss }
        if exists || !creating { return exists }
        enter(isStep: true)
        defer { stateLock.unlock() }
        let plan = try state.beginWhole(subject)
        let name = SimulatedName(directory: directory, name: "")
        _ = state.names.perform(
            NameOperation(kind: .makeDirectory, name: name, file: -1, order: state.tick()))
        try state.end(plan, subject)
        return true
    }

    /// As on a real disk, the root's names include those of the subdirectories and of the lock.
    package func names(in directory: StoreDirectory) throws(FileError) -> [String] {
        enter(isStep: false)
        defer { stateLock.unlock() }
        let subject = StepSubject(operation: .listNames, directory: directory, name: "")
        _ = try state.beginWhole(subject)
        var names = state.names.names(in: directory)
        if directory == .root { names += state.names.subdirectoryNames }
        names.shuffle(using: &state.random)
        return names
    }

    package func synchronize(_ directory: StoreDirectory) throws(FileError) {
        enter(isStep: true)
        defer { stateLock.unlock() }
        let subject = StepSubject(operation: .synchronizeDirectory, directory: directory, name: "")
        let plan = try state.begin(subject)
        try state.requireDirectory(subject)
        state.synchronize(directory, plan)
        if let fault = plan.fault { throw subject.error(fault) }
        try state.end(plan, subject)
    }

    // MARK: Names

    package func rename(
        _ name: String, in source: StoreDirectory, to newName: String,
        in destination: StoreDirectory
    ) throws(FileError) {
        enter(isStep: true)
        defer { stateLock.unlock() }
        let subject = StepSubject(operation: .rename, directory: source, name: name)
        let plan = try state.beginWhole(subject)
        try state.requireDirectory(subject)
        guard let file = state.names.file(name, in: source) else { throw subject.missing }
        guard state.names.exists(destination) else { throw subject.missing }
        let target = SimulatedName(directory: destination, name: newName)
        let origin = SimulatedName(directory: source, name: name)
        if target != origin {
            state.perform(
                NameOperation(
                    kind: .rename, name: origin, target: target, file: file, order: state.tick()))
            state.files[file].name = newName
            state.files[file].directory = destination
        }
        try state.end(plan, subject)
    }

    package func unlink(_ name: String, in directory: StoreDirectory) throws(FileError) {
        enter(isStep: true)
        defer { stateLock.unlock() }
        let subject = StepSubject(operation: .unlink, directory: directory, name: name)
        let plan = try state.beginWhole(subject)
        guard let file = state.names.file(name, in: directory) else { throw subject.missing }
        let origin = SimulatedName(directory: directory, name: name)
        state.perform(
            NameOperation(kind: .unlink, name: origin, file: file, order: state.tick()))
        try state.end(plan, subject)
    }

    package func share(
        _ name: String, as newName: String, with other: SimulatedDisk
    ) throws(FileError) -> SharedBytes? {
        guard other.core === core else { return nil }
        let file = try file(of: name)
        other.enter(isStep: true)
        defer { stateLock.unlock() }
        let subject = StepSubject(operation: .link, directory: .segments, name: newName)
        let plan = try state.beginWhole(subject)
        try state.requireDirectory(subject)
        if state.names.file(newName, in: .segments) != nil { throw subject.exists }
        let path = SimulatedName(directory: .segments, name: newName)
        state.perform(NameOperation(kind: .link, name: path, file: file, order: state.tick()))
        try state.end(plan, subject)
        return .linked
    }

    private func file(of name: String) throws(FileError) -> Int {
        enter(isStep: false)
        defer { stateLock.unlock() }
        guard let file = state.names.file(name, in: .segments) else {
            throw StepSubject(operation: .link, directory: .segments, name: name).missing
        }
        return file
    }

    package func isSame(
        _ file: FileHandle, as otherFile: FileHandle, of other: SimulatedDisk
    ) throws(FileError) -> Bool {
        guard other.core === core else { return false }
        enter(isStep: false)
        defer { stateLock.unlock() }
        return try state.file(file, .open) == state.file(otherFile, .open)
    }

    // MARK: Lock

    /// The process that holds the lock answers to this number.
    package static let lockHolder: Int32 = 4242

    package func lock() throws(FileError) -> LockOutcome {
        enter(isStep: false)
        let isLocked = state.lockedRoots.contains(root)
        let isThere = state.names.file("LOCK", in: .root) != nil
        let isDead = state.isDead
        stateLock.unlock()
        if isDead { throw StepSubject.lockFile.powerLoss }
        if isLocked { return .held(by: Self.lockHolder) }
        if !isThere { close(try create("LOCK", in: .root)) }
        withLock { [root] in _ = $0.lockedRoots.insert(root) }
        return .acquired
    }

    package func unlock() {
        withLock { [root] in _ = $0.lockedRoots.remove(root) }
    }

    // MARK: Space, clocks, dice

    package func freeByteCount() throws(FileError) -> UInt64 {
        enter(isStep: false)
        defer { stateLock.unlock() }
        if state.isDead { throw StepSubject.lockFile.powerLoss }
        return UInt64(state.freePageCount) * UInt64(SimulatedPages.pageByteCount)
    }

    package func totalByteCount() throws(FileError) -> UInt64 {
        enter(isStep: false)
        defer { stateLock.unlock() }
        if state.isDead { throw StepSubject.lockFile.powerLoss }
        return UInt64(state.totalPageCount) * UInt64(SimulatedPages.pageByteCount)
    }

    package func wallClock() -> UInt64 { withLock { $0.wallNanoseconds } }

    package func monotonicClock() -> UInt64 { withLock { $0.monotonicNanoseconds } }

    package func random() -> UInt64 { withLock { $0.engineRandom.next() } }
}

extension StepSubject {
    static let lockFile = StepSubject(operation: .open, directory: .root, name: "LOCK")

    /// A read through a handle that was closed under the reader.
    static let lostFile = StepSubject(operation: .read, directory: .segments, name: "?").error(9)

    var missing: FileError { error(2) }
    var exists: FileError { error(17) }
}

// MARK: Names and their files

extension SimulatedDisk.State {
    var freePageCount: Int {
        max(0, (capacityPageCount ?? totalPageCount) - usedPageCount)
    }

    func requireDirectory(_ subject: StepSubject) throws(FileError) {
        if !names.exists(subject.directory) { throw subject.missing }
    }

    /// Does an operation on names and keeps the files' counts of names.
    mutating func perform(_ operation: NameOperation) {
        let displaced = names.perform(operation)
        switch operation.kind {
        case .makeDirectory: break
        case .link: changeNameCount(of: operation.file, by: 1)
        case .unlink: changeNameCount(of: operation.file, by: -1)
        case .rename:
            if let displaced, displaced != operation.file {
                changeNameCount(of: displaced, by: -1)
            }
        }
    }

    mutating func synchronize(_ directory: StoreDirectory, _ plan: StepPlan) {
        if plan.fault == nil && plan.crash != .during {
            names.synchronize(directory)
        } else {
            let staysPending = plan.fault == nil || directoryFailuresStayPending
            roots[root].failToSynchronize(
                directory, staysPending: staysPending, random: &random)
        }
        collectFiles()
    }

    private mutating func changeNameCount(of file: Int, by count: Int) {
        let occupied = files[file].occupiedPageCount
        files[file].nameCount += count
        usedPageCount += files[file].occupiedPageCount - occupied
    }

    mutating func changeHandleCount(of file: Int, by count: Int) {
        let occupied = files[file].occupiedPageCount
        files[file].handleCount += count
        usedPageCount += files[file].occupiedPageCount - occupied
    }

    /// Forgets the bytes of files that nothing can reach any more, even after a power cut.
    mutating func collectFiles() {
        let live = files.indices.contains { !files[$0].isReachable && !files[$0].isFree }
        if !live { return }
        let referenced = roots.reduce(into: Set()) { $0.formUnion($1.referencedFiles()) }
        for file in files.indices
        where !files[file].isReachable && !files[file].isFree && !referenced.contains(file) {
            files[file] = .free
            freeFiles.append(file)
        }
    }

    /// A slot for a new file.
    mutating func addFile(_ file: SimulatedFile) -> Int {
        if let slot = freeFiles.popLast() {
            files[slot] = file
            return slot
        }
        files.append(file)
        return files.count - 1
    }
}
