// CompactionJob — one compaction, from the first record that is read to the last that moved.
//
// Order (each step before the next, and a power cut may fall between any two): every input is read
// whole and verified, live records are copied; deletes that are still needed follow; the output is
// sealed and synced, then `segments/`; the log is synced, so that what made records dead is durable;
// one MANIFEST retires the inputs and lists the output; the index moves, slot by slot. Before that
// MANIFEST everything can be given up without a trace; blobs that expired leave the index behind it. What
// is live the index says: also what waiting writes will replace, and chunks of uploads that are not
// committed; records in ended segments only ever die. Used by one thread at a time, under the compaction lock.
// Spec: Engine.md, "Compaction".

internal import CairnFormat
internal import CairnSystem

final class CompactionJob<S: Storage> {
    /// A segment that is to be replaced.
    struct Source {
        let entry: SegmentEntry
        let ordinal: Int
    }

    private enum Stage {
        case copy(source: Int)
        case prove
        case writeTombstones(from: Int)
        case finish
        case commit
        case move(from: Int)
        case expire(from: Int)
        case over
    }

    let plan: CompactionPlan
    let sources: [Source]
    private unowned let engine: Engine<S>
    private var stage = Stage.copy(source: 0)
    private var input: CompactionInput<S>?
    /// Of inputs that were read to the end.
    private var doneByteCount: UInt64 = 0
    private static var candidateCountMaximum: Int { 32 }
    /// Records that were read and not taken yet, and their hashes; empty between steps.
    private var candidates: [(record: InputRecord, hash: UInt64)] = []
    private(set) var output: CompactionOutput<S>?
    private var tombstones = Tombstones()
    private var proof: TombstoneProof<S>?
    private(set) var moved: [MovedRecord] = []
    /// What expired at this time or earlier is destroyed; 0: nothing.
    let destroyable: UInt64
    private var expired: [ExpiredRecord] = []
    /// Bytes of the chunks that go with them.
    private var expiredChunkByteCount: UInt64 = 0
    /// The least number of a dropped put: deletes above it may now be needless.
    private(set) var leastDropped = UInt64.max
    private(set) var droppedDeleteCount = 0
    /// Where the output stands in the engine's list, once it is listed.
    private var outputOrdinal: Int?
    private(set) var isCommitted = false
    private var lostRaceCount = 0
    private var replacedIDs: [UInt64] { sources.map(\.entry.id) }

    init(
        _ plan: CompactionPlan, _ sources: [Source], destroyable: UInt64, _ engine: Engine<S>
    ) {
        self.plan = plan
        self.sources = sources
        self.destroyable = destroyable
        self.engine = engine
    }

    /// Does one piece of work, of about so many bytes; false when everything is done. After an
    /// error, `abandon`.
    func step(byteCount: Int) throws(CompactionFailure) -> Bool {
        switch stage {
        case .copy(let source): try copy(source, byteCount)
        case .prove: try prove(byteCount)
        case .writeTombstones(let start): try writeTombstones(from: start, byteCount)
        case .finish: try finish()
        case .commit: try commit()
        case .move(let start): move(from: start, byteCount)
        case .expire(let start): expire(from: start, byteCount)
        case .over: return false
        }
        return true
    }

    /// Takes back what was done before the commit. The output's file stays when `keepsOutput`:
    /// MANIFEST may list it.
    func abandon(keepsOutput: Bool) {
        input?.close()
        input = nil
        proof?.close()
        proof = nil
        guard !isCommitted, let output else { return }
        self.output = nil
        engine.storage.close(output.file)
        if !keepsOutput { engine.discardFile(SegmentFileName(output.id).description) }
    }

    var outputByteCount: UInt64 { output?.byteCount ?? 0 }
    /// What was read and need not be written.
    var reclaimedByteCount: UInt64 {
        let read = doneByteCount + (input?.readByteCount ?? 0)
        return read - min(read, outputByteCount)
    }
    /// Of the output: its seal and the deletes that had to stay.
    var keptByteCount: UInt64 {
        let used = moved.reduce(UInt64(SegmentHeader.byteCount)) { $0 + UInt64($1.newByteCount) }
        return outputByteCount - min(outputByteCount, used)
    }
    var inputByteCount: UInt64 { sources.reduce(0) { $0 + $1.entry.logicalByteCount } }

