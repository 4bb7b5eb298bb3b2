// Updates: other metadata, or another expiry, for the same bytes.
//
// A large blob gets a new composite record over the same chunks; a small one is written again. Either is
// an ordinary write on the condition that the blob is still the one that was looked at; when it is not,
// everything that was appended is settled and the update begins anew. So one of two that meet always gets
// on. Blocking; any thread that holds no lock. Spec: Engine.md, "Expiry".

internal import CairnFormat
internal import CairnSystem

extension Engine {
    /// Gives a blob other metadata or another expiry; `metadata` nil: the ones it has. Nil when there is
    /// no such blob. Returns when that is as durable as asked.
    package func update(
        _ key: RawSpan, metadata: [UInt8]? = nil, expiry: ExpiryChange = .keep,
        _ options: WriteOptions = WriteOptions()
    ) throws(StoreError) -> WriteReceipt? {
        try checkKey(key)
        try checkMetadata(metadata ?? [])
        let durability = options.durability ?? self.options.durability
        while true {
            guard let present = try present(key) else {
                try checkWritable()
                try settleAnswer(durability)
                if !options.condition.holds(for: nil) { throw LogState.conditionFailed(key, nil) }
                return nil
            }
            guard options.condition.holds(for: present.information.version.sequence) else {
                try settleAnswer(durability)
                throw LogState.conditionFailed(key, present.information.version.sequence)
            }
            do {
                return try rewrite(key, present, metadata, expiry, durability)
            } catch {
                guard error.kind == .conditionFailed else { throw error }
            }
            // Somebody else was quicker. What decides may not be readable before it is written.
            try flush()
        }
    }

    /// A blob as an update finds it.
    private struct Present {
        let information: BlobInformation
        /// Of a large blob.
        var composite: Composite?
        /// Of a small one.
        var bytes: [UInt8] = []
    }

    private func present(_ key: RawSpan) throws(StoreError) -> Present? {
        guard let stream = try stream(key) else { return nil }
        let information = stream.information
        // It need not stay pinned: the condition of the write says that the blob is still there.
        if let composite = stream.composite {
            return Present(information: information, composite: composite)
        }
        return Present(
            information: information,
            bytes: try stream.read(byteCountMaximum: Int(information.byteCount)))
    }

    private func rewrite(
        _ key: RawSpan, _ present: Present, _ metadata: [UInt8]?, _ expiry: ExpiryChange,
        _ durability: Durability
    ) throws(StoreError) -> WriteReceipt {
        let information = present.information
        let options = WriteOptions(
            durability: durability, condition: .matches(information.version),
            metadata: metadata ?? information.metadata,
            expiry: expiry.applied(to: information.expiry))
        guard let composite = present.composite else {
            let bytes = present.bytes
            return try put(key, bytes.rawSpan, options)
        }
        let scratch = WriteScratch.take()
        defer { scratch.giveBack() }
        scratch.waiter.reset()
        let receipt = try appendComposite(
            composite, key, options, scratch, .waiter(scratch.waiter), UploadFailure(),
            isUpdate: true)
        if let receipt { return receipt }
        return try self.await(scratch.waiter)
    }

    private func checkWritable() throws(StoreError) {
        lock.lock()
        let refusal = state.refusal()
        lock.unlock()
        if let refusal { throw refusal }
    }
}

extension ExpiryChange {
    fileprivate func applied(to expiry: WallTime?) -> WallTime? {
        switch self {
        case .keep: expiry
        case .never: nil
        case .at(let time): time
        }
    }
}
