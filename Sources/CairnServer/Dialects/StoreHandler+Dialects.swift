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
    /// Of a body in one piece.
    private static var bodyByteCountMaximum: Int { 64 << 20 }

    func openDialect(
        _ route: DialectRoute, _ request: borrowing Request, _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        guard route.knows(request.head.method) else {
            return answerOther(request.head.method, allowed: route.methods, &responder)
        }
        switch route {
        case .file where request.head.method != .put:
            let key = try FileDialect.key(request)
            return read(try BlobRead(request, key: key, now: Clock.wallSeconds()), &responder)
        case .files, .file:
            try BlobKey.check(try FileDialect.key(request))
            return .collect(atMost: Self.bodyByteCountMaximum)
        case .upload, .putValue: return .collect(atMost: Self.bodyByteCountMaximum)
        case .node(let range):
            let key = try BlobKey.decode(request.path.extracting(range))
            var read = try BlobRead(request, key: key, now: Clock.wallSeconds())
            read.suggestsFileName = true
            return self.read(read, &responder)
        case .value(let range):
            let key = try BlobKey.decode(request.path.extracting(range))
            let store = context.store
            return answerLater(responder) { () throws(StoreError) in
                try ValueDialect.page(of: key, store)
            }
        }
    }

    func serveDialect(
        _ route: DialectRoute, _ request: borrowing Request, _ body: RawSpan,
        _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        switch route {
        case .files, .file:
            let status: UInt16 = route == .files ? 201 : 200
            return put(try FileDialect.write(request, body), status, responder)
        case .upload: return put(try UploadDialect.write(request, body), 200, responder)
        case .putValue: return put(try ValueDialect.write(body), 200, responder)
        case .node, .value: preconditionFailure("only bodies that somebody wants are collected")
        }
    }

    /// Writes what a dialect made of a body, and answers in its words.
    private func put(
        _ write: DialectWrite, _ status: UInt16, _ responder: borrowing Responder
    ) -> Verdict {
        let context = context
        return answerLater(responder, status) { () throws(StoreError) in
            let (key, value) = (write.key, write.value)
            let receipt = try context.engine.put(
                key.rawSpan, value.rawSpan, WriteOptions(metadata: write.metadata))
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
