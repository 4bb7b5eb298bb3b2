// Batches: all conditions are decided, then all records appended, in one critical section.
//
// The records stand side by side in one segment and go to the disk in one write; each says which
// batch it belongs to, which member it is and how many there are, so that opening takes all or
// none. Values larger than a chunk are staged as chunks first; only their composites join.
// Spec: Format.md, "Batches"; Engine.md, "Batches".

internal import CairnFormat
internal import CairnSystem

/// A batch's records, encoded but for what their place decides.
struct BatchImage {
    let members: [Member]
    let bytes: AlignedBuffer
    let byteCount: Int

    struct Member {
        let header: RecordHeader
        let intent: Intent
        let key: [UInt8]
        let offset: Int
        var examined = Examined()
    }
}

extension Engine {
    /// Applies a batch whole or not at all; returns a receipt for each member, in order, when it
    /// is as durable as asked. A member that deletes what is not there changes nothing. When a
    /// condition does not hold nothing is changed and that error is thrown.
    package func apply(
        _ batch: Batch, durability: Durability? = nil
    ) throws(StoreError) -> [WriteReceipt] {
        try checkBatch(batch)
        if batch.members.isEmpty { return [] }
        let durability = durability ?? options.durability
        var staged: [Int: Composite] = [:]
        var isDone = false
        defer { if !isDone { staged.values.forEach { withdraw($0) } } }
        let dependency = UploadFailure()
        for (number, member) in batch.members.enumerated() {
            guard case .put(let value, _, _) = member.action,
                value.count > tuning.chunkByteCount
            else { continue }
            staged[number] = try stage(value, dependency)
        }
        let isPutting = batch.members.contains { member in
            if case .put = member.action { true } else { false }
        }
        let batchID = try inReserve(unless: isPutting) { () throws(StoreError) in
            try reserveSequence()
        }
        var receipts: [WriteReceipt] = []
        for part in parts(of: batch) {
            let image = try encode(batch, part, staged, batchID, durability, dependency)
            receipts += try inReserve(unless: isPutting) { () throws(StoreError) in
                try apply(image)
            }
            isDone = true
        }
        armKeeper(for: durability)
        return receipts
    }

    /// A batch that only deletes is tried once more on a full disk: nothing of it was appended, and
    /// RESERVE was given up since.
    private func inReserve<Result>(
        unless isPutting: Bool, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        do {
            return try body()
        } catch {
            guard error.kind == .diskFull, !isPutting else { throw error }
        }
        return try body()
    }

    /// A batch is appended in one part; the planted fault makes two, each in its own segment.
    private func parts(of batch: Batch) -> [Range<Int>] {
        guard PlantedBug.batchSpansSegments.isPlanted, batch.count > 1 else {
            return [0..<batch.count]
        }
        return [0..<1, 1..<batch.count]
    }

    private func apply(_ image: BatchImage) throws(StoreError) -> [WriteReceipt] {
        let scratch = WriteScratch.take()
        defer { scratch.giveBack() }
        scratch.waiter.reset()
        let applied = try append(image, scratch)
        if applied.isPending { _ = try self.await(scratch.waiter) }
        return applied.receipts
    }

    private func checkBatch(_ batch: Batch) throws(StoreError) {
        guard batch.count <= Batch.recordCountMaximum else {
            throw StoreError(
                .invalidBatch,
                "a batch has at most \(Batch.recordCountMaximum) records, not \(batch.count)")
        }
        var keys: Set<Key> = []
        var byteCount = 0
        for member in batch.members {
            try checkKey(member.key.bytes.rawSpan)
            guard keys.insert(member.key).inserted else {
                throw StoreError(.invalidBatch, "the batch names \(member.key) twice")
            }
            byteCount += member.key.bytes.count + RecordHeader.byteCount
            guard case .put(let value, let metadata, _) = member.action else { continue }
            try checkMetadata(metadata)
            try checkByteCount(UInt64(value.count))
            byteCount += value.count + metadata.count
        }
        guard byteCount <= Batch.byteCountMaximum else {
            throw StoreError(
                .invalidBatch,
                "a batch has at most \(Batch.byteCountMaximum) bytes, not \(byteCount)")
        }
    }

    // MARK: Preparing

