// ManifestDraft — a list of the segments made from the segments themselves, when MANIFEST is lost.
//
// From headers and seals. What a compaction replaced is left out when one of its inputs is gone, for
// then its commit was durable; while all inputs are there its outputs are left out, which hold
// nothing more. No number is used twice: the sequence ceiling lies past every record that is found
// and the ids past every file. Reads; writes nothing. Spec: Format.md, "MANIFEST".

internal import CairnFormat
internal import CairnSystem

struct ManifestDraft<S: Storage> {
    private let storage: S
    private let identity: StoreIdentity?

    init(_ storage: S, identity: StoreIdentity?) {
        self.storage = storage
        self.identity = identity
    }

    private struct Found {
        var entry: SegmentEntry
        let uuid: StoreUUID
        let replacedIDs: [UInt64]
    }

    /// Nil when there is no segment to tell the store's uuid, and no STORE.
    func make() throws(FileError) -> Manifest? {
        var found: [Found] = []
        var highestID: UInt64 = 0
        for name in try storage.names(in: .segments).sorted() {
            guard let file = SegmentFileName(parsing: name) else { continue }
            highestID = max(highestID, file.id)
            if file.kind == .segment, let segment = try look(file) { found.append(segment) }
        }
        guard let uuid = identity?.uuid ?? found.last?.uuid else { return nil }
        found.removeAll { segment in
            identity.map { !$0.owns(segmentID: segment.entry.id, uuid: segment.uuid) }
                ?? (segment.uuid != uuid)
        }
        dropReplaced(&found)
        let sequenceEnd = found.map(\.entry.maxSequence).max() ?? 0
        return Manifest(
            uuid: uuid, generation: 1 << 32,
            // Records of segments without a seal lie past it, but not by a lease.
            sequenceCeiling: sequenceEnd + 1 << 33, nextSegmentID: highestID + 1,
            lastRunWall: storage.wallClock(), lastRunMonotonic: storage.monotonicClock(),
            entries: found.map(\.entry).sorted { $0.id < $1.id })
    }

    private func dropReplaced(_ found: inout [Found]) {
        let there = Set(found.map(\.entry.id))
        var dropped: Set<UInt64> = []
        for output in found where output.entry.kind == .compacted {
            if output.entry.state == .open || output.replacedIDs.allSatisfy(there.contains) {
                dropped.insert(output.entry.id)
            } else {
                dropped.formUnion(output.replacedIDs)
            }
        }
        found.removeAll { dropped.contains($0.entry.id) }
    }

    private func look(_ name: SegmentFileName) throws(FileError) -> Found? {
        guard
            let file = try storage.open(name.description, in: .segments, writable: false)
        else { return nil }
        defer { storage.close(file) }
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        let count = try bytes.withMutableRawSpan { (span) throws(FileError) in
            try storage.read(file, into: &span, at: 0)
        }
        guard
            let header = try? SegmentHeader(decoding: bytes.rawSpan.extracting(0..<count)),
            header.id == name.id
        else { return nil }
        var entry = SegmentEntry(
            id: header.id, state: .open, kind: header.kind, salt: header.salt)
        let byteCount = try storage.byteCount(of: file)
        var search = SealSearch(storage, file, seed: header.seed)
        guard let seal = try search.seal(endingAt: byteCount) else {
            return Found(entry: entry, uuid: header.uuid, replacedIDs: [])
        }
        entry.state = .sealed
        entry.logicalByteCount = byteCount
        entry.describe(seal.totals)
        return Found(entry: entry, uuid: header.uuid, replacedIDs: seal.replacedIDs)
    }
}

/// Finds the seal that ends a segment, from its end.
struct SealSearch<S: Storage> {
    private let storage: S
    private let file: FileHandle
    private let seed: SegmentSeed

    init(_ storage: S, _ file: FileHandle, seed: SegmentSeed) {
        self.storage = storage
        self.file = file
        self.seed = seed
    }

    /// The seal whose record ends at `end`; nil when none does.
    mutating func seal(endingAt end: UInt64) throws(FileError) -> Seal? {
        // Most seals are small; the longest hold thousands of buckets and ids.
        for limit in [4096, RecordHeader.byteCount + Seal.byteCountMaximum + 8] {
            let start = end - min(end - min(end, UInt64(SegmentHeader.byteCount)), UInt64(limit))
            if let seal = try seal(from: start & ~7, to: end) { return seal }
        }
        return nil
    }

    private func seal(from start: UInt64, to end: UInt64) throws(FileError) -> Seal? {
        guard start < end else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(end - start))
        let count = try bytes.withMutableRawSpan { (span) throws(FileError) in
            try storage.read(file, into: &span, at: start)
        }
        guard count == bytes.count else { return nil }
        for place in stride(from: 0, to: bytes.count, by: 8).reversed() {
            guard let header = try? RecordHeader(decoding: bytes.rawSpan, at: place),
                header.type == .seal, place + header.recordByteCount == bytes.count
            else { continue }
            let record = bytes.rawSpan.extracting(place..<bytes.count)
            let payload = record.extracting(header.payloadRange)
            guard
                RecordHeader.verifyHeaderCRC(
                    record: record, prefixByteCount: header.prefixByteCount, seed: seed,
                    offset: start + UInt64(place)),
                header.verifyPayload(payload), let seal = try? Seal(decoding: payload)
            else { continue }
            return seal
        }
        return nil
    }
}
