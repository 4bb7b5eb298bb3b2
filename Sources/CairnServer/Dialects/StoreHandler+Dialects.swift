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
            let (key, type) = (try FileDialect.key(request), request.contentType)
            try context.operations.authorize(request, .write, key: key.rawSpan)
            return try collect(request, route == .files ? 201 : 200) { (body) throws(Problem) in
                try FileDialect.write(key, body, contentType: type)
            }
        case .upload:
            responder.mark(.write)
            let type = request.contentType
            return try collect(request) { (body) throws(Problem) in
                try UploadDialect.write(body, contentType: type)
            }
        case .putValue:
            responder.mark(.write)
            return try collect(request) { (body) throws(Problem) in try ValueDialect.write(body) }
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

    private func prepareRead(
        _ key: [UInt8], _ request: borrowing Request, _ responder: borrowing Responder
    ) throws(Problem) {
        responder.mark(.read)
        try context.operations.authorize(request, .read, key: key.rawSpan)
    }

    /// Collects a body, writes what `read` makes of it, and answers in the dialect's words.
    private func collect(
        _ request: borrowing Request, _ status: UInt16 = 200,
        _ read: @escaping @Sendable ([UInt8]) throws(Problem) -> DialectWrite
    ) throws(Problem) -> Verdict {
        let (client, context) = (try context.operations.authenticate(request), context)
        let durability = try BlobWrite.durability(request)
        return collect(atMost: context.formByteCountMaximum) { (body, responder) throws(Problem) in
            try self.answerLater(responder, to: body, status) { (body) throws(StoreError) in
                let write: DialectWrite
                do throws(Problem) {
                    write = try read(body)
                    try context.operations.authorize(client, .write, keys: [write.key])
                } catch {
                    return .failure(error)
                }
                let receipt = try context.store.put(
                    write.key.rawSpan, write.body.rawSpan.extracting(write.value),
                    WriteOptions(durability: durability, metadata: write.metadata))
                context.operations.metrics.count(.write)
                return .success(write.answer(receipt))
            }
        }
    }
}

extension Request {
    /// The only `Content-Type`; empty when there is none.
    fileprivate var contentType: [UInt8] { onlyValue(of: "content-type")?.copyBytes() ?? [] }
}

/// A blob that a dialect writes.
struct DialectWrite: Sendable {
    let key: [UInt8]
    /// The value is this part of it.
    let body: [UInt8]
    let value: Range<Int>
    let metadata: [UInt8]
    /// What the client is told.
    let answer: @Sendable (WriteReceipt) -> [UInt8]

    /// With the fields that come back with it.
    init(
        key: [UInt8], _ body: [UInt8], _ value: Range<Int>,
        fields: [(name: StaticString, value: [UInt8])],
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
        self.body = body
        self.value = value
        self.metadata = metadata
        self.answer = answer
    }
}