    // MARK: Copying

    private func copy(_ number: Int, _ byteCount: Int) throws(CompactionFailure) {
        guard number < sources.count else {
            droppedDeleteCount += tombstones.sort()
            return stage = .prove
        }
        var current: CompactionInput<S>
        if let input { current = input } else { current = try open(sources[number]) }
        // Asked once: whether the engine is still there cost a tenth of the time, asked for each record.
        let engine = engine
        var left = byteCount
        while left > 0 {
            try gather(from: &current, engine)
            if candidates.isEmpty {
                current.close()
                input = nil
                doneByteCount += current.entry.logicalByteCount
                return stage = .copy(source: number + 1)
            }
            for place in candidates.indices {
                left -= try take(candidates[place], &current, engine)
            }
        }
        input = current
    }

    /// The next records, as many as are in memory, and asks for the places of their hashes in the index:
    /// waiting for these one by one took a fifth of a compaction's time.
    private func gather(
        from input: inout CompactionInput<S>, _ engine: Engine<S>
    ) throws(CompactionFailure) {
        candidates.removeAll(keepingCapacity: true)
        while candidates.count < Self.candidateCountMaximum,
            candidates.isEmpty || input.isNextLoaded, let record = try input.next()
        {
            let hash = hash(of: record, input, engine)
            if let hash { engine.index.prefetch(hash) }
            candidates.append((record, hash ?? 0))
        }
    }

    /// As the index knows the record's key; nil when it has none.
    private func hash(
        of record: InputRecord, _ input: CompactionInput<S>, _ engine: Engine<S>
    ) -> UInt64? {
        let header = record.header
        guard header.keyByteCount > 0 else { return nil }
        let key = input.front(of: record).extracting(header.keyRange)
        return header.type == .chunk ? engine.chunkHash(key) : engine.hash(key)
    }

    private func open(_ source: Source) throws(CompactionFailure) -> CompactionInput<S> {
        let tuning = engine.tuning
        let opened = try CompactionInput(
            source.entry, ordinal: source.ordinal, storage: engine.storage,
            files: engine.segmentFiles,
            step: min(tuning.scanByteCount, tuning.compactionScanByteCount))
        input = opened
        return opened
    }

    private enum Fate {
        /// It has no key, or is a delete that was taken up.
        case passed
        case dead
        case expired(hash: UInt64, Location)
        case live(hash: UInt64, Location)
    }

    /// Copies the record if it is live, or remembers a delete. Returns what that cost, in bytes.
    private func take(
        _ candidate: (record: InputRecord, hash: UInt64), _ input: inout CompactionInput<S>,
        _ engine: Engine<S>
    ) throws(CompactionFailure) -> Int {
        let record = candidate.record
        let header = record.header
        switch fate(of: record, candidate.hash, input, engine) {
        case .passed: break
        case .dead:
            if header.type != .chunk { leastDropped = min(leastDropped, header.sequence) }
        case .expired(let hash, let old): try take(expired: record, hash, old, &input)
        case .live(let hash, let old):
            try input.loadWhole(record)
            var chunkByteCount: UInt64 = 0
            if header.type == .composite, record.metadata.expiry != nil {
                chunkByteCount = try composite(in: record, input).totalByteCount
            }
            let copy = try append(
                input.whole(record), header, record.metadata, chunkByteCount: chunkByteCount)
            moved.append(
                MovedRecord(
                    hash: hash, old: old, newOffset: copy.offset,
                    oldByteCount: UInt32(header.recordByteCount),
                    newByteCount: UInt32(copy.byteCount)))
            return header.recordByteCount * 2
        }
        return header.prefixByteCount
    }

