// SimulatedDisk+Files — files as the engine sees them: handles, reads, writes, syncs.
//
// A handle is a number that is never given twice, so that a call with one of an earlier boot is
// recognized and fails; a call with a closed one, or a write through one opened for reading, is a
// fault of the caller and traps. Budget: no allocation per read; a write costs its copy into the
// cache and one into the log. Any thread, one lock.
//
// Why this is sound: the pointers to the caller's spans live as long as the closures that get them
// and are only read or filled within the spans' counts.

package import Cairn
package import CairnSystem

extension SimulatedDisk {
    // MARK: Opening and closing

    package func create(
        _ name: String, in directory: StoreDirectory
    ) throws(FileError) -> FileHandle {
        enter(isStep: true)
        defer { stateLock.unlock() }
        let subject = StepSubject(operation: .create, directory: directory, name: name)
        let plan = try state.beginWhole(subject)
        try state.requireDirectory(subject)
        if state.names.file(name, in: directory) != nil { throw subject.exists }
        let file = state.addFile(SimulatedFile(name: name, directory: directory))
        let path = SimulatedName(directory: directory, name: name)
        state.perform(NameOperation(kind: .link, name: path, file: file, order: state.tick()))
        try state.end(plan, subject)
        return state.openHandle(file, isWritable: true)
    }

    package func open(
        _ name: String, in directory: StoreDirectory, writable: Bool
    ) throws(FileError) -> FileHandle? {
        enter(isStep: false)
        defer { stateLock.unlock() }
        let subject = StepSubject(operation: .open, directory: directory, name: name)
        _ = try state.beginWhole(subject)
        guard let file = state.names.file(name, in: directory) else { return nil }
        return state.openHandle(file, isWritable: writable)
    }

    package func close(_ file: FileHandle) {
        withLock { $0.close(file) }
    }

    // MARK: Reading

    package func byteCount(of file: FileHandle) throws(FileError) -> UInt64 {
        enter(isStep: false)
        defer { stateLock.unlock() }
        return state.files[try state.file(file, .read)].byteCount
    }

    package func read(
        _ file: FileHandle, into buffer: inout MutableRawSpan, at offset: UInt64
    ) throws(FileError) -> Int {
        let isObserved = readObserver != nil
        readObserver?()
        enter(isStep: state.countsReads)
        defer { stateLock.unlock() }
        if isObserved, state.isClosed(file) { throw StepSubject.lostFile }
        let index = try state.file(file, .read)
        if state.mustPlanReads {
            let subject = state.subject(.read, index, at: offset, buffer.byteCount)
            try state.end(try state.beginWhole(subject), subject)
        }
        let end = state.files[index].byteCount
        if offset >= end { return 0 }
        let count = Int(min(UInt64(buffer.byteCount), end - offset))
        unsafe buffer.withUnsafeMutableBytes { bytes in
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
            unsafe state.files[index].cache.read(into: part, at: offset)
        }
        return count
    }

    package func readIfCached(
        _ file: FileHandle, into buffer: inout MutableRawSpan, at offset: UInt64
    ) throws(FileError) -> Int? {
        isNothingCached ? nil : try read(file, into: &buffer, at: offset)
    }

    /// Only seen in the trace.
    package func readAhead(_ file: FileHandle, _ range: Range<UInt64>) {
        withLock { state in
            guard state.isTracing, let index = try? state.file(file, .read) else { return }
            let subject = state.subject(.read, index, at: range.lowerBound, range.count)
            state.note("ahead: \(subject.description)")
        }
    }

    package func dropCache(of file: FileHandle) throws(FileError) {
        enter(isStep: false)
        defer { stateLock.unlock() }
        let index = try state.file(file, .dropCache)
        _ = try state.beginWhole(state.subject(.dropCache, index))
        state.files[index].dropCache()
    }

    // MARK: Writing

    package func write(
        _ file: FileHandle, _ bytes: RawSpan, at offset: UInt64
    ) throws(FileError) {
        enter(isStep: true)
        defer { stateLock.unlock() }
        let index = try state.writableFile(file, .write)
        let subject = state.subject(.write, index, at: offset, bytes.byteCount)
        let step = try state.beginWrite(index, subject)
        unsafe bytes.withUnsafeBytes { unsafe state.put($0, index, offset, limit: step.allowed) }
        if let error = step.error { throw error }
    }

    package func write(
        _ file: FileHandle, _ head: RawSpan, _ tail: RawSpan, at offset: UInt64
    ) throws(FileError) {
        enter(isStep: true)
        defer { stateLock.unlock() }
        let index = try state.writableFile(file, .write)
        let count = head.byteCount + tail.byteCount
        let step = try state.beginWrite(index, state.subject(.write, index, at: offset, count))
        unsafe head.withUnsafeBytes { unsafe state.put($0, index, offset, limit: step.allowed) }
        let next = offset + UInt64(head.byteCount)
        let limit = step.allowed - head.byteCount
        unsafe tail.withUnsafeBytes { unsafe state.put($0, index, next, limit: limit) }
        if let error = step.error { throw error }
    }

    package func truncate(_ file: FileHandle, to byteCount: UInt64) throws(FileError) {
        enter(isStep: true)
        defer { stateLock.unlock() }
        let index = try state.writableFile(file, .truncate)
        let subject = state.subject(.truncate, index, at: byteCount)
        let plan = try state.beginWhole(subject)
        state.truncate(index, to: byteCount)
        try state.end(plan, subject)
    }

