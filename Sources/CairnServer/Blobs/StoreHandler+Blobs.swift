// StoreHandler+Blobs — the methods of a blob.
//
// A small body is collected and written at once, one of up to a MiB gathered, a longer one streamed; a blob
// that is in memory is answered in the loop's thread. On the loops' threads.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem

extension StoreHandler {
    /// Bodies up to this size are written from one piece of memory.
    private static var collectedByteCountMaximum: Int { 128 << 10 }

    func openBlob(
        _ key: [UInt8], _ request: borrowing Request, _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        switch request.head.method {
        case .get, .head:
            responder.mark(.read)
            if request.head.query != nil, Query(request.query).has("history") {
                // It looks at the whole log.
                try context.operations.authorize(request, .admin)
                return try history(of: key, responder)
            }
            try context.operations.authorize(request, .read, key: key.rawSpan)
            return read(try BlobRead(request, key: key, now: Clock.wallSeconds()), &responder)
        case .put: return try begin(.replace, key, request, &responder)
        case .post: return try begin(.create, key, request, &responder)
        case .delete: return try begin(.delete, key, request, &responder)
        case .options, .patch, .trace: preconditionFailure("a blob does not know it")
        }
    }

    // MARK: Reading

    private func history(
        of key: [UInt8], _ responder: borrowing Responder
    ) throws(Problem) -> Verdict {
        let store = context.store
        return try answerLater(responder) { () throws(StoreError) in
            guard let page = try BlobHistory.page(of: key, store) else {
                return .failure(Problem(.notFound, "the log knows nothing of this key"))
            }
            return .success(page)
        }
    }

    func read(_ read: borrowing BlobRead, _ responder: inout Responder) -> Verdict {
        do throws(StoreError) {
            guard read.wantedDigest == nil else { return readFromDisk(read, responder) }
            switch try context.store.openIfCached(read.key.rawSpan) {
            case .lent(let information, let bytes):
                read.answer(information, bytes.bytes, &responder, context)
            case .found(let blob): read.answer(FoundBlob(blob), &responder, context)
            case .absent: read.answer(nil, &responder, context)
            case .unknown: return readFromDisk(read, responder)
            }
        } catch {
            context.problem(error).answer(&responder, context.operations)
        }
        return .answered
    }

    @inline(never)
    private func readFromDisk(
        _ read: borrowing BlobRead, _ responder: borrowing Responder
    ) -> Verdict {
        let (read, context, exchange) = (copy read, context, responder.exchange)
        context.threads.submit {
            let result = Result { () throws(StoreError) -> FoundBlob? in
                guard let blob = try context.store.open(read.key.rawSpan) else { return nil }
                return try FoundBlob(blob, read.wantedDigest)
            }
            exchange.answer { responder in
                switch result {
                case .success(let found): read.answer(found, &responder, context)
                case .failure(let error):
                    context.problem(error).answer(&responder, context.operations)
                }
            }
        }
        return .pending
    }

    // MARK: Writing

    /// The head of a write was read.
    private func begin(
        _ kind: BlobWrite.Kind, _ key: [UInt8], _ request: borrowing Request,
        _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        responder.mark(kind == .delete ? .delete : .write)
        try context.operations.authorize(
            request, kind == .delete ? .delete : .write, key: key.rawSpan)
        let write = try BlobWrite(request, key: key, kind, now: Clock.wallNanoseconds())
        if kind == .delete { return write.carryOut(RawSpan(), &responder, context) }
        try checkEarly(write)
        try checkTakesWrites()
        var reserved = BlobUpload.reservedByteCount
        if case .length(let byteCount) = request.head.body {
            try checkByteCount(byteCount)
            if byteCount <= UInt64(Self.collectedByteCountMaximum) {
                return .collect(
                    atMost: Self.collectedByteCountMaximum, by: CollectedWrite(write, context))
            }
            if byteCount <= UInt64(GatheredBody.byteCountMaximum) {
                return try gather(write, responder.exchange)
            }
            // The store's chunk and one piece are there for the shortest one too.
            let length = Int(clamping: min(byteCount, UInt64(reserved)))
            reserved = min(reserved, BlobUpload.leastByteCount + length)
        }
        try reserve(reserved)
        return .stream(BlobUpload(write, responder.exchange, context, reserved: reserved))
    }

    private func gather(_ write: BlobWrite, _ exchange: Exchange) throws(Problem) -> Verdict {
        try reserve(GatheredBody.byteCountMaximum)
        return .stream(GatheredBody(write, exchange, context))
    }

    /// Refuses a body for which there is no memory now.
    private func reserve(_ byteCount: Int) throws(Problem) {
        guard context.reserveUpload(byteCount) else {
            throw Problem(.busy, "too many bodies are under way; try again")
        }
    }

    /// A store that takes nothing says so before a body comes.
    private func checkTakesWrites() throws(Problem) {
        do throws(StoreError) {
            try context.store.checkTakesWrites()
        } catch {
            throw context.problem(error)
        }
    }

    /// Refuses a body that the store would refuse, before it comes.
    private func checkByteCount(_ byteCount: UInt64) throws(Problem) {
        let maximum = context.blobByteCountMaximum
        guard byteCount <= maximum else {
            throw Problem(.tooLarge, "a blob has at most \(maximum) bytes, not \(byteCount)")
        }
    }

    /// Finds a condition that does not hold before the body comes, when the blob is at hand and as durable
    /// as the write is to be. The commit decides.
    private func checkEarly(_ write: BlobWrite) throws(Problem) {
        if write.condition == Condition.none { return }
        let information: BlobInformation?
        do throws(StoreError) {
            let key = write.key
            switch try context.store.openIfCached(key.rawSpan) {
            case .unknown: return
            case .absent: information = nil
            case .lent(let lent, _): information = lent
            case .found(let blob): information = blob.information
            }
        } catch {
            // The commit decides, and tells.
            return
        }
        do throws(Problem) {
            try write.check(against: information)
        } catch {
            let durability = write.options.durability ?? context.durability
            if context.store.isSettled(for: durability) { throw error }
        }
    }
}
