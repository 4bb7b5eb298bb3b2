// Opening — from a directory to a store that serves.
//
// Order, for a writer (each step may be cut by a crash and is then repeated by the next opening):
// lock; sync both directories; read STORE and MANIFEST; sync every unsealed segment and drop its
// cached pages, so that only what the disk holds is believed; scan; replace MANIFEST, which seals
// what was recovered and raises the sequence ceiling; only then remove or quarantine files that it
// does not list. A reader takes no lock and does none of the writing. Nothing is appended to a
// segment that this process did not create. Spec: Engine.md, "Opening".

internal import CairnFormat
internal import CairnSystem

/// What opening hands to the engine.
struct OpenedStore<S: Storage> {
    let identity: StoreIdentity
    let hashKey: SipHashKey
    let index: Index
    let overflow: OverflowMap
    let handles: SegmentHandles
    let segmentFiles: SegmentFiles<S>
    let readers: Readers
    let manifest: ManifestKeeper<S>
    var segments: [SegmentInfo] = []
    var keyCount: UInt64 = 0
    var leaseStart: UInt64 = 0
    var leaseEnd: UInt64 = 0
    var isReadOnly = false
    var isDiskFull = false
    var hiddenSpans: [HiddenSpan] = []
    var findings: [String] = []
    /// Segments that were opened without a valid hint.
    var hintTasks: [HintTask] = []
    var hintedSegmentCount = 0
    var refusedHintCount = 0
    var reserve: Reserve<S>
    /// Set by a planted fault only: the log goes on in this recovered segment.
    var continued: ActiveSegment?
}

struct Opening<S: Storage> {
    let storage: S
    let options: StoreOptions
    let tuning: Tuning
    let identity: StoreIdentity
    let hashKey: SipHashKey
    var manifest: Manifest

    let readers = Readers()
    let index: Index
    let overflow = OverflowMap()
    let handles = SegmentHandles()
    let segmentFiles: SegmentFiles<S>
    /// How many hints stay open while the index is loaded.
    let openHintMaximum: Int
    var files: [ListedSegment] = []
    /// How many of them are there.
    private var presentCount = 0
    /// Whether one of them has no file.
    private var hasVanished = false
    var findings: [String] = []
    var hiddenSpans: [HiddenSpan] = []
    /// Segments that are to leave the list and the directory: open ones without a record, and
    /// such whose loss was accepted.
    var struck: Set<UInt64> = []
    var maxSequence: UInt64?
    /// Hints that were there and could not be used.
    var refusedHintCount = 0
    /// A listed segment was written by a newer program: the store is not opened.
    var refusal: StoreError?

    var isWriter: Bool { options.access != .readOnly }
}

/// A segment in the manifest and its file.
struct ListedSegment {
    var entry: SegmentEntry
    /// Counts those that are there. Nil: missing, or not this store's.
    let ordinal: Int?
    let byteCount: UInt64
    var recovered = RecoveredSegment()
    /// An intact record stands in it, accepted or not.
    var hasRecords = false
    /// A later segment holds a record, so this one was durable to its seal.
    var isProven = false
    /// Its hint is valid: it was not scanned.
    var hasHint = false
}

extension Engine {
    /// Opens the store behind `storage`.
    package static func open(
        _ storage: S, options: StoreOptions = StoreOptions(), tuning: Tuning = Tuning(),
        wake: @escaping @Sendable () -> Void = {}
    ) throws(StoreError) -> Engine {
        try check(options, tuning)
        try Entrance(storage: storage, options: options).enter()
        do throws(StoreError) {
            let (identity, manifest) = try StoreFiles(storage: storage, tuning: tuning).load(
                for: options.access)
            var opening = Opening(
                storage: storage, options: options, tuning: tuning, identity: identity,
                manifest: manifest)
            do throws(StoreError) {
                let opened = try opening.run()
                return Engine(
                    storage: storage, options: options, tuning: tuning, opened: opened, wake: wake)
            } catch {
                opening.closeFiles()
                throw error
            }
        } catch {
            if options.access != .readOnly { storage.unlock() }
            throw error
        }
    }

