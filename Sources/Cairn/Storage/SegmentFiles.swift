// SegmentFiles — the open files of the segments that are only read, no more than descriptors allow.
//
// A file stays open until more than `maximum` are; then the one that was not wanted for the longest
// time, nearly (second chance), is closed, and opened again when somebody reads it. Readers that find
// their file open take no lock. Invariants: (1) a file is closed only behind the readers that may
// hold it, by `Readers`; (2) the file that was opened last is not the one that is closed for it;
// (3) the segment that takes records is not known here: its writer holds its file.
// Any thread; the lock is held across open(2). Spec: Engine.md, "Opening".

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

// Sendable because `closable`, `hand` and `maximum`, all that changes, are only touched under `lock`.
/// Opens segment files when they are wanted, and closes others for them.
final class SegmentFiles<S: Storage>: @unchecked Sendable {
    private let storage: S
    private let handles: SegmentHandles
    private let readers: Readers
    private let lock = AdaptiveLock()
    /// Ordinals of segments whose files are open.
    private var closable: [Int] = []
    /// Whom the search for the next one to close looks at first.
    private var hand = 0
    private var maximum: Int
    /// Files that are closed as soon as nobody can hold them any more.
    private let closing = ClosingCount()
    private let closingCountMaximum: Int

    init(storage: S, handles: SegmentHandles, readers: Readers, maximum: Int) {
        self.storage = storage
        self.handles = handles
        self.readers = readers
        self.maximum = max(2, maximum)
        // A quarter of all descriptors is not for segments: half of that may wait to be given back.
        closingCountMaximum = max(1, maximum / 6)
    }

    /// Lets files that were closed for others be closed indeed, when there are many: one slow reader
    /// keeps them all. Waits for it a little, not longer: it may be the caller, further up the stack.
    /// The caller is in no readers' section.
    @inline(__always)
    func awaitDescriptors() {
        if closing.value.load(ordering: .relaxed) > closingCountMaximum { reclaim() }
    }

    @inline(never)
    private func reclaim() {
        for _ in 0..<1000 {
            readers.reclaim()
            if closing.value.load(ordering: .relaxed) <= closingCountMaximum { return }
            yieldProcessor()
        }
    }

    /// The file of a segment, opened again if it was closed. The caller is inside a readers' section,
    /// or alone.
    @inline(__always)
    func file(of ordinal: Int) throws(FileError) -> FileHandle {
        let handle = handles.wantedHandle(of: ordinal)
        if handle >= 0 { return FileHandle(rawValue: handle) }
        return try reopened(ordinal)
    }

    /// Runs `body` with the file of a segment, which stays open meanwhile. The caller is in no
    /// readers' section.
    func withFile<Result>(
        of ordinal: Int, _ body: (FileHandle) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        awaitDescriptors()
        do {
            return try inSection(ordinal, body)
        } catch {
            guard error.isOutOfDescriptors else { throw error }
        }
        // Files that were closed for this one are given back behind the section that it was in.
        reclaim()
        return try inSection(ordinal, body)
    }

    private func inSection<Result>(
        _ ordinal: Int, _ body: (FileHandle) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        let token = readers.enter()
        defer { readers.leave(token) }
        return try body(try file(of: ordinal))
    }

    /// A segment's file, which `handles` knows, may be closed from now on.
    func add(_ ordinal: Int) {
        lock.lock()
        let surplus = takeSurplus()
        closable.append(ordinal)
        expectReads(FileHandle(rawValue: handles.handle(of: ordinal)), ordinal)
        lock.unlock()
        retire(surplus)
    }

    private func expectReads(_ file: FileHandle, _ ordinal: Int) {
        storage.expectReads(of: file, byteCount: handles.flushedOffset(of: ordinal))
    }

    /// Closes the file of a segment for good. No reader knows it.
    func remove(_ ordinal: Int) {
        lock.lock()
        closable.removeAll { $0 == ordinal }
        let handle = handles.remove(ordinal)
        lock.unlock()
        if handle >= 0 { storage.close(FileHandle(rawValue: handle)) }
    }