    /// Writes a large value's chunks ahead of the batch.
    private func stage(
        _ value: [UInt8], _ dependency: UploadFailure
    ) throws(StoreError) -> Composite {
        let composite = Composite(
            blobID: try reserveSequence(), totalByteCount: UInt64(value.count),
            chunkByteCount: tuning.chunkByteCount)
        let scratch = WriteScratch.take()
        defer { scratch.giveBack() }
        do {
            for number in 0..<composite.chunkCount {
                let range = composite.range(ofChunk: number)
                try appendChunk(
                    ChunkKey(blobID: composite.blobID, chunkNumber: number),
                    value.rawSpan.extracting(Int(range.lowerBound)..<Int(range.upperBound)),
                    scratch, dependency)
            }
        } catch {
            withdraw(composite)
            throw error
        }
        return composite
    }

    private func withdraw(_ composite: Composite) {
        retireBlob(
            BlobExtent(blobID: composite.blobID, chunkCount: UInt64(composite.chunkCount)))
    }

    private func encode(
        _ batch: Batch, _ part: Range<Int>, _ staged: [Int: Composite], _ batchID: UInt64,
        _ durability: Durability, _ dependency: UploadFailure
    ) throws(StoreError) -> BatchImage {
        var bytes: [UInt8] = []
        var members: [BatchImage.Member] = []
        let scratch = WriteScratch.take()
        defer { scratch.giveBack() }
        for number in part {
            let member = batch.members[number]
            let membership = BatchMembership(
                batchID: batchID, index: UInt32(number), count: UInt32(batch.count))
            members.append(
                encode(
                    member, staged[number], membership, durability, dependency, scratch,
                    into: &bytes))
        }
        let image = AlignedBuffer(byteCount: max(bytes.count, 8))
        image.copy(from: bytes.rawSpan, to: 0)
        return BatchImage(members: members, bytes: image, byteCount: bytes.count)
    }

    private func encode(
        _ member: Batch.Member, _ composite: Composite?, _ membership: BatchMembership,
        _ durability: Durability, _ dependency: UploadFailure, _ scratch: WriteScratch,
        into bytes: inout [UInt8]
    ) -> BatchImage.Member {
        let key = member.key.bytes
        var header = RecordHeader(
            sequence: 0, type: .delete, flags: .batchMember, keyByteCount: key.count)
        var user: [UInt8] = []
        var expiry: WallTime?
        var payload: [UInt8] = []
        if case .put(let value, let metadata, let time) = member.action {
            user = metadata
            expiry = time
            payload = stored(value, composite, &header, scratch)
        }
        let metadataByteCount = scratch.encodeMetadata(
            user: user.rawSpan, expiry: expiry, batch: membership)
        header.metadataByteCount = metadataByteCount
        let offset = bytes.count
        let metadata = scratch.metadataBuffer
        bytes.append(contentsOf: repeatElement(0, count: RecordHeader.byteCount))
        bytes.append(contentsOf: key)
        bytes.append(copying: metadata.bytes(0..<metadataByteCount))
        bytes.append(contentsOf: payload)
        bytes.append(
            contentsOf: repeatElement(0, count: offset + header.recordByteCount - bytes.count))
        var intent = Intent(
            action: header.type.pendingAction, hash: hash(key.rawSpan),
            condition: member.condition, durability: durability)
        intent.dependency = dependency
        intent.expiry = expiry.stored
        intent.extent = composite.map {
            BlobExtent(blobID: $0.blobID, chunkCount: UInt64($0.chunkCount))
        }
        return BatchImage.Member(header: header, intent: intent, key: key, offset: offset)
    }

    /// The stored payload of a member that puts; describes it in `header`.
    private func stored(
        _ value: [UInt8], _ composite: Composite?, _ header: inout RecordHeader,
        _ scratch: WriteScratch
    ) -> [UInt8] {
        var stored: [UInt8] = []
        if let composite {
            stored = [UInt8](repeating: 0, count: Composite.byteCount)
            stored.withMutableRawSpan { composite.encode(into: &$0) }
            header.type = .composite
            header.rawByteCount = stored.count
            header.payloadCRC = Checksum.crc32c(stored.rawSpan)
        } else {
            let payload = scratch.prepare(
                value.rawSpan, compresses: options.compresses,
                blockByteCount: tuning.blockByteCount)
            let output = scratch.output
            stored.append(copying: output.bytes(0..<payload.outputByteCount))
            if payload.usesSource { stored.append(contentsOf: value) }
            header.type = .put
            header.codec = payload.codec
            header.flags.formUnion(payload.flags)
            header.rawByteCount = payload.rawByteCount
            header.payloadCRC = payload.payloadCRC
        }
        header.storedByteCount = stored.count
        return stored
    }
}

extension RecordType {
    fileprivate var pendingAction: PendingEntry.Action {
        switch self {
        case .put: .put
        case .composite: .composite
        case .chunk: .chunk
        case .delete, .mark, .seal: .delete
        }
    }
}