    private static func check(_ options: StoreOptions, _ tuning: Tuning) throws(StoreError) {
        let limit = FormatLimits.segmentByteCountMaximum / 2
        if let fixed = options.segmentByteCount,
            fixed < UInt64(SegmentHeader.byteCount) || fixed > limit
        {
            throw StoreError(
                .invalidOption,
                "a segment has \(SegmentHeader.byteCount) to \(limit) bytes, not \(fixed)")
        }
        guard options.blobByteCountMaximum <= StoreOptions.blobByteCountLimit else {
            throw StoreError(
                .invalidOption,
                "a blob has at most \(StoreOptions.blobByteCountLimit) bytes")
        }
        guard (1...1024).contains(options.loadingThreadCount ?? 1) else {
            throw StoreError(.invalidOption, "an index is loaded by 1 to 1024 threads")
        }
        guard (1...86_400_000).contains(options.intervalMilliseconds) else {
            throw StoreError(.invalidOption, "the sync interval is 1 ms to one day")
        }
    }
}

/// Directories and lock.
private struct Entrance<S: Storage> {
    let storage: S
    let options: StoreOptions

    func enter() throws(StoreError) {
        let exists: Bool
        do {
            exists = try storage.openDirectories(creating: options.access == .create)
        } catch {
            throw StoreError(error, doing: "opening the directory of the store")
        }
        guard exists else {
            throw StoreError(.noStore, "there is no store in \(storage.location)")
        }
        guard options.access != .readOnly else { return }
        do {
            if case .held(let process) = try storage.lock() {
                throw StoreError(
                    .inUse,
                    "the store in \(storage.location) is in use"
                        + (process.map { " by process \($0)" } ?? ""))
            }
        } catch let error as FileError {
            throw StoreError(error, doing: "locking the store")
        } catch let error as StoreError {
            throw error
        } catch {
            preconditionFailure("locking throws file errors and store errors only")
        }
    }
}

extension Opening {
    init(
        storage: S, options: StoreOptions, tuning: Tuning, identity: StoreIdentity,
        manifest: Manifest
    ) {
        self.storage = storage
        self.options = options
        self.tuning = tuning
        self.identity = identity
        self.manifest = manifest
        hashKey = SipHashKey(first: identity.hashKeyFirst, second: identity.hashKeySecond)
        index = Index(shardCount: tuning.indexShardCount, readers: readers)
        let possible = ResourceLimits.raiseForStore()
        let fileCount = tuning.segmentFileCountMaximum ?? possible
        segmentFiles = SegmentFiles(
            storage: storage, handles: handles, readers: readers, maximum: fileCount)
        // A part of the descriptors that segments leave to the program.
        openHintMaximum = min(256, fileCount / 8)
    }

    mutating func run() throws(StoreError) -> OpenedStore<S> {
        if isWriter { ResourceLimits.ignoreFileSizeSignal() }
        try openListed()
        let loaded = try load()
        var opened = finish(loaded)
        try judgeDamage(&opened)
        let canWrite = isWriter && !opened.isReadOnly
        if canWrite { try commit(&opened) }
        opened.reserve = canWrite ? try reserve(&opened) : opened.reserve
        opened.findings = findings
        opened.hiddenSpans = hiddenSpans
        return opened
    }

    func storeError(_ error: FileError, _ task: String) -> StoreError {
        StoreError(error, doing: task)
    }

    // MARK: Files

    /// How often a reader looks for a list whose files are all there.
    private static var listReadingMaximum: Int { 100 }

    /// A writer takes a file away after MANIFEST no longer lists it. So a reader beside it that
    /// misses a file looks at MANIFEST again; the file is missing if that is still the same.
    private mutating func openListed() throws(StoreError) {
        for _ in 0..<Self.listReadingMaximum {
            try openFiles()
            if isWriter || !hasVanished { return }
            let newest = try StoreFiles(storage: storage, tuning: tuning).manifestNow(of: identity)
            if newest.generation == manifest.generation { return }
            closeFiles()
            findings = []
            manifest = newest
        }
        throw StoreError(
            .inUse,
            "the writer of the store in \(storage.location) changed the list of segments each "
                + "time it was read: try again")
    }

    private mutating func openFiles() throws(StoreError) {
        hasVanished = false
        do {
            for entry in manifest.entries where entry.state != .retired {
                files.append(try listed(entry))
            }
        } catch {
            throw storeError(error, "opening segments")
        }
        if let refusal { throw refusal }
    }

