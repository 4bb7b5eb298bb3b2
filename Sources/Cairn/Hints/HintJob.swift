// HintJob — makes the hint of one segment: scans the segment, sorts, writes a file, renames it.
//
// In steps of a few milliseconds. The file is written under a name of its own and renamed when it
// is complete, so that a reader never sees half of it. Nothing is synced: every block's checksum is
// bound to the segment's digest and to the block's place, so what a power cut leaves of the file is
// refused and built again. One thread at a time.

internal import CairnFormat
internal import CairnSystem
internal import Glibc

struct HintJob<S: Storage> {
    let task: HintTask
    private let storage: S
    private let files: SegmentFiles<S>
    private let uuid: StoreUUID
    private let hasher: KeyHasher
    private let blockByteCount: Int
    /// The segment, while it is scanned.
    private var input: FileHandle?
    private var hasBegun = false
    /// One of the two is at work; apart, so that each changes where it stands.
    private var scan: HintScan<S>?
    private var encoder: HintEncoder?
    private var output: FileHandle?
    /// A file of the unfinished name is there.
    private var isOutputThere = false

    init(
        _ task: HintTask, storage: S, files: SegmentFiles<S>, uuid: StoreUUID,
        hasher: KeyHasher, blockByteCount: Int
    ) {
        self.task = task
        self.storage = storage
        self.files = files
        self.uuid = uuid
        self.hasher = hasher
        self.blockByteCount = blockByteCount
    }

    /// Does one piece of work; false when the hint is there. After an error, `abandon`. What is
    /// little for a small segment is done together.
    mutating func step() throws(StoreError) -> Bool {
        let pieces = max(1, min(32, Self.recordsPerStep / max(task.recordCount, 1)))
        do throws(FileError) {
            for _ in 0..<pieces {
                guard try piece() else { return false }
            }
            return true
        } catch {
            throw StoreError(error, doing: "writing \(name)")
        }
    }

    private static var recordsPerStep: UInt64 { 16 << 10 }

    private mutating func piece() throws(FileError) -> Bool {
        if !hasBegun { try beginScanning() }
        guard scan == nil else {
            if try scan?.step() == false { try beginWriting() }
            return !isRefused
        }
        if try encode() { return true }
        try finish()
        return false
    }

    private var name: String { SegmentFileName(task.segmentID, .hint).description }
    private var unfinishedName: String { SegmentFileName.unfinishedHint(task.segmentID) }

    /// The segment is not what MANIFEST says: it gets no hint, and `step` ends.
    private(set) var isRefused = false

    private mutating func beginScanning() throws(FileError) {
        hasBegun = true
        let name = SegmentFileName(task.segmentID).description
        let opened = try files.withDescriptors { () throws(FileError) in
            try storage.open(name, in: .segments, writable: false)
        }
        guard let opened else {
            throw FileError(.open, path: "\(storage.location)/segments/\(name)", code: ENOENT)
        }
        input = opened
        scan = HintScan(
            task, storage: storage, file: opened, uuid: uuid, hasher: hasher,
            blockByteCount: blockByteCount)
    }

    private mutating func beginWriting() throws(FileError) {
        closeInput()
        guard let scanned = scan.take(), scanned.isComplete else {
            isRefused = true
            return
        }
        encoder = HintEncoder(scanned.builder)
        let name = unfinishedName
        let stale = try files.withDescriptors { () throws(FileError) in
            try storage.open(name, in: .segments, writable: false)
        }
        if let stale {
            storage.close(stale)
            try storage.unlink(name, in: .segments)
        }
        output = try files.withDescriptors { () throws(FileError) in
            try storage.create(name, in: .segments)
        }
        isOutputThere = true
    }

    private mutating func encode() throws(FileError) -> Bool {
        guard let output, encoder != nil else { return false }
        let storage = storage
        return try encoder?.step { (bytes, offset) throws(FileError) in
            try storage.write(output, bytes, at: offset)
        } ?? false
    }

    private mutating func finish() throws(FileError) {
        guard let file = output.take() else { return }
        encoder = nil
        storage.close(file)
        try storage.rename(unfinishedName, in: .segments, to: name, in: .segments)
        isOutputThere = false
    }

    private mutating func closeInput() {
        if let file = input.take() { storage.close(file) }
    }

    /// Takes back what was written.
    mutating func abandon() {
        closeInput()
        if let file = output.take() { storage.close(file) }
        guard isOutputThere else { return }
        isOutputThere = false
        // If that fails, the next opening does it.
        do { try storage.unlink(unfinishedName, in: .segments) } catch { return }
    }
}
