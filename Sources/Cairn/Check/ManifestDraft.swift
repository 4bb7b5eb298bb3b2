// ManifestDraft — a list of the segments made from the segments themselves, when MANIFEST is lost.
//
// From headers and seals. What a compaction replaced is left out when one of its inputs is gone, for
// then its commit was durable; while all inputs are there its outputs are left out, which hold
// nothing more. A segment without a seal is recovered as opening does it. No number is used twice: the
// sequence ceiling lies two leases past every record that is found, and the ids past every file. Writes
// nothing; before a repair it makes unsealed segments durable. Spec: Format.md, "MANIFEST".

internal import CairnFormat
internal import CairnSystem

struct ManifestDraft<S: Storage> {
    private let storage: S
    private let tuning: Tuning
    private let identity: StoreIdentity?
    private let isRepair: Bool

    init(_ storage: S, _ tuning: Tuning, identity: StoreIdentity?, isRepair: Bool = false) {
        self.storage = storage
        self.tuning = tuning
        self.identity = identity
        self.isRepair = isRepair
    }

    private struct Found {
        var entry: SegmentEntry
        let uuid: StoreUUID
        var replacedIDs: [UInt64] = []
        var maxSequence: UInt64 = 0
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
        let sequenceEnd = found.map(\.maxSequence).max() ?? 0
        return Manifest(
            uuid: uuid, generation: 1 << 32,
            // A crash may have erased what was numbered since, a lease at most.
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
        var found = Found(
            entry: SegmentEntry(
                id: header.id, state: .open, kind: header.kind, salt: header.salt),
            uuid: header.uuid)
        let byteCount = try storage.byteCount(of: file)
        let search = SealSearch(storage, file, seed: header.seed)
        if let seal = try search.seal(endingAt: byteCount) {
            found.entry.state = .sealed
            found.entry.logicalByteCount = byteCount
            found.entry.describe(seal.totals)
            found.replacedIDs = seal.replacedIDs
            found.maxSequence = seal.totals.maxSequence
        } else {
            try recover(&found, file, byteCount)
        }
        return found
    }

    /// As opening does it; what hides acknowledged records stays open, so that opening says so.
    private func recover(
        _ found: inout Found, _ file: FileHandle, _ byteCount: UInt64
    ) throws(FileError) {
        if isRepair {
            try storage.synchronize(file)
            try storage.dropCache(of: file)
        }
        var scanner = SegmentScanner(
            storage: storage, file: file, limit: byteCount,
            seed: SegmentSeed(salt: found.entry.salt, segmentID: found.entry.id),
            step: tuning.scanByteCount, verifiesPayloads: true, hash: { _, _ in 0 })
        let scan = try scanner.scan()
        found.maxSequence = scan.records.map(\.header.sequence).max() ?? 0
        let recovered = SegmentRecovery.recover(
            scan, segmentID: found.entry.id, isProven: false)
        guard recovered.hidden.isEmpty, recovered.acceptedCount > 0 else { return }
        found.entry.state = recovered.isSealed ? .sealed : .recovered
        found.entry.logicalByteCount = recovered.logicalByteCount
        found.entry.describe(recovered.totals)
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
    func seal(endingAt end: UInt64) throws(FileError) -> Seal? {
        // Most seals are small; the longest hold thousands of buckets and ids.
        for limit in [4096, RecordHeader.byteCount + Seal.byteCountMaximum + 8] {
            let start = end - min(end - min(end, UInt64(SegmentHeader.byteCount)), UInt64(limit))
            if let seal = try seal(from: start & ~7, to: end) { return seal }
        }
        return nil
    }

    private func seal(from start: UInt64, to end: UInt64) throws(FileError) -> Seal? {
        guard start < end else { return nil }
        // Whole blocks, as a read past the page cache wants them.
        let block = UInt64(UncachedRead.blockByteCount)
        let first = start / block * block
        let buffer = AlignedBuffer(byteCount: Int((end - first + block - 1) / block * block))
        var target = buffer.mutableBytes(0..<buffer.byteCount)
        let count = try storage.read(file, into: &target, at: first)
        guard UInt64(count) >= end - first else { return nil }
        let bytes = buffer.bytes(Int(start - first)..<Int(end - first)).copyBytes()
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