    package func allocate(_ file: FileHandle, byteCount: UInt64) throws(FileError) {
        enter(isStep: true)
        defer { stateLock.unlock() }
        let index = try state.writableFile(file, .allocate)
        let subject = state.subject(.allocate, index, at: byteCount)
        let plan = try state.beginWhole(subject)
        guard state.allocate(index, byteCount) else { throw subject.error(.noSpace) }
        try state.end(plan, subject)
    }

    /// Nothing: any write that was not synchronized may have reached the disk anyway.
    package func startWriting(_ file: FileHandle, _ range: Range<UInt64>) {}

    package func synchronize(_ file: FileHandle) throws(FileError) {
        enter(isStep: true)
        defer { stateLock.unlock() }
        let index = try state.file(file, .synchronizeFile)
        let subject = state.subject(.synchronizeFile, index)
        let plan = try state.begin(subject)
        state.synchronize(index, plan)
        if let fault = plan.fault { throw subject.error(fault) }
        try state.end(plan, subject)
    }
}

// MARK: The state's side

extension SimulatedDisk.State {
    var mustPlanReads: Bool { isDead || isTracing || countsReads || !faults.isEmpty }

    // MARK: Handles

    var nextHandle: Int32 { firstHandle + Int32(openFiles.count) }

    mutating func openHandle(_ file: Int, isWritable: Bool) -> FileHandle {
        let handle = FileHandle(rawValue: nextHandle)
        openFiles.append(SimulatedDisk.OpenFile(file: file, isWritable: isWritable))
        changeHandleCount(of: file, by: 1)
        return handle
    }

    mutating func close(_ handle: FileHandle) {
        if handle.rawValue < firstHandle { return }
        let slot = Int(handle.rawValue - firstHandle)
        precondition(slot < openFiles.count && openFiles[slot].file >= 0, "closed twice")
        let file = openFiles[slot].file
        openFiles[slot].file = -1
        changeHandleCount(of: file, by: -1)
    }

    /// Whether this boot has closed the handle.
    func isClosed(_ handle: FileHandle) -> Bool {
        handle.rawValue >= firstHandle && openFiles[Int(handle.rawValue - firstHandle)].file < 0
    }

    /// The file of a handle; fails without power and for handles of an earlier boot.
    func file(
        _ handle: FileHandle, _ operation: SimulatedOperation
    ) throws(FileError) -> Int {
        try openFile(handle, operation).file
    }

    func writableFile(
        _ handle: FileHandle, _ operation: SimulatedOperation
    ) throws(FileError) -> Int {
        let open = try openFile(handle, operation)
        precondition(open.isWritable, "a write through a handle opened for reading")
        return open.file
    }

    private func openFile(
        _ handle: FileHandle, _ operation: SimulatedOperation
    ) throws(FileError) -> SimulatedDisk.OpenFile {
        if isDead || handle.rawValue < firstHandle {
            throw StepSubject(operation: operation, directory: .root, name: "?").powerLoss
        }
        let slot = Int(handle.rawValue - firstHandle)
        precondition(slot < openFiles.count && openFiles[slot].file >= 0, "a handle that is closed")
        return openFiles[slot]
    }

    func subject(
        _ operation: SimulatedOperation, _ file: Int, at offset: UInt64? = nil,
        _ byteCount: Int? = nil
    ) -> StepSubject {
        StepSubject(
            operation: operation, directory: files[file].directory, name: files[file].name,
            offset: offset, byteCount: byteCount)
    }

    // MARK: Changes

    /// How much of a write gets through, and the error that follows.
    mutating func beginWrite(
        _ file: Int, _ subject: StepSubject
    ) throws(FileError) -> (allowed: Int, error: FileError?) {
        let plan = try begin(subject)
        let count = subject.byteCount ?? 0
        var allowed = count
        var error: FileError?
        if capacityPageCount != nil {
            allowed = files[file].fittingByteCount(
                at: subject.offset ?? 0, count, free: freePageCount)
            if allowed < count { error = subject.error(.noSpace) }
        }
        if plan.isOrdinary { return (allowed, error) }
        if plan.fault != nil || plan.crash == .during { allowed = random.below(allowed + 1) }
        if let fault = plan.fault { error = subject.error(fault) }
        return (allowed, plan.crash == nil ? error : subject.powerLoss)
    }

    mutating func put(
        _ bytes: UnsafeRawBufferPointer, _ file: Int, _ offset: UInt64, limit: Int
    ) {
        let count = min(bytes.count, limit)
        if count <= 0 { return }
        let occupied = files[file].occupiedPageCount
        files[file].occupy(at: offset, count)
        usedPageCount += files[file].occupiedPageCount - occupied
        let order = tick()
        unsafe files[file].write(
            UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: offset, order: order)
    }

    mutating func synchronize(_ file: Int, _ plan: StepPlan) {
        if plan.fault != nil {
            files[file].failToSynchronize(random: &random)
        } else if plan.crash == .during {
            files[file].synchronizePartly(random: &random)
        } else {
            files[file].synchronize()
        }
    }

    mutating func truncate(_ file: Int, to byteCount: UInt64) {
        let occupied = files[file].occupiedPageCount
        files[file].release(beyond: byteCount)
        usedPageCount += files[file].occupiedPageCount - occupied
        files[file].truncate(to: byteCount, order: tick())
    }

    /// False when there is no room.
    mutating func allocate(_ file: Int, _ byteCount: UInt64) -> Bool {
        let occupied = files[file].occupiedPageCount
        let pages = SimulatedFile.pageCount(byteCount)
        let needed = files[file].missingPageCount(pages)
        if capacityPageCount != nil && needed > freePageCount { return false }
        files[file].reserve(pages)
        usedPageCount += files[file].occupiedPageCount - occupied
        if byteCount > files[file].byteCount {
            files[file].truncate(to: byteCount, order: tick())
        }
        return true
    }
}