    private func fate(
        of record: InputRecord, _ hash: UInt64, _ input: CompactionInput<S>, _ engine: Engine<S>
    ) -> Fate {
        let header = record.header
        let front = input.front(of: record)
        let key = front.extracting(header.keyRange)
        let kind: Location.Kind
        switch header.type {
        case .mark, .seal: return .passed
        case .delete:
            let hash = engine.hasher.hash(.delete, key).first
            tombstones.add(header, record.metadata, front: front, hash: hash)
            return .passed
        case .put: kind = .put
        case .composite: kind = .composite
        case .chunk: kind = .chunk
        }
        let old = Location(
            segmentOrdinal: input.ordinal, offset: record.offset,
            recordByteCount: header.recordByteCount, kind: kind)
        guard engine.isLive(hash, key, at: old, header) else { return .dead }
        if let expiry = record.metadata.expiry, expiry <= destroyable {
            return .expired(hash: hash, old)
        }
        return .live(hash: hash, old)
    }

    /// Remembers a blob that expired, and what may have to stay of it.
    private func take(
        expired record: InputRecord, _ hash: UInt64, _ location: Location,
        _ input: inout CompactionInput<S>
    ) throws(CompactionFailure) {
        let header = record.header
        var extent: BlobExtent?
        if header.type == .composite {
            try input.loadWhole(record)
            let composite = try composite(in: record, input)
            extent = BlobExtent(
                blobID: composite.blobID, chunkCount: UInt64(composite.chunkCount))
            expiredChunkByteCount += composite.totalByteCount
        }
        expired.append(
            ExpiredRecord(
                hash: hash, location: location, byteCount: UInt32(header.recordByteCount),
                extent: extent))
        let front = input.front(of: record)
        let keyHash = engine.hasher.hash(.delete, front.extracting(header.keyRange)).first
        tombstones.add(expired: header, front: front, hash: keyHash)
    }

    /// What a composite record that was loaded whole says.
    private func composite(
        in record: InputRecord, _ input: CompactionInput<S>
    ) throws(CompactionFailure) -> Composite {
        do throws(FormatError) {
            let payload = input.whole(record).extracting(record.header.payloadRange)
            return try Composite(decoding: payload)
        } catch {
            throw .damaged(segmentID: input.entry.id, offset: record.offset, "\(error)")
        }
    }

    private func append(
        _ bytes: RawSpan, _ header: RecordHeader, _ metadata: RecordMetadata,
        chunkByteCount: UInt64 = 0
    ) throws(CompactionFailure) -> (offset: UInt64, byteCount: Int) {
        if output == nil { try makeOutput() }
        let place: (offset: UInt64, byteCount: Int)?
        do throws(FileError) {
            // In place: a copy of the output would cost a dozen references, for each record.
            place = try output?.append(
                bytes, header: header, metadata: metadata, chunkByteCount: chunkByteCount)
        } catch {
            throw .error(StoreError(error, doing: "writing a compacted segment"))
        }
        guard let place else { throw .pointless }
        return place
    }

    /// The output is made when its first record comes.
    private func makeOutput() throws(CompactionFailure) {
        let made: CompactionOutput<S>
        do throws(FileError) {
            made = try CompactionOutput(
                id: engine.manifest.takeSegmentID(), uuid: engine.identity.uuid,
                storage: engine.storage, files: engine.segmentFiles,
                bufferByteCount: engine.tuning.compactionBufferByteCount)
            output = made
            try made.writeHeader()
        } catch {
            throw .error(StoreError(error, doing: "making a compacted segment"))
        }
        do throws(StoreError) {
            try engine.synchronizeHeader(of: made.file)
        } catch {
            throw .error(error)
        }
    }

    // MARK: Deletes

    private func prove(_ byteCount: Int) throws(CompactionFailure) {
        if proof == nil {
            proof = TombstoneProof(
                of: tombstones, by: engine.otherEndedEntries(than: replacedIDs),
                identity: engine.identity, storage: engine.storage, files: engine.segmentFiles)
        }
        if proof?.step(&tombstones, count: byteCount / 64) == true { return }
        proof?.close()
        try checkGain()
        droppedDeleteCount += tombstones.count(ofPuts: false, staying: false)
        for item in tombstones.items where item.wasPut && !item.mustStay {
            leastDropped = min(leastDropped, item.header.sequence)
        }
        stage = .writeTombstones(from: 0)
    }

