// BackupFilling — brings the segments of a list into a directory, then the list, then takes away what
// the list does not name.
//
// Invariants: (1) a file that has its final name is whole and durable but for the name itself: it was
// linked, or copied and synced, under another name; (2) what was there before stays until the new list
// is durable; (3) a segment that is missing, short or another one ends the backup with an error that
// names it: the list never names what is not there. Hints come along where they are; they are a cache.
// One thread; the source's segments stay where they are meanwhile. Spec: Engine.md, "Backup".

internal import CairnFormat
internal import CairnSystem

struct BackupFilling<S: Storage> {
    let source: S
    let directory: BackupDirectory<S>
    let list: Manifest
    let options: BackupOptions
    var result = BackupResult()
    private var progress = BackupProgress()
    private let buffer = AlignedBuffer(byteCount: 1 << 20)
    /// Names that were there at the beginning.
    private var present: Set<String> = []
    /// Segments of the finished backup that was there at the beginning.
    private var listed: Set<UInt64> = []

    private var destination: S { directory.storage }

    /// Brings `list` into the directory, which was claimed.
    init(source: S, directory: BackupDirectory<S>, list: Manifest, options: BackupOptions) {
        self.source = source
        self.directory = directory
        self.list = list
        self.options = options
    }

    /// Brings the segments; false when `report` ended it.
    mutating func fill(_ report: (BackupProgress) -> Bool) throws(StoreError) -> Bool {
        listed = Set(try directory.present()?.entries.map(\.id) ?? [])
        present = Set(
            try directory.attempt("looking into segments/") { () throws(FileError) in
                try destination.names(in: .segments)
            })
        progress.segmentTotal = list.entries.count
        progress.byteTotal = list.entries.reduce(0) { $0 + $1.logicalByteCount }
        guard report(progress) else { return false }
        for entry in list.entries {
            guard try bring(entry, report) else { return false }
            progress.segmentCount += 1
            guard report(progress) else { return false }
        }
        return true
    }

    /// Makes the list durable, and removes what it does not name.
    mutating func finish(_ list: Manifest) throws(StoreError) -> BackupResult {
        try directory.attempt("making the names durable in segments/") { () throws(FileError) in
            try destination.synchronize(.segments)
        }
        try directory.list(list)
        result.removedFileCount = try directory.removeStale(list)
        result.segmentCount = list.entries.count
        result.byteCount = progress.byteTotal
        result.newestVersion = list.entries.map(\.maxSequence).max().map(Version.init(sequence:))
        return result
    }

    // MARK: One segment

    private mutating func bring(
        _ entry: SegmentEntry, _ report: (BackupProgress) -> Bool
    ) throws(StoreError) -> Bool {
        let name = SegmentFileName(entry.id).description
        let file = try opened(entry)
        defer { source.close(file) }
        if let isShared = try present(name, file, entry) {
            if !listed.contains(entry.id) { try confirm(name) }
            result.reusedSegmentCount += 1
            result.sharedSegmentCount += isShared ? 1 : 0
            progress.byteCount += entry.logicalByteCount
        } else {
            guard try transfer(name, file, entry, report) else { return false }
        }
        try bringHint(entry)
        return true
    }

    /// The segment's file, which is as long as its log and no other segment's.
    private mutating func opened(_ entry: SegmentEntry) throws(StoreError) -> FileHandle {
        let opened = try reading(entry) { () throws(FileError) in
            try source.open(SegmentFileName(entry.id).description, in: .segments, writable: false)
        }
        guard let opened else { throw damage(entry, "is missing") }
        do throws(StoreError) {
            try check(opened, entry)
            return opened
        } catch {
            source.close(opened)
            throw error
        }
    }

