// Upload — a blob of unknown length on its way into the store.
//
// Bytes are collected into chunks; a full chunk is appended at once. A blob that stays within one
// chunk becomes an ordinary record. For a larger one the composite record, appended by `commit`, is
// the commit: it stands behind all its chunks in the log, so the sync that covers it covers them.
// Until then nobody sees anything; an upload that is dropped leaves dead bytes only. One thread at
// a time. Memory: one chunk.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

/// Used by one thread at a time, as its owner promises; `failure` alone is set from others.
package final class Upload<S: Storage>: @unchecked Sendable {
    private let engine: Engine<S>
    private let key: [UInt8]
    private var options: WriteOptions
    private var blobID: UInt64?
    private var chunkNumber: UInt32 = 0
    private let chunk: AlignedBuffer
    private var chunkFill = 0
    private var isFinished = false
    private let failure = UploadFailure()

    /// The bytes taken so far.
    package private(set) var byteCount: UInt64 = 0

    init(engine: Engine<S>, key: [UInt8], options: WriteOptions) {
        self.engine = engine
        self.key = key
        self.options = options
        chunk = engine.chunkBuffers.take()
    }

    deinit {
        if !isFinished { withdraw() }
        engine.chunkBuffers.giveBack(chunk)
    }

    /// Takes the next bytes.
    package func write(_ bytes: RawSpan) throws(StoreError) {
        try checkOpen()
        try engine.checkByteCount(byteCount + UInt64(bytes.byteCount))
        var position = 0
        while position < bytes.byteCount {
            if chunkFill == chunk.byteCount { try appendChunk() }
            let count = min(chunk.byteCount - chunkFill, bytes.byteCount - position)
            chunk.copy(from: bytes.extracting(position..<position + count), to: chunkFill)
            chunkFill += count
            position += count
        }
        byteCount += UInt64(bytes.byteCount)
    }

    /// Makes the blob visible, if its condition holds, and returns when that is as durable as
    /// asked. The upload is over, whatever the result.
    /// - Parameters:
    ///   - condition: Instead of that of the options.
    ///   - metadata: Instead of those, and no longer.
    package func commit(
        under condition: Condition? = nil, metadata: [UInt8]? = nil
    ) throws(StoreError) -> WriteReceipt {
        try checkOpen()
        if let condition { options.condition = condition }
        if let metadata { options.metadata = metadata }
        guard blobID != nil else {
            isFinished = true
            let (key, chunk) = (key, chunk)
            return try engine.put(key.rawSpan, chunk.bytes(0..<chunkFill), options)
        }
        let scratch = WriteScratch.take()
        defer { scratch.giveBack() }
        scratch.waiter.reset()
        let receipt = try commit(scratch, .waiter(scratch.waiter))
        if let receipt { return receipt }
        return try engine.await(scratch.waiter)
    }

    /// The form of `commit` that calls back.
    func commit(completion: Completion) throws(StoreError) -> WriteReceipt? {
        let scratch = WriteScratch.take()
        defer { scratch.giveBack() }
        return try commit(scratch, completion)
    }

    private func commit(
        _ scratch: WriteScratch, _ completion: Completion
    ) throws(StoreError) -> WriteReceipt? {
        do {
            let receipt = try appendComposite(scratch, completion)
            isFinished = true
            return receipt
        } catch {
            abort()
            throw error
        }
    }

    /// Gives the upload up.
    package func abort() {
        guard !isFinished else { return }
        isFinished = true
        withdraw()
    }

    private func checkOpen() throws(StoreError) {
        if isFinished { throw StoreError(.closed, "the upload was committed or given up") }
        if let error = failure.error { throw error }
    }

    // MARK: Records

    private func appendChunk() throws(StoreError) {
        let id: UInt64
        if let blobID {
            id = blobID
        } else {
            id = try engine.reserveSequence()
            blobID = id
        }
        let scratch = WriteScratch.take()
        defer { scratch.giveBack() }
        let chunk = chunk
        try engine.appendChunk(
            ChunkKey(blobID: id, chunkNumber: chunkNumber), chunk.bytes(0..<chunkFill), scratch,
            failure)
        chunkNumber += 1
        chunkFill = 0
    }

    private func appendComposite(
        _ scratch: WriteScratch, _ completion: Completion
    ) throws(StoreError) -> WriteReceipt? {
        if chunkFill > 0 { try appendChunk() }
        if let error = failure.error { throw error }
        guard let blobID else { preconditionFailure("a large blob has an id") }
        let composite = Composite(
            blobID: blobID, totalByteCount: byteCount, chunkByteCount: chunk.byteCount)
        let key = key
        return try engine.appendComposite(
            composite, key.rawSpan, options, scratch, completion, failure)
    }

    private func withdraw() {
        if let blobID {
            engine.retireBlob(BlobExtent(blobID: blobID, chunkCount: UInt64(chunkNumber)))
        }
    }
}

/// The first failure of a chunk's write, told by the thread that committed it.
final class UploadFailure: @unchecked Sendable {
    private let lock = AdaptiveLock()
    /// Guarded by `lock`.
    private var first: StoreError?

