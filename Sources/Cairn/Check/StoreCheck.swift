// StoreCheck — reads a store without believing it, and says everything that is wrong.
//
// Writes nothing, takes no lock, stops at nothing: behind every damage it goes on, and what it finds is
// told at once. The quick form reads STORE, MANIFEST, headers, seals and hints; the deep form every
// byte of the log, and it opens the store for reading, if that can be opened, to know which
// records still count. Beside a writer both show what was there when they looked: the deep form holds
// the files that it will read. In the writer's own process its engine is asked instead, segment by
// segment; see StoreCheck+Beside.swift. One thread.
// Spec: Format.md; Operations.md, "fsck".

package import CairnFormat
internal import CairnSystem

/// A check of one store.
package final class StoreCheck<S: Storage> {
    let storage: S
    let tuning: Tuning
    let isDeep: Bool
    private let receive: (CheckFinding) -> Void
    private let advance: (CheckProgress) -> Bool
    private var byteTotal: UInt64 = 0
    /// Whether `engine` is somebody else's, whose store is open.
    let isBeside: Bool
    /// It was told to end: what was read of the present segment does not count.
    private(set) var isEnding = false

    /// Nil: STORE says nothing, not even with one byte put back.
    package internal(set) var identity: StoreIdentity?
    /// As it stands, with one byte put back, or made from the segments.
    package internal(set) var manifest: Manifest?
    /// A newer program wrote the store.
    var refusal: StoreError?
    /// MANIFEST itself said it.
    var isManifestIntact = true
    /// What the index holds; nil when the store cannot be opened.
    private(set) var engine: Engine<S>?
    var blobs = BlobTally()
    /// Files of listed segments, held so that a writer that removes them takes nothing away.
    var held: [UInt64: FileHandle] = [:]
    /// A listed segment went before it was read: chunks may seem to be missing that are elsewhere.
    var hasGone = false
    /// Of what was checked so far.
    package private(set) var summary = CheckSummary()

    /// A check of the store behind `storage`; `report` is called with every finding as it is made.
    package init(
        _ storage: S, isDeep: Bool, tuning: Tuning = Tuning(),
        progress: @escaping (CheckProgress) -> Void = { _ in },
        report: @escaping (CheckFinding) -> Void
    ) {
        self.storage = storage
        self.tuning = tuning
        self.isDeep = isDeep
        receive = report
        advance = { done in
            progress(done)
            return true
        }
        isBeside = false
    }

    /// A check of segments of a store that is open, one by one; `progress` ends it by false.
    init(
        beside engine: Engine<S>, byteTotal: UInt64 = .max,
        progress: @escaping (CheckProgress) -> Bool, report: @escaping (CheckFinding) -> Void
    ) {
        storage = engine.storage
        tuning = engine.tuning
        isDeep = true
        receive = report
        advance = progress
        isBeside = true
        self.byteTotal = byteTotal
        self.engine = engine
        identity = engine.identity
    }

    /// Reads everything. Throws when there is no store, when a newer program wrote it, or when its
    /// directory cannot be read.
    package func run() throws(StoreError) -> CheckSummary {
        try checkFiles()
        defer { letGo() }
        if isDeep {
            try holdFiles()
            openForStanding()
        }
        defer { closeForStanding() }
        measure()
        var laterHasRecords = false
        for entry in (manifest?.entries ?? []).reversed() where entry.state != .retired {
            let segment = SegmentCheck(self, entry, isProven: laterHasRecords)
            let hasRecords = segment.run()
            if entry.kind == .data, hasRecords { laterHasRecords = true }
        }
        blobs.finish(self)
        return summary
    }

    private func openForStanding() {
        var options = StoreOptions(access: .readOnly)
        options.loadingThreadCount = 1
        // What keeps it from opening is found here, too, and told better.
        engine = try? Engine.open(storage, options: options, tuning: tuning)
    }

    private func closeForStanding() {
        // A store opened for reading has nothing to lose.
        try? engine?.close()
        engine = nil
    }

    // MARK: What is told

    func report(_ finding: CheckFinding) {
        switch finding.severity {
        case .note: summary.noteCount += 1
        case .damage: summary.damageCount += 1
        }
        receive(finding)
    }

    /// So much more was read.
    func add(byteCount: UInt64 = 0, recordCount: UInt64 = 0, segmentCount: Int = 0) {
        summary.byteCount += byteCount
        summary.recordCount += recordCount
        summary.segmentCount += segmentCount
        let done = CheckProgress(
            byteCount: min(summary.byteCount, byteTotal), byteTotal: byteTotal)
        if !advance(done) { isEnding = true }
    }

    /// How much there will be to read: files as long as they are now.
    private func measure() {
        guard isDeep else { return }
        for entry in manifest?.entries ?? [] where entry.state != .retired {
            let name = SegmentFileName(entry.id).description
            guard let file = try? storage.open(name, in: .segments, writable: false) else {
                continue
            }
            byteTotal += (try? storage.byteCount(of: file)) ?? 0
            storage.close(file)
        }
    }
}

/// How a record stands to what the index holds.
enum RecordStanding {
    /// It is what its key shows.
    case live
    /// A newer record of its key is there.
    case superseded
    case unknown
}

extension StoreCheck {
    /// How a record stands, as far as the store can be opened.
    func standing(
        of key: [UInt8], sequence: UInt64, segmentID: UInt64, offset: UInt64
    ) -> RecordStanding {
        guard let engine else { return .unknown }
        if engine.holds(key.rawSpan, segmentID: segmentID, offset: offset) { return .live }
        do throws(StoreError) {
            let found = try engine.information(key.rawSpan)
            return (found?.version.sequence ?? 0) > sequence ? .superseded : .unknown
        } catch {
            return .unknown
        }
    }

    /// When damage to a record matters.
    func matters(
        _ type: RecordType, key: [UInt8], sequence: UInt64, segmentID: UInt64, offset: UInt64
    ) -> String {
        switch type {
        case .put, .composite:
            switch standing(of: key, sequence: sequence, segmentID: segmentID, offset: offset) {
            case .live: return "now: reading the key fails"
            case .superseded: return "not for readers: the key has a newer version"
            case .unknown: return "now, unless the key was written or removed later"
            }
        case .delete: return "once the hint is lost: an older version of the key could show again"
        case .chunk: return "now, if the blob is live"
        case .mark: return "after a crash only: it says what was durable"
        case .seal: return "when MANIFEST has to be made again"
        }
    }
}

extension Engine {
    /// Whether the index holds exactly the record at this place for a user's key.
    func holds(_ key: RawSpan, segmentID: UInt64, offset: UInt64) -> Bool {
        let hash = hash(key)
        let token = readers.enter()
        defer { readers.leave(token) }
        var location = index.location(of: hash)
        if location == .overflow { location = overflow.location(of: hash, key: key) ?? .empty }
        return location.isRecord && location.offset == offset
            && handles.segmentID(of: location.segmentOrdinal) == segmentID
    }
}
