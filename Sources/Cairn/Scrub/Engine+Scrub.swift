// The scrub's hold on the engine: its place on disk, the segments it reads, and a scrub of everything at once.
//
// The place is written without a sync of the directory: it may be an older one after a power cut, and a
// failed sync of that directory must be found by who replaces MANIFEST, and by nobody else. Written only
// while the store takes writes. Any thread, without locks. Spec: Engine.md, "Scrub"; Format.md, "SCRUB".

internal import CairnFormat
internal import CairnSystem

extension Engine {
    /// Takes the place that an earlier life left; a damaged one, or another store's, is none.
    package func loadScrubPlace() throws(StoreError) {
        let bytes: [UInt8]?
        do throws(FileError) {
            bytes = try storage.contents(
                of: StoreNames.scrub, in: .root, byteCountMaximum: ScrubPlace.byteCount + 1)
        } catch {
            throw StoreError(error, doing: "reading where the scrub is")
        }
        guard let bytes, let place = try? ScrubPlace(decoding: bytes.rawSpan),
            place.uuid == identity.uuid
        else { return }
        scrubs.take(place)
    }

    func keepScrubPlace() throws(StoreError) {
        lock.lock()
        let isRefused = state.refusal() != nil
        lock.unlock()
        if isRefused { return }
        do throws(FileError) {
            try storage.replaceUnsynced(StoreNames.scrub, with: scrubs.place.encoded().rawSpan)
        } catch {
            throw StoreError(error, doing: "keeping where the scrub is")
        }
    }

    /// The first ended segment of these.
    func scrubbedEntry(from id: UInt64, to end: UInt64) -> SegmentEntry? {
        manifest.current.entries.first { entry in
            id <= entry.id && entry.id < end
                && (entry.state == .sealed || entry.state == .recovered)
        }
    }

    /// A segment was read to its end. Returns how much of it is damaged.
    func noteScrubbed(_ id: UInt64, _ found: [CheckFinding]) -> UInt64 {
        if found.contains(where: { $0.kind == .hint && $0.severity == .damage }) {
            refuseHint(of: id)
        }
        return scrubs.note(id, found: found)
    }

    /// Reads everything at once, beside whatever the store does: what background passes read, and the
    /// segments that have not ended. Nil when `progress` ended it. Blocks.
    package func scrubWhole(
        progress: @escaping (CheckProgress) -> Bool, report: @escaping (CheckFinding) -> Void
    ) throws(StoreError) -> CheckSummary? {
        let began = storage.wallClock()
        var (known, damageCount): (UInt64, UInt64) = (0, 0)
        var found: [CheckFinding] = []
        let check = StoreCheck(
            beside: self, byteTotal: scrubbedByteCount,
            progress: { done in
                self.scrubs.add(byteCount: done.byteCount - known, isOfPass: false)
                known = done.byteCount
                return progress(done)
            },
            report: { finding in
                found.append(finding)
                report(finding)
            })
        check.checkBesideFiles()
        damageCount += noteScrubbed(0, found)
        var laterHasRecords = false
        for entry in manifest.current.entries.reversed() where entry.state != .retired {
            found = []
            let hasRecords = check.checkSegment(entry, isProven: laterHasRecords)
            if check.isEnding { return nil }
            if entry.kind == .data, hasRecords { laterHasRecords = true }
            damageCount += noteScrubbed(entry.id, found)
        }
        scrubs.noteWhole(
            from: began, to: max(began, storage.wallClock()), damageCount: damageCount)
        try keepScrubPlace()
        return check.summary
    }

    /// Bytes of all segments and their hints.
    private var scrubbedByteCount: UInt64 {
        lock.lock()
        defer { lock.unlock() }
        return state.segments.reduce(0) { sum, segment in
            segment.isRetired ? sum : sum + segment.logicalByteCount + segment.hintByteCount
        }
    }
}
