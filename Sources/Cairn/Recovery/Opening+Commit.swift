// What opening writes: the manifest, and only after it the removal of files it does not list.
//
// Invariants: (1) no file is removed or moved before the manifest that does without it is durable;
// (2) what may be the only copy of a record goes to quarantine, where nothing is ever overwritten;
// (3) each step may be cut by a crash, and the next opening repeats it. Called by the one thread
// that opens, while it holds the store's lock, never for a reader.
// Spec: Engine.md, "Opening", "The rules of order".

internal import CairnFormat
internal import CairnSystem

extension Opening {
    /// Lists what was recovered, raises the ceiling, then cleans up.
    mutating func commit(_ opened: inout OpenedStore<S>) throws(StoreError) {
        let names = try segmentNames()
        let highestID = highestID(in: names)
        let start = nextSequence()
        let end = start + tuning.sequenceLease
        let entries = try recoveredEntries(&opened)
        let dropped = struck
        let hasLoss = options.acceptLoss
        let listed = Set(entries.map(\.id))
        retired = retiredEntries(in: names)
        let retired = retired
        let isEarly = PlantedBug.filesRemovedBeforeManifest.isPlanted
        if isEarly { try? cleanUp(names, listed: listed) }
        try replaceManifest(opened.manifest) { manifest in
            manifest.entries = entries
            for entry in retired { manifest.insert(entry) }
            manifest.sequenceCeiling = max(manifest.sequenceCeiling, end)
            manifest.nextSegmentID = max(manifest.nextSegmentID, highestID + 1)
        }
        opened.leaseStart = start
        opened.leaseEnd = end
        if hasLoss && !dropped.isEmpty {
            findings.append("\(counted(dropped.count, "segment")) left the list for ever")
        }
        do {
            try cleanUp(isEarly ? [] : names, listed: listed)
            opened.forgettable = retired.map(\.id)
        } catch {
            // What a failed sync left behind no later sync would tell.
            if error.isFailedSync { throw storeError(error, "moving unlisted files away") }
            // The store is whole without it; the next opening tries again.
            findings.append("unlisted files were not moved out of the way: \(error)")
        }
    }

    /// Retired segments whose files are still there. They stay listed until a sync has made sure that
    /// the files are gone: should one come back, it must not be taken for an unknown one. Others
    /// are gone for good, for the directory was synced since.
    private func retiredEntries(in names: [String]) -> [SegmentEntry] {
        let present = Set(names.compactMap { SegmentFileName(parsing: $0)?.id })
        return manifest.entries.filter { $0.state == .retired && present.contains($0.id) }
    }

    /// The highest id that a file was named for. A name far beyond every id that was given out is
    /// not ours and counts for nothing.
    private func highestID(in names: [String]) -> UInt64 {
        let limit = manifest.nextSegmentID + 1 << 20
        return names.compactMap { SegmentFileName(parsing: $0)?.id }.filter { $0 < limit }.max()
            ?? 0
    }

    /// On a full disk the reserve of the last run makes room.
    private func replaceManifest(
        _ keeper: ManifestKeeper<S>, _ change: (inout Manifest) -> Void
    ) throws(StoreError) {
        do {
            return try segmentFiles.withDescriptors { () throws(ManifestFailure) in
                try keeper.update(change)
            }
        } catch {
            guard error.fileError.isOutOfSpace else {
                throw storeError(error.fileError, "replacing the manifest")
            }
        }
        do throws(FileError) {
            if let file = try storage.open(StoreNames.reserve, in: .root, writable: true) {
                defer { storage.close(file) }
                try storage.truncate(file, to: 0)
            }
        } catch {
            throw storeError(error, "giving up the reserve")
        }
        // Refused when it was the sync that failed: then the next opening finds the room.
        do {
            try keeper.update(change)
        } catch {
            throw storeError(error.fileError, "replacing the manifest")
        }
    }

    /// No number below it was ever issued twice: the old ceiling, also past what a crash erased.
    private func nextSequence() -> UInt64 {
        let seen = maxSequence.map { $0 &+ 1 } ?? 0
        if PlantedBug.sequenceFromMaximum.isPlanted { return seen }
        return max(manifest.sequenceCeiling, seen)
    }