    private mutating func check(
        _ file: FileHandle, _ entry: SegmentEntry
    ) throws(StoreError) {
        let byteCount = try reading(entry) { () throws(FileError) in try source.byteCount(of: file)
        }
        guard entry.isWhole(in: byteCount) else {
            throw damage(
                entry, "ends \(counted(entry.logicalByteCount - byteCount, "byte")) too early")
        }
        let bytes = try reading(entry) { () throws(FileError) in try front(of: file, source) }
        guard let header = try? SegmentHeader(decoding: bytes.rawSpan) else {
            // It costs no records: MANIFEST repeats what readers need of it.
            let name = SegmentFileName(entry.id)
            return result.findings.append("segment \(name) has a damaged header")
        }
        guard header.id == entry.id, header.salt == entry.salt else {
            throw damage(entry, "is another segment (\(SegmentFileName(header.id)))")
        }
    }

    private func front(of file: FileHandle, _ storage: S) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        let count = try bytes.withMutableRawSpan { (span) throws(FileError) in
            try storage.read(file, into: &span, at: 0)
        }
        return Array(bytes.prefix(count))
    }

    /// Whether the segment, which an earlier backup brought, shares its bytes; nil when it is not there,
    /// not whole, or shares bytes that are to be copied.
    private func present(
        _ name: String, _ file: FileHandle, _ entry: SegmentEntry
    ) throws(StoreError) -> Bool? {
        guard present.contains(name) else { return nil }
        return try directory.attempt("looking at \(name)") { () throws(FileError) -> Bool? in
            guard let there = try destination.open(name, in: .segments, writable: false) else {
                return nil
            }
            defer { destination.close(there) }
            guard entry.isWhole(in: try destination.byteCount(of: there)),
                try front(of: there, destination) == front(of: file, source)
            else { return nil }
            let isShared = try source.isSame(file, as: there, of: destination)
            return isShared && !options.sharesBytes ? nil : isShared
        }
    }

    /// A name that no finished backup lists may be one whose sync failed: then only the cache has it,
    /// and no later sync would tell. Two renames make it a new one.
    private func confirm(_ name: String) throws(StoreError) {
        try directory.attempt("confirming \(name)") { () throws(FileError) in
            let other = name + StoreNames.unfinished
            try destination.rename(name, in: .segments, to: other, in: .segments)
            try destination.rename(other, in: .segments, to: name, in: .segments)
        }
    }

    private mutating func transfer(
        _ name: String, _ file: FileHandle, _ entry: SegmentEntry,
        _ report: (BackupProgress) -> Bool
    ) throws(StoreError) -> Bool {
        let unfinished = name + StoreNames.unfinished
        try removeUnfinished(unfinished)
        if try share(name, as: unfinished) {
            result.sharedSegmentCount += 1
            progress.byteCount += entry.logicalByteCount
        } else {
            var isWhole = false
            defer { if !isWhole { discard(unfinished) } }
            isWhole = try copy(file, entry, to: unfinished, report)
            guard isWhole else { return false }
            result.copiedSegmentCount += 1
        }
        try settle(unfinished, as: name)
        return true
    }

    private func removeUnfinished(_ name: String) throws(StoreError) {
        try directory.attempt("removing \(name)") { () throws(FileError) in
            guard let file = try destination.open(name, in: .segments, writable: false) else {
                return
            }
            destination.close(file)
            try destination.unlink(name, in: .segments)
        }
    }

    /// Its space is wanted. If that fails, the next backup does it.
    private func discard(_ name: String) {
        do { try destination.unlink(name, in: .segments) } catch { return }
    }

    private func settle(_ unfinished: String, as name: String) throws(StoreError) {
        try directory.attempt("naming \(name)") { () throws(FileError) in
            try destination.rename(unfinished, in: .segments, to: name, in: .segments)
        }
    }

    /// False when bytes are to be copied.
    private func share(_ name: String, as newName: String) throws(StoreError) -> Bool {
        guard options.sharesBytes else { return false }
        return try directory.attempt("linking \(name)") { () throws(FileError) in
            switch try source.share(name, as: newName, with: destination) {
            case nil: return false
            case .linked: return true
            case .cloned:
                guard let file = try destination.open(newName, in: .segments, writable: false)
                else { return false }
                defer { destination.close(file) }
                try destination.synchronize(file)
                return true
            }
        }
    }

    // MARK: Copying

    /// Copies a segment up to its logical end, durably; false when `report` ended it.
    private mutating func copy(
        _ file: FileHandle, _ entry: SegmentEntry, to name: String,
        _ report: (BackupProgress) -> Bool
    ) throws(StoreError) -> Bool {
        let target = try directory.attempt("making \(name)") { () throws(FileError) in
            try destination.create(name, in: .segments)
        }
        defer { destination.close(target) }
        var offset: UInt64 = 0
        while offset < entry.logicalByteCount {
            let wanted = min(UInt64(buffer.byteCount), entry.logicalByteCount - offset)
            try read(Int(wanted), of: file, entry, at: offset)
            try write(Int(wanted), to: target, name, at: offset)
            offset += wanted
            progress.byteCount += wanted
            guard report(progress) else { return false }
        }
        try directory.attempt("making \(name) durable") { () throws(FileError) in
            try destination.synchronize(target)
        }
        return true
    }

    /// Fills the buffer. Where the last record's padding is missing, zeros stand for it, as they would.
    private func read(
        _ wanted: Int, of file: FileHandle, _ entry: SegmentEntry, at offset: UInt64
    ) throws(StoreError) {
        let count = try reading(entry) { () throws(FileError) in
            var bytes = buffer.mutableBytes(0..<wanted)
            return try source.read(file, into: &bytes, at: offset)
        }
        guard entry.isWhole(in: offset + UInt64(count)) || count == wanted else {
            throw damage(entry, "ends while it is copied")
        }
        buffer.zero(count..<wanted)
    }

    private mutating func write(
        _ count: Int, to file: FileHandle, _ name: String, at offset: UInt64
    ) throws(StoreError) {
        try directory.attempt("writing \(name)") { () throws(FileError) in
            try destination.write(file, buffer.bytes(0..<count), at: offset)
            destination.startWriting(file, offset..<offset + UInt64(count))
        }
        result.copiedByteCount += UInt64(count)
    }

    private func reading<Value>(
        _ entry: SegmentEntry, _ body: () throws(FileError) -> Value
    ) throws(StoreError) -> Value {
        do {
            return try body()
        } catch {
            let name = SegmentFileName(entry.id)
            let task = directory.purpose == .backup ? "backing up" : "restoring"
            throw StoreError(
                .inputOutput, "\(task) segment \(name): \(error)", segmentID: entry.id,
                errno: error.code)
        }
    }

    private func damage(_ entry: SegmentEntry, _ what: String) -> StoreError {
        let advice =
            switch directory.purpose {
            case .backup: "it cannot be backed up, and the backup that was there before stays"
            case .restore: "the backup cannot be restored until that file is put back, whole"
            }
        return StoreError(
            .damaged,
            "segment \(SegmentFileName(entry.id)) in \(source.location) \(what): \(advice)",
            segmentID: entry.id)
    }
}

