// SegmentCheck — one segment: its file, header, seal and hint, and in the deep form every record.
//
// What is damaged is collected, and told when the segment was read to its end: only then is it known
// what was durable, and whether the damage is an unsynced tail. Damaged records are named by the
// record itself, by putting one byte back, or by the hint. One thread; see `StoreCheck`.

internal import CairnFormat
internal import CairnSystem

final class SegmentCheck<S: Storage> {
    let check: StoreCheck<S>
    let entry: SegmentEntry
    let name: String
    /// A later segment holds a record, so this one was durable to its end.
    private let isProven: Bool
    /// Read when it is wanted.
    var witness: HintWitness?
    /// Of the records that are there, put-back ones included.
    var totals = SegmentTotals()
    var problems: [SegmentProblem] = []
    var seal: Seal?
    /// The greatest offset that a record says was durable.
    private var provenOffset = UInt64(SegmentHeader.byteCount)
    private var recordEnd = UInt64(SegmentHeader.byteCount)
    /// An intact record was read: zeros alone may be a spare segment, which proves nothing.
    private var hasRecord = false

    init(_ check: StoreCheck<S>, _ entry: SegmentEntry, isProven: Bool) {
        self.check = check
        self.entry = entry
        self.isProven = isProven
        name = "segments/\(SegmentFileName(entry.id))"
    }

    private var isEnded: Bool { entry.state != .open }
    var seed: SegmentSeed { SegmentSeed(salt: entry.salt, segmentID: entry.id) }

    func finding(
        _ kind: CheckFinding.Kind, severity: CheckFinding.Severity = .damage,
        offset: UInt64? = nil, byteCount: UInt64? = nil, _ what: String, matters: String
    ) -> CheckFinding {
        CheckFinding(
            kind, severity, file: name, segmentID: entry.id, offset: offset, byteCount: byteCount,
            what: what, matters: matters)
    }

    /// Whether the segment holds a record, as far as anybody can tell; of one that was not ended only the deep
    /// form tells, which alone wants to know.
    func run() -> Bool {
        check.add(segmentCount: 1)
        do throws(FileError) {
            return try checkFile()
        } catch {
            check.report(
                finding(.unreadable, "\(error)", matters: "now: what cannot be read is not served"))
            return entry.recordCount > 0
        }
    }

    private func checkFile() throws(FileError) -> Bool {
        guard let file = try check.takeFile(of: entry) else {
            if try check.isGone(entry) {
                check.hasGone = true
                return entry.recordCount > 0
            }
            check.report(
                finding(
                    .missingSegment, "has no file; it had \(counted(entry.recordCount, "record"))",
                    matters: "now: keys in it answer uncertain, and the store takes no writes"))
            if isEnded { try nameAll() }
            return entry.recordCount > 0
        }
        defer { check.storage.close(file) }
        let byteCount = try check.storage.byteCount(of: file)
        if isEnded, byteCount < UInt64(SegmentHeader.byteCount) {
            checkLength(byteCount)
            try nameAll()
            return entry.recordCount > 0
        }
        guard try checkHeader(file) else { return entry.recordCount > 0 }
        if isEnded {
            checkLength(byteCount)
            if entry.state == .sealed, byteCount >= entry.logicalByteCount { try checkSeal(file) }
            try checkHint()
        }
        if check.isDeep {
            try walk(file, byteCount)
        } else {
            check.add(byteCount: byteCount)
        }
        return isEnded ? entry.recordCount > 0 : hasRecord
    }

    /// Nothing is left of an ended segment: its hint says what stood there.
    private func nameAll() throws(FileError) {
        try checkHint()
        guard check.isDeep else { return }
        noteRest(from: recordEnd)
        judge(end: recordEnd)
    }

    // MARK: Structure

    /// False when the file is another segment's.
    private func checkHeader(_ file: FileHandle) throws(FileError) -> Bool {
        // At an aligned address, as a read past the page cache wants it.
        var window = LogWindow(
            storage: check.storage, file: file, limit: UInt64(SegmentHeader.byteCount),
            step: SegmentHeader.byteCount)
        let count = try window.load(SegmentHeader.byteCount, at: 0)
        let bytes = window.bytes(at: 0, count: count).copyBytes()
        let header: SegmentHeader
        do throws(FormatError) {
            header = try SegmentHeader(decoding: bytes.rawSpan)
        } catch {
            check.report(
                finding(
                    .segmentHeader, offset: 0, "\(error)",
                    matters: "when MANIFEST is lost: it repeats what readers need of the header"))
            return count == SegmentHeader.byteCount
        }
        if let place = bytes[68...].firstIndex(where: { $0 != 0 }) {
            check.report(
                finding(
                    .freeByte, severity: .note, offset: UInt64(place), byteCount: 1,
                    "a byte behind the header is not zero", matters: "never: nothing reads it"))
        }
        let isOwn = check.identity?.owns(segmentID: header.id, uuid: header.uuid) ?? true
        if isOwn, header.id == entry.id, header.salt == entry.salt { return true }
        check.report(
            finding(
                .missingSegment, offset: 0,
                isOwn
                    ? "is another segment (\(SegmentFileName(header.id)))"
                    : "belongs to another store (\(header.uuid))",
                matters: "now: keys in it answer uncertain, and the store takes no writes"))
        return false
    }