    private mutating func listed(_ entry: SegmentEntry) throws(FileError) -> ListedSegment {
        let name = SegmentFileName(entry.id).description
        let file = try segmentFiles.withDescriptors { () throws(FileError) in
            // Nobody writes to a listed segment again; syncing needs no write access.
            try storage.open(name, in: .segments, writable: isWriter)
        }
        guard let file else {
            hasVanished = true
            findings.append("segment \(name) is missing")
            return ListedSegment(entry: entry, ordinal: nil, byteCount: 0)
        }
        do {
            if let reason = try mismatch(of: file, entry) {
                findings.append("segment \(name) \(reason)")
                storage.close(file)
                return ListedSegment(entry: entry, ordinal: nil, byteCount: 0)
            }
            return register(file, entry, byteCount: try storage.byteCount(of: file))
        } catch {
            storage.close(file)
            throw error
        }
    }

    /// Gives a segment that is there its ordinal.
    private mutating func register(
        _ file: FileHandle, _ entry: SegmentEntry, byteCount: UInt64
    ) -> ListedSegment {
        let ordinal = presentCount
        presentCount += 1
        handles.add(
            file.rawValue, flushedOffset: byteCount,
            seed: SegmentSeed(salt: entry.salt, segmentID: entry.id).crc, segmentID: entry.id,
            for: ordinal)
        segmentFiles.add(ordinal)
        return ListedSegment(entry: entry, ordinal: ordinal, byteCount: byteCount)
    }

    /// What an opening that fails leaves open.
    mutating func closeFiles() {
        for segment in files {
            if let ordinal = segment.ordinal { segmentFiles.remove(ordinal) }
        }
        files = []
        presentCount = 0
    }

    /// Why a file is not the listed segment. A damaged header does not matter: the manifest
    /// repeats the salt, and no record of another file validates with it.
    private mutating func mismatch(
        of file: FileHandle, _ entry: SegmentEntry
    ) throws(FileError) -> String? {
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        var span = bytes.mutableRawSpan
        // Its header was durable before it was listed: no crash leaves less.
        guard try storage.read(file, into: &span, at: 0) == bytes.count else {
            return "is shorter than its header"
        }
        let header: SegmentHeader
        do throws(FormatError) {
            header = try SegmentHeader(decoding: bytes.rawSpan)
        } catch {
            let name = SegmentFileName(entry.id)
            if error.isUnsupported {
                refusal = StoreError(
                    .unsupportedVersion,
                    "segment \(name) in \(storage.location): \(error); use a newer program",
                    segmentID: entry.id)
            } else {
                findings.append("segment \(name) has a damaged header")
            }
            return nil
        }
        guard identity.owns(segmentID: header.id, uuid: header.uuid) else {
            return "belongs to another store (\(header.uuid))"
        }
        guard header.id == entry.id, header.salt == entry.salt else {
            return "is another segment (\(SegmentFileName(header.id)))"
        }
        return nil
    }

    // MARK: Scanning

    mutating func scan(_ place: Int, isProven: Bool) throws(StoreError) {
        let segment = files[place]
        guard let ordinal = segment.ordinal else { return missing(segment) }
        do {
            let file = try segmentFiles.file(of: ordinal)
            let isOpen = segment.entry.state == .open
            if isOpen && isWriter { try forgetCache(of: file) }
            let limit =
                isOpen
                ? segment.byteCount : min(segment.byteCount, segment.entry.logicalByteCount)
            var scanner = SegmentScanner(
                storage: storage, file: file, limit: limit,
                seed: SegmentSeed(salt: segment.entry.salt, segmentID: segment.entry.id),
                step: tuning.scanByteCount, verifiesPayloads: isOpen, hash: hash)
            let scan = try scanner.scan()
            files[place].hasRecords = !scan.records.isEmpty
            files[place].isProven = isProven
            files[place].recovered =
                isOpen
                ? recover(scan, segment.entry, isProven: isProven)
                : accept(scan, segment.entry)
        } catch {
            throw storeError(error, "scanning segment \(SegmentFileName(segment.entry.id))")
        }
    }

    private func hash(_ type: RecordType, _ key: RawSpan) -> UInt64 {
        let hash = KeyHasher(key: hashKey, mask: tuning.hashMask).hash(type, key).first
        return KeyHasher.indexHash(hash, isChunk: type == .chunk)
    }