    /// What would hardly leave the disk emptier is not done.
    private func checkGain() throws(CompactionFailure) {
        let kept = tombstones.items.reduce(UInt64(0)) {
            $0 + ($1.mustStay ? UInt64($1.header.recordByteCount) : 0)
        }
        if output == nil && kept == 0 { return }
        let start = output?.sealedByteCount(replacing: replacedIDs)
        let after = (start ?? UInt64(SegmentHeader.byteCount)) + kept
        let least = plan.reason == .smallSegments ? 0 : inputByteCount / 32
        guard after + least < inputByteCount + expiredChunkByteCount else { throw .pointless }
    }

    private func writeTombstones(
        from start: Int, _ byteCount: Int
    ) throws(CompactionFailure) {
        var (place, left) = (start, byteCount)
        while place < tombstones.count, left > 0 {
            let item = tombstones.items[place]
            place += 1
            guard item.mustStay else { continue }
            let tombstones = tombstones
            _ = try append(tombstones.front(of: item), item.header, item.metadata)
            left -= item.header.recordByteCount
        }
        stage = place == tombstones.count ? .finish : .writeTombstones(from: place)
    }

    // MARK: Ending

    /// Seals the output and makes it and its name durable.
    private func finish() throws(CompactionFailure) {
        guard var target = output else { return stage = .commit }
        do throws(StoreError) {
            let sequence = try engine.reserveSequence()
            do throws(FileError) {
                try target.seal(replacing: replacedIDs, sequence: sequence)
            } catch {
                throw StoreError(error, doing: "writing a compacted segment")
            }
            output = target
            try engine.synchronizeOutput(target.file)
        } catch {
            throw .error(error)
        }
        stage = .commit
    }

    private func commit() throws(CompactionFailure) {
        do throws(StoreError) {
            try engine.settleLog()
        } catch {
            throw .error(error)
        }
        // Judged anew: the wall clock may have been set since.
        guard expired.isEmpty || destroyable <= engine.lookAtClock().destroyable else {
            throw .clockChanged
        }
        if let id = engine.unmetSegment(of: sources, moved, expired) {
            throw .damaged(
                segmentID: id, offset: 0, "the index finds more records in it than were met")
        }
        do throws(StoreError) {
            outputOrdinal = try engine.commit(sources, output)
        } catch {
            throw .error(error)
        }
        isCommitted = true
        stage = .move(from: 0)
    }

    private func move(from start: Int, _ byteCount: Int) {
        let end = min(start + max(1, min(byteCount / 64, 1024)), moved.count)
        if let outputOrdinal {
            lostRaceCount += engine.move(moved[start..<end], to: outputOrdinal)
        }
        stage = end == moved.count ? .expire(from: 0) : .move(from: end)
    }

    private func expire(from start: Int, _ byteCount: Int) {
        let end = min(start + max(1, min(byteCount / 64, 1024)), expired.count)
        lostRaceCount += engine.remove(expired[start..<end])
        guard end == expired.count else { return stage = .expire(from: end) }
        engine.noteDone(self, counts)
        stage = .over
    }

    private var counts: CompactionCounts {
        var counts = CompactionCounts()
        counts.compactionCount = 1
        counts.replacedSegmentCount = sources.count
        counts.copiedByteCount = moved.reduce(0) { $0 + UInt64($1.newByteCount) }
        counts.reclaimedByteCount = inputByteCount - min(inputByteCount, outputByteCount)
        counts.droppedDeleteCount = droppedDeleteCount
        counts.keptDeleteCount = tombstones.count(ofPuts: false, staying: true)
        counts.destroyedBlobCount = expired.count
        counts.keptExpiredCount = tombstones.count(ofPuts: true, staying: true)
        counts.lostRaceCount = lostRaceCount
        counts.movedChunkCount = moved.count { $0.old.kind == .chunk }
        counts.movedBatchMemberCount = moved.count { $0.newByteCount < $0.oldByteCount }
        return counts
    }
}