    var error: StoreError? { lock.withLock { first } }

    func note(_ error: StoreError) {
        lock.withLock { first = first ?? error }
    }
}

extension Engine {
    /// Begins a blob of unknown length. Its condition is checked now and decided at the commit.
    package func upload(
        _ key: RawSpan, _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> Upload<S> {
        try checkKey(key)
        try checkMetadata(options.metadata)
        lock.lock()
        let refusal = state.refusal()
        lock.unlock()
        if let refusal { throw refusal }
        if options.condition != .none {
            let present = try information(key)
            guard options.condition.holds(for: present?.version.sequence) else {
                try settleAnswer(options.durability ?? self.options.durability)
                throw StoreError(
                    .conditionFailed,
                    "the condition on \(escapedText(key.copyBytes())) does not hold",
                    currentVersion: present?.version)
            }
        }
        return Upload(engine: self, key: key.copyBytes(), options: options)
    }

    /// Waits until what an answer rests on is as durable as its caller wants.
    func settleAnswer(_ durability: Durability) throws(StoreError) {
        if isSettled(for: durability) { return }
        switch durability {
        case .synced: try flush()
        case .os:
            acquireLead()
            defer { releaseLead() }
            try flushToTail()
        case .interval: break
        }
    }

    /// Whether what was found before the call is as durable as somebody wants who is told of it.
    package func isSettled(for durability: Durability) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        return switch durability {
        case .synced: state.isSettled
        case .os: state.flushedOffset == state.tail
        case .interval: true
        }
    }

    /// Puts a value that is larger than one chunk.
    func putLarge(
        _ key: RawSpan, _ value: RawSpan, _ options: WriteOptions, _ completion: Completion
    ) throws(StoreError) -> WriteReceipt? {
        let upload = try upload(key, options)
        try upload.write(value)
        return try upload.commit(completion: completion)
    }

    /// A sequence number that no record carries: it names a blob or a batch.
    func reserveSequence() throws(StoreError) -> UInt64 {
        while true {
            lock.lock()
            if let refusal = state.refusal() {
                lock.unlock()
                throw refusal
            }
            if state.nextSequence < state.leaseEnd {
                defer { lock.unlock() }
                return state.takeSequence()
            }
            lock.unlock()
            try makeRoom(.sequence, for: 0, recordCount: 1)
        }
    }

    func appendChunk(
        _ chunkKey: ChunkKey, _ bytes: RawSpan, _ scratch: WriteScratch, _ failure: UploadFailure
    ) throws(StoreError) {
        let key = chunkKey.encoded
        let payload = scratch.prepare(
            bytes, compresses: options.compresses, blockByteCount: tuning.blockByteCount)
        let header = RecordHeader(
            sequence: 0, type: .chunk, codec: payload.codec, flags: payload.flags,
            keyByteCount: key.count, storedByteCount: payload.storedByteCount,
            rawByteCount: payload.rawByteCount, payloadCRC: payload.payloadCRC)
        let output = scratch.output
        let parts = RecordParts(
            header: header, key: key.rawSpan, metadata: RawSpan(),
            payloadHead: output.bytes(0..<payload.outputByteCount),
            payloadTail: payload.usesSource ? bytes : RawSpan())
        let intent = Intent(
            action: .chunk, hash: chunkHash(key.rawSpan), condition: .none, durability: .os)
        _ = try write(intent, parts, scratch, .chunk(failure))
    }

    func appendComposite(
        _ composite: Composite, _ key: RawSpan, _ options: WriteOptions, _ scratch: WriteScratch,
        _ completion: Completion, _ failure: UploadFailure, isUpdate: Bool = false
    ) throws(StoreError) -> WriteReceipt? {
        var payload = [UInt8](repeating: 0, count: Composite.byteCount)
        payload.withMutableRawSpan { composite.encode(into: &$0) }
        let metadataByteCount = scratch.encodeMetadata(
            user: options.metadata.rawSpan, expiry: options.expiry)
        let header = RecordHeader(
            sequence: 0, type: .composite, keyByteCount: key.byteCount,
            metadataByteCount: metadataByteCount, storedByteCount: payload.count,
            rawByteCount: payload.count, payloadCRC: Checksum.crc32c(payload.rawSpan))
        let metadata = scratch.metadataBuffer
        let parts = RecordParts(
            header: header, key: key, metadata: metadata.bytes(0..<metadataByteCount),
            payloadHead: RawSpan(), payloadTail: payload.rawSpan)
        var intent = Intent(
            action: .composite, hash: hash(key), condition: options.condition,
            durability: options.durability ?? self.options.durability)
        intent.extent = BlobExtent(
            blobID: composite.blobID, chunkCount: UInt64(composite.chunkCount))
        intent.dependency = failure
        intent.isUpdate = isUpdate
        intent.expiry = options.expiry.stored
        return try write(intent, parts, scratch, completion)
    }

    /// Queues the removal of a blob's chunks from the index.
    func retireBlob(_ extent: BlobExtent) {
        lock.lock()
        state.retire(extent)
        lock.unlock()
    }
}