    /// After a failed sync the cache shows what the disk does not hold.
    private func forgetCache(of file: FileHandle) throws(FileError) {
        if !PlantedBug.noSyncAtOpen.isPlanted { try storage.synchronize(file) }
        if !PlantedBug.cacheKeptAtOpen.isPlanted { try storage.dropCache(of: file) }
    }

    private mutating func missing(_ segment: ListedSegment) {
        hide(
            HiddenSpan(
                segmentID: segment.entry.id, offset: 0,
                byteCount: segment.entry.logicalByteCount,
                sequenceEnd: segment.entry.state == .open ? .max : segment.entry.maxSequence &+ 1))
        struck.insert(segment.entry.id)
    }

    private mutating func hide(_ span: HiddenSpan) {
        hiddenSpans.append(span)
        findings.append("damaged: \(span)")
    }

    private mutating func recover(
        _ scan: SegmentScan, _ entry: SegmentEntry, isProven: Bool
    ) -> RecoveredSegment {
        let result = SegmentRecovery.recover(scan, segmentID: entry.id, isProven: isProven)
        for span in result.hidden { hide(span) }
        if isProven && !result.isSealed {
            hide(
                HiddenSpan(
                    segmentID: entry.id, offset: result.logicalByteCount, byteCount: 0,
                    sequenceEnd: .max))
        }
        if result.droppedCount > 0 {
            findings.append(
                "segment \(SegmentFileName(entry.id)): \(result.droppedCount) intact records "
                    + "behind the end of the log at \(result.logicalByteCount) were never "
                    + "acknowledged as synced and are dropped")
        }
        return result
    }

    private mutating func accept(_ scan: SegmentScan, _ entry: SegmentEntry) -> RecoveredSegment {
        var result = SegmentRecovery.accept(
            scan, upTo: entry.logicalByteCount, segmentID: entry.id,
            hiddenLimit: entry.logicalByteCount)
        if entry.state == .recovered { result.isSealed = false }
        guard !entry.flags.contains(.lossAccepted) else { return result }
        for span in result.hidden {
            hide(
                HiddenSpan(
                    segmentID: span.segmentID, offset: span.offset, byteCount: span.byteCount,
                    sequenceEnd: min(span.sequenceEnd, entry.maxSequence &+ 1)))
        }
        if result.hidden.isEmpty && result.totals.digest.crc != entry.digest {
            hide(
                HiddenSpan(
                    segmentID: entry.id, offset: UInt64(SegmentHeader.byteCount),
                    byteCount: entry.logicalByteCount, sequenceEnd: entry.maxSequence &+ 1))
        }
        return result
    }

    // MARK: The index

    private func finish(_ loaded: LoadedIndex) -> OpenedStore<S> {
        var segments: [SegmentInfo] = []
        for segment in files {
            guard let ordinal = segment.ordinal else { continue }
            let end = segment.recovered.logicalByteCount
            handles.setFlushedOffset(end, for: ordinal)
            segments.append(
                SegmentInfo(
                    id: segment.entry.id, salt: segment.entry.salt, logicalByteCount: end,
                    recordCount: segment.recovered.totals.recordCount,
                    liveByteCount: loaded.liveByteCounts[ordinal]))
        }
        var opened = OpenedStore(
            identity: identity, hashKey: hashKey, index: index, overflow: overflow,
            handles: handles, segmentFiles: segmentFiles, readers: readers,
            manifest: ManifestKeeper(storage: storage, manifest: manifest),
            reserve: Reserve<S>(storage: storage, file: nil, byteCount: 0))
        opened.segments = segments
        opened.hintedSegmentCount = files.count { $0.hasHint }
        opened.refusedHintCount = refusedHintCount
        opened.keyCount = loaded.keyCount
        opened.isReadOnly = !isWriter
        return opened
    }

    /// Damage that may hide keys: reading only, until the loss is accepted.
    private mutating func judgeDamage(_ opened: inout OpenedStore<S>) throws(StoreError) {
        guard isWriter, !hiddenSpans.isEmpty else { return }
        if options.acceptLoss {
            hiddenSpans = []
        } else {
            opened.isReadOnly = true
        }
    }
}
