// BlobTally — which chunks of which large blobs a check has seen, and who owns them.
//
// A chunk names its blob by number only; whose blob that is says the composite record, which may lie
// in any segment. So damaged chunks are told at the end, and so are chunks that are missing. Memory:
// a few words for each large blob, as its chunks lie one behind the other as a rule.

internal import CairnFormat

struct BlobTally {
    private struct Owner {
        let key: [UInt8]
        let sequence: UInt64
        let chunkCount: UInt32
        let segmentID: UInt64
        let offset: UInt64
        let standing: RecordStanding
    }

    /// By blob id; the newest composite record that names it.
    private var owners: [UInt64: Owner] = [:]
    private var chunks: [UInt64: [Range<UInt32>]] = [:]
    private var damaged: [(finding: CheckFinding, blobID: UInt64)] = []

    /// A chunk is there.
    mutating func add(_ chunk: ChunkKey) {
        let number = chunk.chunkNumber
        if let last = chunks[chunk.blobID]?.last, last.upperBound == number, number < .max {
            chunks[chunk.blobID]?.removeLast()
            chunks[chunk.blobID]?.append(last.lowerBound..<number + 1)
        } else {
            chunks[chunk.blobID, default: []].append(number..<number &+ (number < .max ? 1 : 0))
        }
    }

    /// A composite record is there.
    mutating func add<S: Storage>(
        _ composite: Composite, _ key: [UInt8], _ record: ScannedRecord, _ segmentID: UInt64,
        _ check: StoreCheck<S>
    ) {
        add(
            composite.blobID, key, record.header.sequence, chunkCount: composite.chunkCount,
            segmentID, record.offset, check)
    }

    /// A composite record is there, says a hint.
    mutating func add<S: Storage>(
        _ row: HintRow, key: [UInt8], _ segmentID: UInt64, _ check: StoreCheck<S>
    ) {
        add(row.blobID, key, row.sequence, chunkCount: 0, segmentID, row.offset, check)
    }

    private mutating func add<S: Storage>(
        _ blobID: UInt64, _ key: [UInt8], _ sequence: UInt64, chunkCount: UInt32,
        _ segmentID: UInt64, _ offset: UInt64, _ check: StoreCheck<S>
    ) {
        if let known = owners[blobID], known.sequence > sequence { return }
        owners[blobID] = Owner(
            key: key, sequence: sequence, chunkCount: chunkCount, segmentID: segmentID,
            offset: offset,
            standing: check.standing(
                of: key, sequence: sequence, segmentID: segmentID, offset: offset))
    }

    /// Blobs with a damaged chunk.
    var damagedBlobIDs: Set<UInt64> { Set(damaged.map(\.blobID)) }

    /// A chunk is damaged; whose it is is not yet known.
    mutating func add(damaged finding: CheckFinding, blobID: UInt64) {
        damaged.append((finding, blobID))
    }

    /// Tells what was damaged, and what is missing of live blobs.
    mutating func finish<S: Storage>(_ check: StoreCheck<S>) {
        for (finding, blobID) in damaged { check.report(named(finding, blobID)) }
        // Of a store that is open the index knows what is missing.
        if check.hasGone || check.isBeside { return }
        for (blobID, owner) in owners.sorted(by: { $0.key < $1.key }) where owner.standing == .live
        {
            guard let number = firstMissing(of: blobID, owner.chunkCount) else { continue }
            check.report(
                .missingChunk(
                    number, ofBlob: blobID, key: owner.key, sequence: owner.sequence,
                    segmentID: owner.segmentID, offset: owner.offset))
        }
    }

    private func named(_ finding: CheckFinding, _ blobID: UInt64) -> CheckFinding {
        var finding = finding
        guard let owner = owners[blobID] else {
            finding.severity = .damage
            finding.matters = "never for readers: no blob names this chunk"
            return finding
        }
        finding.key = owner.key
        finding.matters =
            switch owner.standing {
            case .live: "now: reading that part of the key fails"
            case .superseded: "not for readers: the key has a newer version"
            case .unknown: "now, unless the key was written or removed later"
            }
        return finding
    }

    private func firstMissing(of blobID: UInt64, _ count: UInt32) -> UInt32? {
        var next: UInt32 = 0
        for range in (chunks[blobID] ?? []).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { break }
            next = max(next, range.upperBound)
        }
        return next < count ? next : nil
    }
}