// MARK: - Hints

extension BackupFilling {
    /// Copies a hint that is not there yet. What cannot be read of it is left out: an opening reads the
    /// segment instead.
    private mutating func bringHint(_ entry: SegmentEntry) throws(StoreError) {
        let name = SegmentFileName(entry.id, .hint).description
        guard let bytes = hint(name) else { return }
        if present.contains(name) {
            let there = try directory.attempt("reading \(name)") { () throws(FileError) in
                try destination.contents(
                    of: name, in: .segments, byteCountMaximum: bytes.count + 1)
            }
            if there == bytes { return }
        }
        let unfinished = name + StoreNames.unfinished
        try removeUnfinished(unfinished)
        try directory.attempt("writing \(name)") { () throws(FileError) in
            let file = try destination.create(unfinished, in: .segments)
            defer { destination.close(file) }
            try destination.write(file, bytes.rawSpan, at: 0)
            try destination.synchronize(file)
        }
        try settle(unfinished, as: name)
        result.copiedByteCount += UInt64(bytes.count)
    }

    private mutating func hint(_ name: String) -> [UInt8]? {
        do throws(FileError) {
            return try source.contents(
                of: name, in: .segments, byteCountMaximum: Int(UInt32.max))
        } catch {
            result.findings.append("\(name) is not in the \(directory.purpose.noun): \(error)")
            return nil
        }
    }
}
