// StoreHandler+Dialects — requests of other systems: each is a read or a write of a blob, and an answer in their
// words.
//
// Their bodies are forms and JSON, so they are collected whole, up to a bound; `/store/` is for longer ones. On
// the loops' threads.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem
internal import CairnText

extension StoreHandler {
    func openDialect(
        _ route: DialectRoute, _ request: borrowing Request, _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        guard route.knows(request.head.method) else {
            return answerOther(request.head.method, of: route.resource, &responder)
        }
        let byteCountMaximum = context.formByteCountMaximum
        if request.head.method == .put || request.head.method == .post {
            try Self.refuseFields(request)
        }
        switch route {
        case .file where request.head.method != .put:
            let key = try FileDialect.key(request)
            try prepareRead(key, request, responder)
            return read(try BlobRead(request, key: key, now: Clock.wallSeconds()), &responder)
        case .files, .file:
            responder.mark(.write)
            let key = try FileDialect.key(request)
            try context.operations.authorize(request, .write, key: key.rawSpan)
            return .collect(atMost: byteCountMaximum)
        case .upload, .putValue:
            responder.mark(.write)
            try context.operations.authenticate(request)
            return .collect(atMost: byteCountMaximum)
        case .node(let range):
            let key = try BlobKey.decode(request.path.extracting(range))
            try prepareRead(key, request, responder)
            var read = try BlobRead(request, key: key, now: Clock.wallSeconds())
            read.suggestsFileName = true
            return self.read(read, &responder)
        case .value(let range):
            let key = try BlobKey.decode(request.path.extracting(range))
            try prepareRead(key, request, responder)
            let store = context.store
            return try answerLater(responder) { () throws(StoreError) in
                try ValueDialect.page(of: key, store)
            }
        }
    }

    /// What these routes would pass over is refused: a condition that is not looked at loses a write.
    private static func refuseFields(_ request: borrowing Request) throws(Problem) {
        let names: [StaticString] = [
            "if-match", "if-none-match", "if-unmodified-since", "content-range", "content-md5",
            "content-digest", "repr-digest", "content-encoding", "cairn-expires-in",
        ]
        for name in names where request.fieldCount(name) > 0 {
            throw Problem(.malformedField, "\(name) is for /store/ and its keys")
        }
    }

    func serveDialect(
        _ route: DialectRoute, _ request: borrowing Request, _ body: RawSpan,
        _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        let write: DialectWrite
        switch route {
        case .files, .file: write = try FileDialect.write(request, body)
        case .upload: write = try UploadDialect.write(request, body)
        case .putValue: write = try ValueDialect.write(body)
        case .node, .value: preconditionFailure("only bodies that somebody wants are collected")
        }
        return try put(write, route == .files ? 201 : 200, request, responder)
    }

    private func prepareRead(
        _ key: [UInt8], _ request: borrowing Request, _ responder: borrowing Responder
    ) throws(Problem) {
        responder.mark(.read)
        try context.operations.authorize(request, .read, key: key.rawSpan)
    }

    /// Writes what a dialect made of a body, and answers in its words.
    private func put(
        _ write: DialectWrite, _ status: UInt16, _ request: borrowing Request,
        _ responder: borrowing Responder
    ) throws(Problem) -> Verdict {
        try context.operations.authorize(request, .write, key: write.key.rawSpan)
        let (context, durability) = (context, try BlobWrite.durability(request))
        guard context.reserveUpload(write.value.count) else {
            throw Problem(.busy, "too many bodies are under way; try again")
        }
        return try answerLater(responder, status) { () throws(StoreError) in
            let (key, value) = (write.key, write.value)
            defer { context.releaseUpload(value.count) }
            let receipt = try context.store.put(
                key.rawSpan, value.rawSpan,
                WriteOptions(durability: durability, metadata: write.metadata))
            context.operations.metrics.count(.write)
            return .success(write.answer(receipt))
        }
    }
}

/// A blob that a dialect writes.
struct DialectWrite: Sendable {
    let key: [UInt8]
    let value: [UInt8]
    let metadata: [UInt8]
    /// What the client is told.
    let answer: @Sendable (WriteReceipt) -> [UInt8]

    /// With the fields that come back with it.
    init(
        key: [UInt8], value: RawSpan, fields: [(name: StaticString, value: [UInt8])],
        answer: @escaping @Sendable (WriteReceipt) -> [UInt8]
    ) throws(Problem) {
        try BlobKey.check(key)
        var metadata = BlobFields.begin(lastModified: Clock.wallNanoseconds())
        for field in fields where !field.value.isEmpty {
            guard StoredFields.canSend(field.value.rawSpan) else {
                throw Problem(.malformedRequest, "\(field.name) holds control bytes")
            }
            guard field.value.count <= 1024 else {
                throw Problem(.fieldsTooLong, "\(field.name) has more than 1,024 bytes")
            }
            BlobFields.append(field.name.rawSpan, field.value.rawSpan, to: &metadata)
        }
        self.key = key
        self.value = value.copyBytes()
        self.metadata = metadata
        self.answer = answer
    }
}
