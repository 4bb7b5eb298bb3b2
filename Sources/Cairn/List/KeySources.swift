// KeySources — what listings know of the segments' keys: the indexes of hints, and the sorted keys of
// segments that have no hint.
//
// A segment that ended is listed by its hint. One whose hint waits gets it first: that is the work that
// is due anyway, and leaves no key in memory. Where there is no hint, or a doubt about it, it is made
// anew once; when that does not help, the segment is scanned, as is the one that takes records. A cache:
// forgotten when a segment is gone. Guarded by `lock`, which is held across system calls and is taken
// before all others. Spec: Engine.md, "Listing".

internal import CairnFormat
internal import CairnSystem

// Sendable because everything but the lock is only touched while `lock` is held.
final class KeySources<S: Storage>: @unchecked Sendable {
    fileprivate let lock = AdaptiveLock()
    fileprivate var hinted: [UInt64: HintKeys<S>] = [:]
    fileprivate var scanned: [UInt64: ScannedKeys<S>] = [:]
    /// How often the hint of a segment was of no use; after the second time it is not tried again.
    fileprivate var refusals: [UInt64: Int] = [:]

    fileprivate func forget(but ids: Set<UInt64>) {
        hinted = hinted.filter { ids.contains($0.key) }
        scanned = scanned.filter { ids.contains($0.key) }
        refusals = refusals.filter { ids.contains($0.key) }
    }
}

/// A segment as a listing finds it.
private struct SegmentView {
    let ordinal: Int
    let id: UInt64
    let salt: UInt64
    let isActive: Bool
    /// What MANIFEST says of it, or is about to, once it has ended.
    var entry: SegmentEntry?
}

/// How far a segment goes at this moment, and what of it is only in memory.
private struct SegmentEnd {
    /// The file holds everything below.
    var flushedOffset: UInt64
    /// From the end of what was scanned, or from `flushedOffset` on.
    var memory: [UInt8] = []
}

extension Engine {
    /// The keys of every segment that is there. Whatever the index holds now lies in one of them, and
    /// was taken up. A segment whose keys cannot all be told is an error, unless what is uncertain is
    /// wanted.
    func listedSources(
        includingUncertain includesUncertain: Bool
    ) throws(StoreError) -> [KeySource<S>] {
        keySources.lock.lock()
        defer { keySources.lock.unlock() }
        while true {
            let views = segmentViews()
            keySources.forget(but: Set(views.map(\.id)))
            do {
                return try sources(views, areWhole: !includesUncertain)
            } catch {
                // A segment that went meanwhile left its records to another one.
                guard views.contains(where: { !handles.holds($0.id, at: $0.ordinal) }) else {
                    throw error
                }
            }
        }
    }

    private func sources(
        _ views: [SegmentView], areWhole: Bool
    ) throws(StoreError) -> [KeySource<S>] {
        var sources: [KeySource<S>] = []
        for view in views {
            if let keys = hintKeys(of: view) {
                sources.append(.hint(keys))
                continue
            }
            for run in try scannedKeys(of: view, isWhole: areWhole) {
                sources.append(.run(run, segmentID: view.id))
            }
        }
        return sources
    }

    /// A hint turned out to be unusable: it is made anew, once.
    func refuseHint(of segmentID: UInt64) {
        keySources.lock.lock()
        defer { keySources.lock.unlock() }
        keySources.hinted[segmentID] = nil
        keySources.refusals[segmentID, default: 0] += 1
        guard keySources.refusals[segmentID] == 1,
            let view = segmentViews().first(where: { $0.id == segmentID })
        else { return }
        requestHint(of: view)
    }

    private func segmentViews() -> [SegmentView] {
        lock.lock()
        let activeOrdinal = state.active?.ordinal
        var views: [SegmentView] = []
        for (ordinal, segment) in state.segments.enumerated() {
            guard handles.holds(segment.id, at: ordinal) else { continue }
            views.append(
                SegmentView(
                    ordinal: ordinal, id: segment.id, salt: segment.salt,
                    isActive: ordinal == activeOrdinal))
        }
        let ended = state.endedEntries.map { $0 }
        lock.unlock()
        // An entry leaves the list above when it is in the manifest, not before.
        return describe(views, ended)
    }

    private func describe(_ views: [SegmentView], _ ended: [SegmentEntry]) -> [SegmentView] {
        let wanted = views.contains { !$0.isActive && keySources.hinted[$0.id] == nil }
        guard wanted else { return views }
        var entries: [UInt64: SegmentEntry] = [:]
        // Not their sum: that would append in place to a list which other threads have just let go of, an
        // order that ThreadSanitizer cannot see.
        for list in [manifest.current.entries, ended] {
            for entry in list where entry.state != .open { entries[entry.id] = entry }
        }
        return views.map { view in
            var view = view
            view.entry = entries[view.id]
            return view
        }
    }

    // MARK: Hints

    private func hintKeys(of view: SegmentView) -> HintKeys<S>? {
        if let known = keySources.hinted[view.id] { return known }
        guard let entry = view.entry, !view.isActive else { return nil }
        guard keySources.refusals[view.id, default: 0] < 2 else { return nil }
        makeHint(of: view.id)
        var keys = openHint(entry)
        if keys == nil, requestHint(of: view) {
            makeHint(of: view.id)
            keys = openHint(entry)
        }
        if let keys {
            keySources.scanned[view.id] = nil
            keySources.hinted[view.id] = keys
        } else {
            keySources.refusals[view.id] = 2
        }
        return keys
    }