    private func checkLength(_ byteCount: UInt64) {
        guard !entry.isWhole(in: byteCount) else { return }
        check.report(
            finding(
                .shortSegment, offset: byteCount, byteCount: entry.logicalByteCount - byteCount,
                "ends \(counted(entry.logicalByteCount - byteCount, "byte")) too early",
                matters: "now: keys in what is missing answer damaged or uncertain"))
    }

    private func checkSeal(_ file: FileHandle) throws(FileError) {
        let search = SealSearch(check.storage, file, seed: seed)
        guard let seal = try search.seal(endingAt: entry.logicalByteCount) else {
            // The deep form comes by it, and says which byte.
            if !check.isDeep { check.report(missingSeal) }
            return
        }
        self.seal = seal
        var described = entry
        described.describe(seal.totals)
        // A seal still counts what was accepted as lost.
        guard described != entry, !entry.flags.contains(.lossAccepted) else { return }
        check.report(
            finding(
                .seal, "the seal and MANIFEST disagree on the records",
                matters: "when MANIFEST has to be made again"))
    }

    private var missingSeal: CheckFinding {
        finding(
            .seal, "no seal stands at the end", matters: "when MANIFEST has to be made again")
    }

    private func checkHint() throws(FileError) {
        guard let identity = check.identity else { return }
        let hint = "segments/\(SegmentFileName(entry.id, .hint))"
        let uuid = identity.uuid(ofSegment: entry.id)
        let read = try HintWitness(
            of: entry, uuid: uuid, check.storage, isUncached: check.isBeside)
        guard let read else {
            check.report(
                CheckFinding(
                    .missingHint, .note, file: hint, segmentID: entry.id, what: "has no hint",
                    matters: "at the next opening: the segment is read instead"))
            return
        }
        // A check of files alone counts those of the log.
        check.add(byteCount: check.isBeside ? read.byteCount : 0)
        witness = read
        guard let error = read.complaint(isDeep: check.isDeep) else { return }
        check.report(
            CheckFinding(
                .hint, .damage, file: hint, segmentID: entry.id, what: "\(error)",
                matters: "at the next opening: the segment is read instead, the hint made again"))
    }

    // MARK: Every record

    private func walk(_ file: FileHandle, _ byteCount: UInt64) throws(FileError) {
        let limit = isEnded ? min(byteCount, entry.logicalByteCount) : byteCount
        var walk = SegmentWalk(
            storage: check.storage, file: file, limit: limit, seed: seed,
            step: check.tuning.scanByteCount, verifiesPayloads: true,
            isUncached: check.isUncached(entry))
        var offset = walk.offset
        while !check.isEnding, let step = try walk.next() {
            switch step {
            case .record(let record): try take(record, &walk)
            case .mended(let record): try take(record, &walk)
            case .gap(let span, let isZero):
                let isLast = span.upperBound == limit
                // Half of a record, when its length was looked at: the writer has gone on since.
                if isLast, !isEnded, try check.storage.byteCount(of: file) > limit { break }
                take(span, isZero: isZero, isLast: isLast)
            }
            check.add(byteCount: walk.offset - offset)
            offset = walk.offset
        }
        if check.isEnding { return }
        noteRest(from: limit)
        judge(end: limit)
        if isEnded, byteCount > limit { try checkRest(file, limit..<byteCount) }
    }

    private func take(
        _ record: ScannedRecord, _ walk: inout SegmentWalk<S>
    ) throws(FileError) {
        check.add(recordCount: 1)
        hasRecord = true
        provenOffset = max(provenOffset, record.header.provenOffset(at: record.offset))
        recordEnd = record.endOffset
        if record.header.type != .seal {
            totals.add(record.header, headerCRC: record.headerCRC)
        }
        try checkPadding(record.header, at: record.offset, &walk)
        if let chunk = record.chunkKey { check.note(chunk) }
        if let composite = record.composite {
            check.note(composite, try walk.key(of: record), record, entry.id)
        }
        guard !record.isPayloadIntact else { return }
        let part = try walk.damagedPart(of: record)
        problems.append(
            SegmentProblem(
                .payload, record.header, key: try walk.key(of: record), offset: record.offset,
                place: part.range, what: part.what))
    }

