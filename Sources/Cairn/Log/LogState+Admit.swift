// Admission: may this write be appended now, and what does it answer if not?
//
// Decided under the log lock, against the index *and* what is in flight, so that conditional
// writes are linearizable. No I/O: what needs the old record's bytes was read before, outside the
// lock, and is revalidated here (`Verdict.stale`: look again).

internal import CairnFormat
internal import CairnSystem

/// What a writer found out about its key before it took the lock.
struct Examined {
    /// The index's word for the hash.
    var slot: Location = .empty
    /// The key's own location: `slot`, or the overflow map's.
    var occupant: Location = .empty
    var found: FoundRecord?
    /// The key that holds `slot`, when it is another one.
    var otherKey: [UInt8]?
    /// Wall time of the look; 0: there was none yet.
    var time: UInt64 = 0
    /// Of the segment that `occupant` lies in: when its ordinal is another one's, the location means
    /// another record.
    var segmentID: UInt64 = 0
}

/// The record that a key has in the index.
struct FoundRecord {
    let sequence: UInt64
    let byteCount: Int
    let location: Location
    let extent: BlobExtent?
    /// Its checksum did not hold: it can be replaced, but no condition can be decided on it.
    let isDamaged: Bool
    /// 0: none.
    var expiry: UInt64 = 0
}

/// The newest version of a key, in flight or published.
struct CurrentVersion {
    /// Nil: there is no blob, or it has expired.
    var sequence: UInt64?
    /// What the index holds, expired or not.
    var replaced = Replaced.nothing
    var isDamaged = false
    /// Another key of the same hash has a blob, or one in flight.
    var sharesHash = false

    /// What the caller learns: whether a blob was there.
    var isBlob: Bool { replaced.isSomething && (sequence != nil || isDamaged) }
}

/// One write on its way into the log.
struct Intent {
    let action: PendingEntry.Action
    let hash: UInt64
    let condition: Condition
    let durability: Durability
    var extent: BlobExtent?
    /// The blob is that of the version that is replaced: it does not go with this record.
    var isUpdate = false
    /// Of a put or composite, in nanoseconds since 1970; 0: none.
    var expiry: UInt64 = 0
    /// Earlier records that must not have failed.
    var dependency: UploadFailure?
    /// Whether it may wait for the disk; one that may not ends in `StoreError.wouldWait`.
    var mayWait = true
    /// Whether the write may use space when the disk is full.
    var isDelete: Bool { action == .delete }
}

enum Verdict {
    /// The key changed since it was examined.
    case stale
    case refused(StoreError)
    /// No record is needed; this is the answer, once what it rests on is durable enough.
    case answer(WriteOutcome)
    case admitted(CurrentVersion)
}

extension LogState {
    /// Decides on a write. Changes nothing but the overflow bookkeeping of a colliding hash, and
    /// then the probe too, which is the index's present word on the hash.
    @inline(__always)
    mutating func admit(
        _ intent: Intent, key: RawSpan, examined: Examined, _ probe: inout Index.Probe
    ) -> Verdict {
        if let refusal = refusal() ?? intent.dependency?.error { return .refused(refusal) }
        guard var current = current(probe.location, intent.hash, key: key, examined: examined)
        else {
            return .stale
        }
        if intent.condition != .none, current.isDamaged {
            return .refused(Self.undecidable(key))
        }
        guard intent.condition.holds(for: current.sequence) else {
            return .answer(.failure(Self.conditionFailed(key, current.sequence)))
        }
        if intent.isDelete && !current.replaced.isSomething {
            let receipt = WriteReceipt(version: Version(sequence: 0), replaced: false)
            return .answer(.success(receipt))
        }
        if separateColliding(intent.hash, key: key, examined: examined) {
            probe = index.probe(intent.hash)
        }
        current.sharesHash = probe.location == .overflow
        return .admitted(current)
    }

    /// Whether several keys of this hash have a blob, or may have.
    func sharesHash(_ hash: UInt64) -> Bool { index.location(of: hash) == .overflow }

    /// Whether writes are taken at all; `refusal` says why not.
    @inline(__always)
    var takesWrites: Bool { !isClosed && failure == nil && !isDegraded && !isReadOnly }