    /// For a planted fault only: a segment takes records again, so its writer holds its file.
    func leaveOpen(_ ordinal: Int) {
        lock.lock()
        closable.removeAll { $0 == ordinal }
        lock.unlock()
    }

    /// Runs `body`, and once more when there were no descriptors left and some could be given back.
    /// From then on fewer files are kept open.
    func withDescriptors<Result, Failure: DescriptorError>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        do {
            return try body()
        } catch {
            guard error.isOutOfDescriptors, closeHalf() else { throw error }
        }
        return try body()
    }

    /// Whether a read that failed is to be tried again: it lacked a descriptor, and was in the
    /// readers' section that kept closed files open. Called outside of it.
    @inline(never)
    func mayRepeat(after error: StoreError, attempt: inout Int) -> Bool {
        attempt += 1
        guard error.isOutOfDescriptors, attempt < 100 else { return false }
        reclaim()
        return true
    }

    // MARK: Opening and closing

    @inline(never)
    private func reopened(_ ordinal: Int) throws(FileError) -> FileHandle {
        try withDescriptors { () throws(FileError) in try open(ordinal) }
    }

    private func open(_ ordinal: Int) throws(FileError) -> FileHandle {
        lock.lock()
        // Another thread may have been quicker.
        let present = handles.handle(of: ordinal)
        if present >= 0 {
            lock.unlock()
            return FileHandle(rawValue: present)
        }
        let file: FileHandle
        do {
            file = try openFile(ordinal)
        } catch {
            lock.unlock()
            throw error
        }
        let surplus = takeSurplus()
        expectReads(file, ordinal)
        handles.reopen(file.rawValue, for: ordinal)
        closable.append(ordinal)
        lock.unlock()
        retire(surplus)
        return file
    }

    private func openFile(_ ordinal: Int) throws(FileError) -> FileHandle {
        let name = SegmentFileName(handles.segmentID(of: ordinal)).description
        guard handles.isClosed(ordinal),
            let file = try storage.open(name, in: .segments, writable: false)
        else {
            throw FileError(.open, path: "\(storage.location)/segments/\(name)", code: 2)
        }
        return file
    }

    /// False when there was nothing to close.
    private func closeHalf() -> Bool {
        lock.lock()
        maximum = max(2, min(maximum, closable.count) / 2)
        let surplus = takeSurplus()
        lock.unlock()
        retire(surplus)
        return !surplus.isEmpty
    }

    /// Makes room for one more file. The lock is held.
    private func takeSurplus() -> [FileHandle] {
        var surplus: [FileHandle] = []
        while closable.count >= maximum { surplus.append(takeLeastWanted()) }
        return surplus
    }

    private func takeLeastWanted() -> FileHandle {
        while true {
            if hand >= closable.count { hand = 0 }
            if handles.takeWanted(closable[hand]) {
                hand += 1
                continue
            }
            closable.swapAt(hand, closable.count - 1)
            return FileHandle(rawValue: handles.close(closable.removeLast()))
        }
    }

    private func retire(_ files: [FileHandle]) {
        closing.value.add(files.count, ordering: .relaxed)
        for file in files {
            readers.retire { [storage, closing] in
                storage.close(file)
                closing.value.subtract(1, ordering: .relaxed)
            }
        }
    }
}

/// Apart from its owner, which the closings may outlive.
private final class ClosingCount: Sendable {
    let value = Atomic<Int>(0)
}

/// An error that may say that there are no descriptors left.
protocol DescriptorError: Error {
    var isOutOfDescriptors: Bool { get }
}

extension FileError: DescriptorError {}

extension ManifestFailure: DescriptorError {
    /// The old manifest stands, and another attempt may find a descriptor.
    var isOutOfDescriptors: Bool {
        guard case .unchanged(let error) = self else { return false }
        return error.isOutOfDescriptors
    }
}
