// Puts and deletes: validate, prepare outside every lock, append in a short critical section, then
// wait for the durability that was asked for. Budget of an interval put of 100 bytes: no system
// call, no allocation, two copies of nothing but the key and the value into the log's buffer.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

/// How a write was taken that may not wait for the disk.
package enum PromptWrite: Sendable {
    /// It is over, and calls nobody back.
    case done(WriteReceipt)
    /// Its completion will be called.
    case submitted
    /// Nothing was done: the disk has to be asked, or waited for.
    case wouldWait
}

extension Engine {
    /// Writes a blob and returns when it is as durable as asked.
    package func put(
        _ key: RawSpan, _ value: RawSpan, _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> WriteReceipt {
        value.prefetch()
        if isPlain(key, value, options) { return try putPlain(key, value) }
        let scratch = WriteScratch.take()
        defer { scratch.giveBack() }
        scratch.waiter.reset()
        let receipt = try put(key, value, options, scratch, .waiter(scratch.waiter))
        if let receipt { return receipt }
        return try self.await(scratch.waiter)
    }

    /// Writes a blob and calls back, on another thread or before it returns. Errors found before
    /// the record is appended are thrown, not called back.
    package func put(
        _ key: RawSpan, _ value: RawSpan, _ options: WriteOptions,
        completion: @escaping @Sendable (WriteOutcome) -> Void
    ) throws(StoreError) {
        let receipt: WriteReceipt?
        do {
            let scratch = WriteScratch.take()
            defer { scratch.giveBack() }
            receipt = try put(key, value, options, scratch, .callback(completion))
        }
        if let receipt { completion(.success(receipt)) } else { wakeKeeper() }
    }

    /// Submits a put, unless that would have to wait for the disk: then nothing was done.
    package func putPromptly(
        _ key: RawSpan, _ value: RawSpan, _ options: WriteOptions,
        completion: @escaping @Sendable (WriteOutcome) -> Void
    ) throws(StoreError) -> PromptWrite {
        try promptly { (scratch) throws(StoreError) in
            try put(key, value, options, scratch, .callback(completion), mayWait: false)
        }
    }

    /// The same for a delete; `replaced` is false when there was no such blob.
    package func deletePromptly(
        _ key: RawSpan, _ options: WriteOptions,
        completion: @escaping @Sendable (WriteOutcome) -> Void
    ) throws(StoreError) -> PromptWrite {
        try promptly { (scratch) throws(StoreError) in
            try delete(key, options, scratch, .callback(completion), mayWait: false)
        }
    }

    private func promptly(
        _ write: (WriteScratch) throws(StoreError) -> WriteReceipt?
    ) throws(StoreError) -> PromptWrite {
        let receipt: WriteReceipt?
        do {
            let scratch = WriteScratch.take()
            defer { scratch.giveBack() }
            receipt = try write(scratch)
        } catch {
            if error.isOfWaiting { return .wouldWait }
            throw error
        }
        if let receipt { return .done(receipt) }
        wakeKeeper()
        return .submitted
    }

    /// Removes a blob; nil when there was none. Returns when the answer is as durable as asked.
    package func delete(
        _ key: RawSpan, _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> WriteReceipt? {
        let scratch = WriteScratch.take()
        defer { scratch.giveBack() }
        scratch.waiter.reset()
        let receipt = try delete(key, options, scratch, .waiter(scratch.waiter))
        let answer: WriteReceipt
        if let receipt { answer = receipt } else { answer = try self.await(scratch.waiter) }
        return answer.replaced ? answer : nil
    }

    /// The form of `delete` that calls back; `replaced` is false when there was no such blob.
    package func delete(
        _ key: RawSpan, _ options: WriteOptions,
        completion: @escaping @Sendable (WriteOutcome) -> Void
    ) throws(StoreError) {
        let receipt: WriteReceipt?
        do {
            let scratch = WriteScratch.take()
            defer { scratch.giveBack() }
            receipt = try delete(key, options, scratch, .callback(completion))
        }
        if let receipt { completion(.success(receipt)) } else { wakeKeeper() }
    }

    /// Whether a put waits for nobody and is stored as it is: then it needs no scratch.
    @inline(__always)
    private func isPlain(_ key: RawSpan, _ value: RawSpan, _ options: WriteOptions) -> Bool {
        guard case .none = options.condition, options.metadata.isEmpty, options.expiry == nil
        else { return false }
        let byteCountMaximum =
            self.options.compresses
            ? WriteScratch.compressedByteCountMinimum - 1 : tuning.blockByteCount
        return value.byteCount <= byteCountMaximum
            && key.byteCount + value.byteCount < tuning.plainByteCountMaximum
            && (options.durability ?? self.options.durability) == .interval
    }

    /// The path of fills: a record of the caller's own bytes, acknowledged in memory.
    private func putPlain(_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> WriteReceipt {
        try checkKey(key)
        try checkByteCount(UInt64(truncatingIfNeeded: value.byteCount))
        let hash = hash(key)
        index.prefetch(hash)
        let header = RecordHeader(
            sequence: 0, type: .put, keyByteCount: key.byteCount,
            storedByteCount: value.byteCount, rawByteCount: value.byteCount,
            payloadCRC: Checksum.crc32c(value))
        let intent = Intent(
            action: .put, hash: hash, condition: .none, durability: .interval)
        let parts = RecordParts(
            header: header, key: key, metadata: RawSpan(), payloadHead: RawSpan(),
            payloadTail: value)
        if !isDiskFull.load(ordering: .relaxed), !expectsRecords.load(ordering: .relaxed) {
            lock.lock()
            let receipt = state.appendNew(hash, parts)
            lock.unlock()
            if let receipt {
                armKeeper(for: .interval)
                return receipt
            }
        }
        guard let receipt = try writeBuffered(intent, parts, .none) else {
            preconditionFailure("an unconditional interval put is acknowledged when appended")
        }
        return receipt
    }

    private func delete(
        _ key: RawSpan, _ options: WriteOptions, _ scratch: WriteScratch, _ completion: Completion,
        mayWait: Bool = true
    ) throws(StoreError) -> WriteReceipt? {
        try checkKey(key)
        let header = RecordHeader(sequence: 0, type: .delete, keyByteCount: key.byteCount)
        var intent = Intent(
            action: .delete, hash: hash(key), condition: options.condition,
            durability: options.durability ?? self.options.durability)
        intent.mayWait = mayWait
        let parts = RecordParts(
            header: header, key: key, metadata: RawSpan(), payloadHead: RawSpan(),
            payloadTail: RawSpan())
        do {
            return try write(intent, parts, scratch, completion)
        } catch {
            // Nothing was appended, and RESERVE was given up since: deletes go on.
            guard error.kind == .diskFull else { throw error }
        }
        return try write(intent, parts, scratch, completion)
    }

    private func put(
        _ key: RawSpan, _ value: RawSpan, _ options: WriteOptions, _ scratch: WriteScratch,
        _ completion: Completion, mayWait: Bool = true
    ) throws(StoreError) -> WriteReceipt? {
        try checkKey(key)
        try checkMetadata(options.metadata)
        guard value.byteCount <= tuning.chunkByteCount else {
            if !mayWait { throw .wouldWait }
            return try putLarge(key, value, options, completion)
        }
        try checkByteCount(UInt64(value.byteCount))
        let hash = hash(key)
        index.prefetch(hash)
        let payload = scratch.prepare(
            value, compresses: self.options.compresses, blockByteCount: tuning.blockByteCount)
        let metadataByteCount = scratch.encodeMetadata(
            user: options.metadata.rawSpan, expiry: options.expiry)
        let header = RecordHeader(
            sequence: 0, type: .put, codec: payload.codec, flags: payload.flags,
            keyByteCount: key.byteCount, metadataByteCount: metadataByteCount,
            storedByteCount: payload.storedByteCount, rawByteCount: payload.rawByteCount,
            payloadCRC: payload.payloadCRC)
        var intent = Intent(
            action: .put, hash: hash, condition: options.condition,
            durability: options.durability ?? self.options.durability)
        intent.expiry = options.expiry.stored
        intent.mayWait = mayWait
        let metadata = scratch.metadataBuffer
        let output = scratch.output
        let parts = RecordParts(
            header: header, key: key, metadata: metadata.bytes(0..<metadataByteCount),
            payloadHead: output.bytes(0..<payload.outputByteCount),
            payloadTail: payload.usesSource ? value : RawSpan())
        return try write(intent, parts, scratch, completion)
    }

    // MARK: Validation

    func checkKey(_ key: RawSpan) throws(StoreError) {
        guard key.byteCount >= 1, key.byteCount <= Key.byteCountMaximum else {
            throw StoreError(
                .invalidKey, "a key has 1 to 65,535 bytes, this one \(key.byteCount)")
        }
    }

    func checkMetadata(_ metadata: [UInt8]) throws(StoreError) {
        guard metadata.count <= WriteOptions.metadataByteCountMaximum else {
            throw StoreError(
                .metadataTooLong,
                "metadata has at most \(WriteOptions.metadataByteCountMaximum) bytes, "
                    + "this \(metadata.count)")
        }
    }

    func checkByteCount(_ byteCount: UInt64) throws(StoreError) {
        guard byteCount <= options.blobByteCountMaximum else {
            throw StoreError(
                .blobTooLarge,
                "a blob has at most \(options.blobByteCountMaximum) bytes here, "
                    + "this one at least \(byteCount)")
        }
    }
}