    /// Why no write is taken at all.
    @inline(__always)
    func refusal() -> StoreError? {
        if takesWrites { return nil }
        if isClosed { return StoreError(.closed, "the store is closed") }
        if let failure { return failure }
        if isDegraded {
            return StoreError(
                .readOnly,
                "the store is open for reading only, because segments are missing or damaged: see "
                    + "its findings; opened with acceptLoss (cairn fsck --repair --accept-loss) it "
                    + "goes on without what is lost")
        }
        if isReadOnly { return StoreError(.readOnly, "the store is open for reading only") }
        return nil
    }

    /// The newest version of the key; nil when `examined` is out of date.
    @inline(__always)
    private func current(
        _ location: Location, _ hash: UInt64, key: RawSpan, examined: Examined
    ) -> CurrentVersion? {
        if !pending.isEmpty, let counter = pending.deciding(for: hash, key: key) {
            // Whether it has expired is decided by the time of a look.
            if pending[counter].expiry != 0, examined.time == 0 { return nil }
            return CurrentVersion(pending[counter], at: examined.time)
        }
        guard location == examined.slot else { return nil }
        if examined.slot == .overflow {
            guard (overflow.location(of: hash, key: key) ?? .empty) == examined.occupant else {
                return nil
            }
        }
        let occupant = examined.occupant
        if occupant.isRecord, handles.segmentID(of: occupant.segmentOrdinal) != examined.segmentID {
            return nil
        }
        guard let found = examined.found else { return CurrentVersion() }
        return CurrentVersion(found, at: examined.time)
    }

    /// Two keys, one hash: both live in the overflow map from now on. True if that is new.
    @inline(__always)
    mutating func separateColliding(
        _ hash: UInt64, key: RawSpan, examined: Examined
    ) -> Bool {
        if PlantedBug.keyNotCompared.isPlanted { return false }
        if let otherKey = examined.otherKey, index.location(of: hash) == examined.slot {
            startOverflow(hash, otherKey: otherKey.rawSpan, at: examined.slot)
            return true
        }
        if !pending.isEmpty, pending.holdsOther(hash, than: key),
            index.location(of: hash) == .empty
        {
            index.set(hash, to: .overflow)
            return true
        }
        return false
    }

    /// Queues an answer behind the records it may rest on; false when it can be given now.
    mutating func queueBarrier(
        _ outcome: WriteOutcome, hash: UInt64, durability: Durability, completion: Completion
    ) -> Bool {
        let restsOnPending = pending.holds(hash)
        let mustWait =
            switch durability {
            case .synced: !isSettled
            case .os: restsOnPending || flushedOffset < tail
            case .interval: restsOnPending
            }
        guard mustWait, !PlantedBug.deleteOfNothingAnsweredEarly.isPlanted else { return false }
        pending.append(
            PendingEntry(
                action: .barrier, hash: hash, key: [], location: .empty, sequence: 0,
                byteCount: 0, endOffset: tail,
                durability: restsOnPending ? .synced : durability, extent: nil,
                replaced: .nothing, completion: completion, outcome: outcome))
        return true
    }

    static func conditionFailed(_ key: RawSpan, _ sequence: UInt64?) -> StoreError {
        StoreError(
            .conditionFailed,
            "the condition on \(escapedText(key.copyBytes())) does not hold: "
                + (sequence.map { "its version is \($0)" } ?? "there is no such blob"),
            currentVersion: sequence.map(Version.init(sequence:)))
    }

    private static func undecidable(_ key: RawSpan) -> StoreError {
        StoreError(
            .damaged,
            "the record of \(escapedText(key.copyBytes())) is damaged: no condition can be "
                + "decided on it; an unconditional put or delete replaces it")
    }
}

extension CurrentVersion {
    init(_ entry: PendingEntry, at time: UInt64) {
        guard entry.action != .delete else { return }
        sequence = Expiry.isExpired(entry.expiry, at: time) ? nil : entry.sequence
        replaced = Replaced(
            byteCount: entry.byteCount, location: entry.location, extent: entry.extent)
    }

    init(_ found: FoundRecord, at time: UInt64) {
        sequence = Expiry.isExpired(found.expiry, at: time) ? nil : found.sequence
        isDamaged = found.isDamaged
        replaced = Replaced(
            byteCount: found.byteCount, location: found.location, extent: found.extent)
    }
}

extension Condition {
    /// Whether the condition holds when the blob has the version `sequence`, nil for no blob.
    func holds(for sequence: UInt64?) -> Bool {
        switch self {
        case .none: true
        case .absent: sequence == nil
        case .present: sequence != nil
        case .matches(let version): sequence == version.sequence
        case .differs(let version): sequence != version.sequence
        }
    }
}
