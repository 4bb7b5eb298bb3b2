// Opening — from a directory to a store that serves.
//
// Order, for a writer (each step may be cut by a crash and is then repeated by the next opening):
// enter the directory and lock it; sync both directories; read STORE and MANIFEST; sync every unsealed
// segment and drop its cached pages, so that only what the disk holds is believed; scan; replace
// MANIFEST, which seals what was recovered and raises the sequence ceiling; only then remove or
// quarantine files that it does not list. A reader takes no lock and does none of the writing. Nothing is
// appended to a segment that this process did not create. Spec: Engine.md, "Opening".

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
    /// Retired segments whose files were removed just now: the list forgets them after a sync.
    var forgettable: [UInt64] = []
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
    var presentCount = 0
    /// Whether one of them has no file.
    var hasVanished = false
    var findings: [String] = []
    var hiddenSpans: [HiddenSpan] = []
    /// Segments that are to leave the list and the directory: open ones without a record, and
    /// such whose loss was accepted.
    var struck: Set<UInt64> = []
    /// Replaced by compaction: their files are to be removed.
    var retired: [SegmentEntry] = []
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
    /// Of a valid hint.
    var hintByteCount: UInt64 = 0
    /// Bytes of all records with keys.
    var recordByteCount: UInt64 = 0
    /// Of a segment that was scanned.
    var expiries = ExpiryTally()
}

extension Engine {
    /// Opens the store behind `storage`.
    package static func open(
        _ storage: S, options: StoreOptions = StoreOptions(), tuning: Tuning = Tuning(),
        wake: @escaping @Sendable () -> Void = {}
    ) throws(StoreError) -> Engine {
        try check(options, tuning)
        try Entrance(storage: storage, access: options.access).enter()
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
        guard options.spaceAmplificationTarget > 1, options.spaceAmplificationTarget <= 1000 else {
            throw StoreError(
                .invalidOption,
                "compaction keeps a store below more than 1 and at most 1000 bytes for each live "
                    + "one, not \(options.spaceAmplificationTarget)")
        }
        guard options.compactionBytesPerSecond != 0 else {
            throw StoreError(.invalidOption, "compaction needs at least a byte a second")
        }
        guard (1...86_400_000).contains(options.intervalMilliseconds) else {
            throw StoreError(.invalidOption, "the sync interval is 1 ms to one day")
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

    private func finish(_ loaded: LoadedIndex) -> OpenedStore<S> {
        var segments: [SegmentInfo] = []
        for segment in files {
            guard let ordinal = segment.ordinal else { continue }
            let end = segment.recovered.logicalByteCount
            handles.setFlushedOffset(end, for: ordinal)
            var info = SegmentInfo(
                id: segment.entry.id, salt: segment.entry.salt, logicalByteCount: end,
                recordCount: segment.recovered.totals.recordCount,
                liveByteCount: loaded.liveByteCounts[ordinal])
            info.hintByteCount =
                segment.hasHint
                ? segment.hintByteCount
                : HintHeader.byteCountGuess(segment.recovered.totals)
            let used = UInt64(SegmentHeader.byteCount) + segment.recordByteCount
            info.keptByteCount = end - min(end, used)
            info.expiries = ExpirySchedule(loaded.expiries[ordinal] ?? segment.expiries)
            segments.append(info)
        }
        var opened = OpenedStore(
            identity: identity, hashKey: hashKey, index: index, overflow: overflow,
            handles: handles, segmentFiles: segmentFiles, readers: readers,
            manifest: ManifestKeeper(storage: storage, manifest: manifest),
            reserve: Reserve<S>(storage: storage, file: nil))
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