    private func take(
        _ record: MendedRecord, _ walk: inout SegmentWalk<S>
    ) throws(FileError) {
        check.add(recordCount: 1)
        recordEnd = record.endOffset
        if record.header.type != .seal {
            totals.add(record.header, headerCRC: record.headerCRC)
        }
        if record.header.type == .chunk,
            let chunk = try? ChunkKey(decoding: record.key.rawSpan)
        {
            check.note(chunk)
        }
        let part =
            switch record.place {
            case ..<RecordHeader.byteCount: "header"
            case record.header.metadataRange: "metadata"
            default: "key"
            }
        let place = record.offset + UInt64(record.place)
        problems.append(
            SegmentProblem(
                .record, record.header, key: record.key, offset: record.offset,
                place: place..<place + 1, what: "byte \(place), in its \(part), is wrong"))
    }

    private func take(_ span: Range<UInt64>, isZero: Bool, isLast: Bool) {
        // Zeros ahead of the tail are legal in a segment that was not ended.
        if isZero && isLast && !isEnded { return }
        problems.append(SegmentProblem(gap: span))
    }

    private func checkPadding(
        _ header: RecordHeader, at offset: UInt64, _ walk: inout SegmentWalk<S>
    ) throws(FileError) {
        guard let place = try walk.spoiltPadding(header, at: offset) else { return }
        check.report(
            finding(
                .freeByte, severity: .note, offset: place, byteCount: 1,
                "a byte behind the record at \(offset) is not zero",
                matters: "never: nothing reads it"))
    }

    /// What stands behind the log's end of a segment that was ended.
    private func checkRest(_ file: FileHandle, _ range: Range<UInt64>) throws(FileError) {
        var window = LogWindow(
            storage: check.storage, file: file, limit: range.upperBound,
            step: check.tuning.scanByteCount, isUncached: check.isUncached(entry))
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = try window.load(4096, at: offset)
            guard count > 0 else { return }
            let bytes = window.bytes(at: offset, count: count).copyBytes()
            if let place = bytes.firstIndex(where: { $0 != 0 }) {
                check.report(
                    finding(
                        .freeByte, severity: .note, offset: offset + UInt64(place),
                        "bytes behind the end of the log, which is at \(range.lowerBound)",
                        matters: "never: nothing reads them"))
                return
            }
            offset += UInt64(count)
        }
    }

    // MARK: Judgement

    /// What an ended segment lacks behind the end of its file; the padding of a record is nothing.
    private func noteRest(from end: UInt64) {
        guard isEnded, !entry.isWhole(in: end) else { return }
        problems.append(SegmentProblem(gap: end..<entry.logicalByteCount))
    }

    /// `end`: of the bytes that were read.
    private func judge(end: UInt64) {
        let isDigestRight = totals.digest.crc == entry.digest
        if isEnded, problems.isEmpty, !isDigestRight {
            check.report(
                finding(
                    .seal, "the records are not those that MANIFEST counted",
                    matters: "now: a record may be missing"))
        }
        if entry.state == .sealed, problems.isEmpty, seal == nil { check.report(missingSeal) }
        nameGaps()
        // Told with the length of the file.
        problems.removeAll { isEnded && $0.isGap && $0.offset >= end }
        let durable = isProven ? UInt64.max : provenOffset
        for problem in problems {
            if !isEnded, problem.offset >= durable {
                check.report(tail(problem))
            } else if entry.flags.contains(.lossAccepted), isDigestRight, problem.isGap {
                check.report(accepted(problem))
            } else {
                report(problem)
            }
        }
    }

    /// Puts the records that the hint knows in the place of gaps.
    private func nameGaps() {
        let gaps = problems.filter(\.isGap).map(\.place)
        guard !gaps.isEmpty, let witness else { return }
        let records = witness.records(in: gaps)
        guard !records.isEmpty else { return }
        problems.removeAll { problem in
            problem.isGap
                && records.contains { problem.place.contains($0.row.offset) }
        }
        problems += records.filter { record in
            !problems.contains { !$0.isGap && $0.offset == record.row.offset }
        }.map(SegmentProblem.init)
        problems.sort { $0.offset < $1.offset }
    }

    private func report(_ problem: SegmentProblem) {
        var finding = problem.finding(in: name, entry.id)
        if let blobID = problem.blobID, problem.type == .chunk {
            return check.blobs.add(damaged: finding, blobID: blobID)
        }
        if let type = problem.type {
            finding.matters = check.matters(
                type, key: problem.key ?? [], sequence: problem.sequence, segmentID: entry.id,
                offset: problem.offset)
        }
        check.report(finding)
    }

    private func accepted(_ problem: SegmentProblem) -> CheckFinding {
        var finding = problem.finding(in: name, entry.id)
        finding.severity = .note
        finding.matters = "no more: this loss was accepted"
        return finding
    }

    /// Damage that nothing proves to have been durable.
    private func tail(_ problem: SegmentProblem) -> CheckFinding {
        var finding = problem.finding(in: name, entry.id)
        finding.severity = .note
        finding.kind = .tail
        finding.matters =
            problem.offset < recordEnd
            ? "at the next opening: the log ends here, what follows was never acknowledged as synced"
            : "never: the log ends before it"
        return finding
    }
}