    private func openHint(_ entry: SegmentEntry) -> HintKeys<S>? {
        guard let file = HintOnDisk.open(entry, storage, segmentFiles) else { return nil }
        let hint = HintOnDisk(
            file, entry, uuid: identity.uuid(ofSegment: entry.id), storage: storage,
            files: segmentFiles, staysOpen: false)
        return hint.flatMap { HintKeys($0) }
    }

    /// False when no hint can be made.
    @discardableResult
    private func requestHint(of view: SegmentView) -> Bool {
        guard let entry = view.entry, options.access != .readOnly else { return false }
        if !hints.isWaiting(for: view.id) { hints.request(HintTask(entry, ordinal: view.ordinal)) }
        return true
    }

    /// Makes the hint of a segment that waits for one, and those that come before it.
    private func makeHint(of id: UInt64) {
        do {
            while hints.isWaiting(for: id), try hintStep() {}
        } catch {
            // Some hint cannot be made. If it is this one, the segment is scanned.
        }
    }

    // MARK: Scans

    private func scannedKeys(
        of view: SegmentView, isWhole: Bool
    ) throws(StoreError) -> [KeyRun] {
        let kept = keySources.scanned[view.id]
        var keys = kept ?? ScannedKeys(salt: view.salt, segmentID: view.id)
        // Not copied while it grows.
        keySources.scanned[view.id] = nil
        let end = try segmentEnd(of: view, from: keys.end)
        if keys.end < end.flushedOffset { try read(&keys, to: end.flushedOffset, view) }
        keys.take(end.memory.rawSpan)
        keys.settle()
        if isWhole, let entry = view.entry, !entry.flags.contains(.lossAccepted) {
            // What was taken from memory may have been given up since, by a write that failed.
            if kept != nil, !Self.isWhole(keys.totals, entry) {
                return try scannedKeys(of: view, isWhole: isWhole)
            }
            try check(keys.totals, entry)
        }
        keySources.scanned[view.id] = keys
        return keys.runs
    }

    /// An error when the segment has gone: its records lie elsewhere by now.
    private func segmentEnd(
        of view: SegmentView, from offset: UInt64
    ) throws(StoreError) -> SegmentEnd {
        var memory: [UInt8] = []
        memory.reserveCapacity(view.isActive ? 2 * tuning.bufferByteCount : 0)
        lock.lock()
        defer { lock.unlock() }
        guard state.segments[view.ordinal].id == view.id else {
            throw StoreError(
                .inUse, "segment \(SegmentFileName(view.id)) went while its keys were listed",
                segmentID: view.id)
        }
        var end = SegmentEnd(
            flushedOffset: state.segments[view.ordinal].logicalByteCount)
        if state.active?.ordinal == view.ordinal {
            state.copyUnflushed(from: offset, to: &memory)
            end.memory = memory
        }
        return end
    }

    private func read(
        _ keys: inout ScannedKeys<S>, to limit: UInt64, _ view: SegmentView
    ) throws(StoreError) {
        let name = SegmentFileName(view.id).description
        do throws(FileError) {
            if options.access == .readOnly {
                // The writer may have removed it; what was opened with the store is still there.
                return try segmentFiles.withFile(of: view.ordinal) { (file) throws(FileError) in
                    try keys.read(to: limit, storage, file)
                }
            }
            // A file of its own: as a reader of the segment's it would keep others open for long.
            let file = try segmentFiles.withDescriptors { () throws(FileError) in
                try storage.open(name, in: .segments, writable: false)
            }
            guard let file else {
                throw FileError(.open, path: "\(storage.location)/segments/\(name)", code: 2)
            }
            defer { storage.close(file) }
            try keys.read(to: limit, storage, file)
        } catch {
            throw unreadable(error, view.id, offset: nil)
        }
    }

    private static func isWhole(_ totals: SegmentTotals, _ entry: SegmentEntry) -> Bool {
        totals.digest.crc == entry.digest && totals.recordCount == entry.recordCount
    }

    /// A listing that lacks keys must not pass for a whole one.
    private func check(_ totals: SegmentTotals, _ entry: SegmentEntry) throws(StoreError) {
        guard Self.isWhole(totals, entry) else {
            throw StoreError(
                .damaged,
                "segment \(SegmentFileName(entry.id)) is damaged and has no intact hint: its keys "
                    + "cannot be listed", segmentID: entry.id)
        }
    }
}

extension LogState {
    /// Appends to `bytes` what is only in memory of the active segment, from `offset` on.
    func copyUnflushed(from offset: UInt64, to bytes: inout [UInt8]) {
        guard point.isOpen else { return }
        if let flushing, offset < flushing.end.offset {
            let start = Int(max(offset, flushing.offset) - flushing.offset)
            // What is carried over stands in the other buffer, too.
            let end = Int(flushing.end.offset - flushing.offset)
            bytes.append(copying: flushing.buffer.bytes(start..<end))
        }
        guard offset < tail else { return }
        let (buffer, start) = (buffer, Int(max(offset, bufferBase) - bufferBase))
        bytes.append(copying: buffer.bytes(start..<fill))
    }
}