    private mutating func recoveredEntries(
        _ opened: inout OpenedStore<S>
    ) throws(StoreError) -> [SegmentEntry] {
        var entries: [SegmentEntry] = []
        for segment in files {
            guard let ordinal = segment.ordinal else { continue }
            var entry = segment.entry
            if entry.state == .open || options.acceptLoss {
                let isEmpty = segment.recovered.acceptedCount == 0
                if isEmpty && entry.state == .open && (!segment.isProven || options.acceptLoss) {
                    segmentFiles.remove(ordinal)
                    struck.insert(entry.id)
                    continue
                }
                describe(&entry, segment)
            }
            if PlantedBug.appendToOldSegment.isPlanted, segment.entry.state == .open,
                !segment.recovered.isSealed
            {
                entry.state = .open
                segmentFiles.leaveOpen(ordinal)
                opened.continued = continued(segment, ordinal)
            }
            if !segment.hasHint, entry.state != .open {
                opened.hintTasks.append(HintTask(entry, ordinal: ordinal))
            }
            entries.append(entry)
        }
        return entries
    }

    /// What the manifest says of a segment from now on: its length, its records' digest.
    private func describe(_ entry: inout SegmentEntry, _ segment: ListedSegment) {
        let recovered = segment.recovered
        // A power cut may leave a seal without its padding: then MANIFEST alone says where the log ends.
        let isWhole = segment.byteCount >= recovered.logicalByteCount
        entry.state = recovered.isSealed && isWhole ? .sealed : .recovered
        entry.logicalByteCount = recovered.logicalByteCount
        entry.recordCount = recovered.totals.recordCount
        entry.digest = recovered.totals.digest.crc
        entry.minSequence = recovered.totals.minSequence
        entry.maxSequence = recovered.totals.maxSequence
        if options.acceptLoss && !recovered.hidden.isEmpty { entry.flags.insert(.lossAccepted) }
    }

    /// The planted fault of appending behind what was recovered.
    private func continued(_ segment: ListedSegment, _ ordinal: Int) -> ActiveSegment {
        let file = FileHandle(rawValue: handles.handle(of: ordinal))
        return ActiveSegment(
            ordinal: ordinal, id: segment.entry.id, salt: segment.entry.salt,
            seed: SegmentSeed(salt: segment.entry.salt, segmentID: segment.entry.id), file: file,
            byteCountTarget: options.segmentByteCount ?? tuning.segmentByteCountMinimum,
            flushedTotals: segment.recovered.totals)
    }

    // MARK: Files that nobody lists

    private func segmentNames() throws(StoreError) -> [String] {
        do {
            return try storage.names(in: .segments)
        } catch {
            throw storeError(error, "listing segments")
        }
    }

    private mutating func cleanUp(_ names: [String], listed: Set<UInt64>) throws(FileError) {
        var quarantined = false
        for name in names.sorted() {
            let file = SegmentFileName(parsing: name)
            if let file, listed.contains(file.id) { continue }
            quarantined = try cleanUp(name, file) || quarantined
        }
        if quarantined {
            try storage.synchronize(.quarantine)
            try storage.synchronize(.segments)
        }
    }

    /// Deals with one unlisted file; true when it went to quarantine.
    private mutating func cleanUp(
        _ name: String, _ file: SegmentFileName?
    ) throws(FileError) -> Bool {
        switch try judge(name, file) {
        case .remove:
            do {
                try storage.unlink(name, in: .segments)
            } catch {
                let isEarly = PlantedBug.inputsUnlinkedBeforeDirectorySync.isPlanted
                guard error.isMissing, isEarly else { throw error }
            }
            return false
        case .leave(let reason):
            findings.append("\(name) \(reason) and is left alone")
            return false
        case .quarantine:
            let place = try storage.freeName(name, in: .quarantine)
            try storage.rename(name, in: .segments, to: place, in: .quarantine)
            findings.append("\(name) is not listed and went to quarantine as \(place)")
            return true
        }
    }

