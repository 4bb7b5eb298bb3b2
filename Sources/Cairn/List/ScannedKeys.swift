// ScannedKeys — the keys of a segment that has no hint: the one that takes records, mostly.
//
// The segment's headers are read once, and from then on only what was appended since; new keys are
// sorted by themselves and merged with earlier ones when these are not much more, so that a key is
// moved a few times at most. The write path pays nothing for it. Memory: 24 bytes a record and its
// key, while the segment has no hint and somebody lists. Guarded by its owner's lock.
// Spec: Engine.md, "Listing".

internal import CairnFormat
internal import CairnSystem

struct ScannedKeys<S: Storage> {
    private static var wideByteCount: Int { 256 << 10 }
    private static var narrowByteCount: Int { 4096 }

    private let seed: SegmentSeed
    /// Everything below was taken up.
    private(set) var end = UInt64(SegmentHeader.byteCount)
    /// Sorted each; together they hold every put and composite below `end`.
    private(set) var runs: [KeyRun] = []
    /// Of all records below `end`.
    private(set) var totals = SegmentTotals()
    private var fresh = KeyRun()

    init(salt: UInt64, segmentID: UInt64) {
        seed = SegmentSeed(salt: salt, segmentID: segmentID)
    }

    /// Takes up the records between `end` and `limit` from the segment's file. Where no intact record
    /// stands it goes on at the next one.
    mutating func read(to limit: UInt64, _ storage: S, _ file: FileHandle) throws(FileError) {
        let wideByteCount = min(Self.wideByteCount, Int(limit - min(end, limit)))
        var wide = LogWindow(storage: storage, file: file, limit: limit, step: wideByteCount)
        var narrow = LogWindow(
            storage: storage, file: file, limit: limit, step: Self.narrowByteCount)
        var isNarrow = false
        while end < limit {
            let byteCount = isNarrow ? try take(&narrow) : try take(&wide)
            end += UInt64(byteCount ?? 8)
            isNarrow = byteCount.map { $0 > Self.wideByteCount / 16 } ?? false
        }
    }

    /// Takes up the record at `end`; returns its length, nil when none stands there.
    private mutating func take(_ window: inout LogWindow<S>) throws(FileError) -> Int? {
        let available = try window.load(RecordHeader.byteCount, at: end)
        guard available == RecordHeader.byteCount,
            let header = try? RecordHeader(decoding: window.bytes(at: end, count: available)),
            end + UInt64(header.recordByteCount) <= window.limit,
            try window.load(header.prefixByteCount, at: end) == header.prefixByteCount
        else { return nil }
        return take(header, window.bytes(at: end, count: header.prefixByteCount))
    }

    /// Takes up records that are still in memory; `bytes` begin at `end`.
    mutating func take(_ bytes: RawSpan) {
        var place = 0
        while place < bytes.byteCount {
            let rest = bytes.extracting(place..<bytes.byteCount)
            guard let header = try? RecordHeader(decoding: rest),
                header.recordByteCount <= rest.byteCount,
                let byteCount = take(header, rest.extracting(0..<header.prefixByteCount))
            else { return }
            end += UInt64(byteCount)
            place += byteCount
        }
    }

    private mutating func take(_ header: RecordHeader, _ front: RawSpan) -> Int? {
        guard
            RecordHeader.verifyHeaderCRC(
                record: front, prefixByteCount: header.prefixByteCount, seed: seed, offset: end),
            let metadata = try? RecordMetadata(of: front, header: header)
        else { return nil }
        if header.type != .seal {
            totals.add(header, headerCRC: RecordHeader.storedHeaderCRC(of: front))
        }
        switch header.type {
        case .put, .composite:
            fresh.append(
                front.extracting(header.keyRange), offset: end, expiry: metadata.expiry ?? 0)
        case .delete, .chunk, .mark, .seal: break
        }
        return header.recordByteCount
    }

    /// Puts what was taken up in order.
    mutating func settle() {
        guard fresh.count > 0 else { return }
        fresh.sort()
        runs.append(fresh)
        fresh = KeyRun()
        while runs.count > 1, runs[runs.count - 2].count < 2 * runs[runs.count - 1].count {
            let last = runs.removeLast()
            runs.append(KeyRun(merging: runs.removeLast(), last))
        }
    }
}
