// CrashWorld+Uploads — large blobs that arrive in pieces, and reads.

internal import Cairn
internal import CairnSystem

extension CrashWorld {
    func beginUpload(
        _ key: Int, _ kind: CrashCondition, _ durability: Durability,
        _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        guard uploads.count < 2, let condition = condition(kind, key) else { return }
        let value = makeValue(0, hasMetadata: true)
        let options = WriteOptions(
            durability: durability, condition: condition, metadata: value.metadata)
        let visible = oracle.visible(key)
        let name = oracle.keys[key]
        note("begin an upload to key \(key), \(durability), \(condition)")
        do {
            let upload = try engine.upload(name.rawSpan, options)
            uploads.append(
                OpenUpload(
                    key: key, upload: upload, condition: condition, durability: durability,
                    value: value))
        } catch {
            if error.kind == .conditionFailed {
                if visible.count == 1, condition != .none, holds(condition, visible[0]) {
                    throw fail("an upload was refused though its condition holds: \(error)")
                }
                return marks.hit(.conditionRefused)
            }
            try accept(error, doing: "beginning an upload")
        }
    }

    func holds(_ condition: Condition, _ state: OracleState) -> Bool {
        switch condition {
        case .none: true
        case .absent: state.value == nil
        case .present: state.value != nil
        case .matches(let version): state.value != nil && state.sequence == version.sequence
        case .differs(let version): state.value == nil || state.sequence != version.sequence
        }
    }

    func feedUpload(_ byteCount: Int) throws(CrashFailure) {
        guard let place = uploads.indices.randomElement(using: &dice) else { return }
        operationName = CrashMark.cutInUpload.rawValue
        note("feed \(byteCount) bytes to the upload to key \(uploads[place].key)")
        let bytes = makeValue(byteCount, hasMetadata: false).bytes
        do {
            try uploads[place].upload.write(bytes.rawSpan)
            uploads[place].value.bytes += bytes
        } catch {
            try accept(error, doing: "feeding an upload")
            uploads.remove(at: place).upload.abort()
        }
    }

    func abortUpload() {
        guard let upload = uploads.popLast() else { return }
        note("abort the upload to key \(upload.key)")
        if upload.value.bytes.count > tuning.chunkByteCount { marks.hit(.uploadAborted) }
        upload.upload.abort()
    }

    func commitUpload() throws(CrashFailure) {
        guard let item = uploads.popLast() else { return }
        operationName = CrashMark.cutInUpload.rawValue
        guard holds(item.condition, item.key) != nil else { return item.upload.abort() }
        let isRefused = holds(item.condition, item.key) == false
        var answer = Answer(
            key: item.key, durability: item.durability,
            expectation: isRefused ? .refusal : .write, wasPresent: isPresent(item.key),
            support: oracle.support(of: item.key))
        if !isRefused && !hasFailed {
            answer.group = attempt([(item.key, item.value)], item.durability)
        }
        note(
            "commit the upload of \(item.value.bytes.count) bytes to key \(item.key), "
                + "\(answer.group.map { "group \($0)" } ?? "refusal")")
        do {
            let receipt = try item.upload.commit()
            let box = ResultBox()
            box.outcome = .success(receipt)
            expect(answer, box)
            if item.value.bytes.count > tuning.chunkByteCount { marks.hit(.uploadCommitted) }
        } catch {
            try refused(error, answer)
        }
    }

    // MARK: Reads

    /// What a read shows; nil when it fails in a way that it may.
    func reading(
        _ key: Int, _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) -> OracleReading?? {
        let name = oracle.keys[key]
        do {
            let blob = try engine.get(name.rawSpan)
            return .some(blob.map { OracleReading($0) })
        } catch {
            try acceptReading(error, key)
            return nil
        }
    }

    func acceptReading(_ error: StoreError, _ key: Int) throws(CrashFailure) {
        note("reading key \(key) answered \(error)")
        if disk.isDead { return }
        switch error.kind {
        case .outcomeUnknown where isTroubled:
            if !hasFailed {
                hasFailed = true
                noteFailedSync()
            }
            guard mayBeUnknown(key) else {
                throw fail("key \(key) was not touched, yet reads as \(error)")
            }
            marks.hit(.unknownAnswered)
        case .inputOutput where isTroubled: marks.hit(.readFailed)
        default: throw fail("reading key \(key): \(error)")
        }
    }

    func read(_ key: Int, _ engine: Engine<SimulatedDisk>) throws(CrashFailure) {
        guard let reading = try reading(key, engine) else { return }
        note("key \(key) reads as \(Oracle.describe(reading))")
        try check(reading, key)
    }

    func read(
        _ key: Int, _ range: Range<Int>, _ engine: Engine<SimulatedDisk>
    ) throws(CrashFailure) {
        guard let whole = try reading(key, engine) else { return }
        try check(whole, key)
        let name = oracle.keys[key]
        let blob: Blob?
        let information: BlobInformation?
        do {
            blob = try engine.get(
                name.rawSpan,
                range: UInt64(range.lowerBound)..<UInt64(range.upperBound))
            information = try engine.information(name.rawSpan)
        } catch {
            return try acceptReading(error, key)
        }
        let bytes = whole?.value.bytes ?? []
        let expected = Array(bytes[range.clamped(to: bytes.indices)])
        guard (blob?.bytes ?? []) == expected, (blob == nil) == (whole == nil),
            blob?.version == information?.version, blob?.metadata == information?.metadata,
            (information?.byteCount ?? 0) == UInt64(bytes.count)
        else {
            throw fail("the bytes \(range) of key \(key) are not those of the whole")
        }
    }

    /// What has expired counts until it is compacted.
    func isKeyCount(_ counted: UInt64, _ count: Int) -> Bool {
        let most = usesExpiry ? oracle.keys.count : count
        return (UInt64(count)...UInt64(most)).contains(counted)
    }

    func readAll(_ engine: Engine<SimulatedDisk>) throws(CrashFailure) {
        note("read all")
        for key in oracle.keys.indices {
            guard let reading = try reading(key, engine) else { continue }
            try check(reading, key)
        }
        guard !hasFailed, !disk.isDead, let count = oracle.keyCount else { return }
        let counted = engine.statistics().keyCount
        guard isKeyCount(counted, count) else {
            throw fail("the store counts \(counted) keys where there are \(count)")
        }
    }
}