    private enum Judgement {
        case remove
        case leave(String)
        case quarantine
    }

    private func judge(
        _ name: String, _ file: SegmentFileName?
    ) throws(FileError) -> Judgement {
        if SegmentFileName.isUnfinishedHint(name) { return .remove }
        guard let file else { return .quarantine }
        // Where a loss is accepted, what was replaced, half replaced, or only named may be all that
        // is left of something.
        let isLast = options.acceptLoss
        if file.kind == .hint || retired.contains(where: { $0.id == file.id }) {
            return isLast ? .quarantine : .remove
        }
        guard let handle = try storage.open(name, in: .segments, writable: false) else {
            return .leave("is gone")
        }
        defer { storage.close(handle) }
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        var span = bytes.mutableRawSpan
        let count = try storage.read(handle, into: &span, at: 0)
        let header: SegmentHeader
        do throws(FormatError) {
            header = try SegmentHeader(decoding: bytes.rawSpan.extracting(0..<count))
        } catch {
            if error.isUnsupported { return .leave("was written by a newer program (\(error))") }
            return try isZero(handle) ? .remove : .quarantine
        }
        guard identity.owns(segmentID: header.id, uuid: header.uuid) else {
            return .leave("belongs to another store")
        }
        if header.kind == .compacted, !isLast { return .remove }
        return try holdsRecord(handle, header) ? .quarantine : .remove
    }

    /// Whether a file holds nothing at all.
    private func isZero(_ file: FileHandle) throws(FileError) -> Bool {
        let limit = try storage.byteCount(of: file)
        var window = LogWindow(
            storage: storage, file: file, limit: limit, step: tuning.scanByteCount)
        var offset: UInt64 = 0
        while offset < limit {
            let count = try window.load(4096, at: offset)
            guard count > 0 else { return true }
            guard window.bytes(at: offset, count: count).isZero else { return false }
            offset += UInt64(count)
        }
        return true
    }

    private func holdsRecord(
        _ file: FileHandle, _ header: SegmentHeader
    ) throws(FileError) -> Bool {
        var scanner = SegmentScanner(
            storage: storage, file: file, limit: try storage.byteCount(of: file),
            seed: header.seed, step: tuning.scanByteCount, verifiesPayloads: false,
            hash: { _, _ in 0 })
        let records = try scanner.scan().records
        return !records.isEmpty
    }

    // MARK: Reserve

    /// Sets bytes aside for a full disk. Where an earlier run gave them up and there is still no room
    /// for them, the store opens in the disk-full state: what is free is for deletes and compaction.
    mutating func reserve(_ opened: inout OpenedStore<S>) throws(StoreError) -> Reserve<S> {
        do throws(FileError) {
            let live = opened.segments.reduce(0) { $0 + $1.liveByteCount }
            let byteCount = tuning.reserveByteCount(
                ofSegment: tuning.segmentByteCount(ofLive: live, options),
                diskByteCount: try storage.totalByteCount())
            let existing = try storage.open(StoreNames.reserve, in: .root, writable: true)
            let file: FileHandle
            if let existing {
                file = existing
            } else {
                file = try storage.create(StoreNames.reserve, in: .root)
            }
            do throws(FileError) {
                let reserve = Reserve(
                    storage: storage, file: file, byteCount: byteCount,
                    heldByteCount: try storage.byteCount(of: file))
                if existing != nil { opened.isDiskFull = !(try reserve.resume()) }
                try reserve.fit(to: byteCount, step: tuning.reserveByteCounts.lowerBound)
                return reserve
            } catch {
                storage.close(file)
                throw error
            }
        } catch {
            guard error.isOutOfSpace else { throw storeError(error, "setting space aside") }
            opened.isDiskFull = true
            return Reserve<S>(storage: storage, file: nil)
        }
    }
}

extension ResourceLimits {
    /// Raises the limit of open files; returns how many of them a store's segments may be. The rest
    /// is the program's. Where it turns out to be less, fewer segments are kept open.
    static func raiseForStore() -> Int {
        let limit: Int
        do { limit = try raiseDescriptorLimit() } catch { limit = 256 }
        return limit - limit / 4
    }
}
