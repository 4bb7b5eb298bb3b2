// BlobRead — GET and HEAD of a blob: what was asked, and the answer once the blob is known.
//
// The question outlives its request, since the disk may have to be asked. The order of the checks is that
// of RFC 9110, section 13.2.2; a blob that is not there is 404 whatever was asked. Any thread; an answer
// is written on its loop's.

internal import Cairn
package import CairnHTTP
internal import CairnSystem

/// What a client wants of a blob.
package struct BlobRead: Sendable {
    let key: [UInt8]
    private let preconditions: Preconditions
    private let range: RangeRequest
    /// Of the whole blob, for the answer.
    let wantedDigest: IntegrityAlgorithm?
    /// Whether the answer names a file to be saved, when the blob says nothing of that.
    var suggestsFileName = false

    /// What the head asks; `now` is the second that it is.
    package init(
        _ request: borrowing Request, key: [UInt8], now: UInt64
    ) throws(Problem) {
        self.key = key
        do throws(MalformedTags) {
            preconditions = try Preconditions(request, now: now)
        } catch {
            throw Problem(.malformedField, "If-Match and If-None-Match hold entity tags")
        }
        range = RangeRequest(request, now: now)
        wantedDigest = IntegrityAlgorithm.wanted(by: request)
    }

    /// Answers by what was found.
    func answer(
        _ found: FoundBlob?, _ responder: inout Responder, _ context: ServerContext
    ) {
        guard let found else {
            context.operations.metrics.count(.readMiss)
            let problem = Problem(.notFound, "no blob has this key")
            return problem.answer(&responder, context.operations)
        }
        let blob = found.blob
        answer(blob.information, found.digest, &responder, context) { range, responder in
            switch blob.content {
            case .bytes(let bytes): responder.end(bytes.rawSpan, range)
            case .stream(let stream):
                stream.seek(to: range.lowerBound)
                let source = BlobSource(stream, end: range.upperBound, responder.exchange, context)
                responder.end(byteCount: range.upperBound - range.lowerBound, from: source)
            }
        }
    }

    /// Answers with a blob whose bytes are at hand.
    func answer(
        _ information: BlobInformation, _ bytes: RawSpan, _ responder: inout Responder,
        _ context: ServerContext
    ) {
        answer(information, nil, &responder, context) { range, responder in
            responder.end(bytes, range)
        }
    }

    /// `end` ends the answer with these bytes of the blob.
    private func answer(
        _ information: BlobInformation, _ digest: FoundBlob.WholeDigest?,
        _ responder: inout Responder, _ context: ServerContext,
        _ end: (Range<UInt64>, inout Responder) -> Void
    ) {
        context.operations.metrics.count(.readHit)
        let head = BlobHead(
            information, digest, BlobFields(decoding: information.metadata.rawSpan), key: key,
            suggestsFileName: suggestsFileName)
        switch preconditions.evaluate(head.validators) {
        case .proceed: send(information.byteCount, head, &responder, context, end)
        case .notModified:
            responder.begin(304)
            head.writeValidators(&responder)
            responder.end()
        case .failed:
            let problem = Problem(.conditionFailed, "the blob has another version")
            problem.answer(&responder, context.operations) { responder in
                responder.entityTag(head.validators.sequence)
            }
        }
    }

    private func send(
        _ byteCount: UInt64, _ head: borrowing BlobHead, _ responder: inout Responder,
        _ context: ServerContext, _ end: (Range<UInt64>, inout Responder) -> Void
    ) {
        let range = range.range(of: head.validators, byteCount: byteCount)
        switch range {
        case .whole:
            responder.begin(200)
            head.write(&responder)
            end(0..<byteCount, &responder)
        case .part(let part):
            responder.begin(206)
            responder.contentRange(range, byteCount: byteCount)
            head.write(&responder)
            end(part, &responder)
        case .unsatisfiable:
            let problem = Problem(.rangeNotSatisfiable, "the blob has \(byteCount) bytes")
            problem.answer(&responder, context.operations) { responder in
                responder.contentRange(range, byteCount: byteCount)
            }
        }
    }
}

extension Responder {
    fileprivate mutating func end(_ blob: RawSpan, _ range: Range<UInt64>) {
        end(blob.extracting(Int(range.lowerBound)..<Int(range.upperBound)))
    }
}

/// The fields of an answer that are the blob's.
struct BlobHead: ~Escapable {
    let validators: Validators
    private let fields: BlobFields?
    private let key: [UInt8]
    private let expiry: WallTime?
    private let digest: FoundBlob.WholeDigest?
    private let suggestsFileName: Bool

    @_lifetime(copy fields)
    init(
        _ information: BlobInformation, _ digest: FoundBlob.WholeDigest?,
        _ fields: consuming BlobFields?, key: [UInt8], suggestsFileName: Bool
    ) {
        let lastModified = fields?.lastModified
        validators = Validators(
            sequence: information.version.sequence,
            lastModified: lastModified.map { $0 / 1_000_000_000 })
        self.fields = fields
        self.key = key
        expiry = information.expiry
        self.digest = digest
        self.suggestsFileName = suggestsFileName
    }

    /// All of them.
    func write(_ responder: inout Responder) {
        writeValidators(&responder)
        var (hasType, isMarkup) = (false, false)
        fields?.forEach { name, value in
            if name.equalsIgnoringCase("content-type") {
                hasType = true
                isMarkup = value.isMarkup
            }
            if !name.equalsIgnoringCase("cache-control") { responder.field(name, value) }
        }
        if !hasType {
            let type = MediaType.guessed(fromKey: key.rawSpan)
            responder.field("Content-Type", type ?? MediaType.unknown)
            isMarkup = type?.rawSpan.isMarkup ?? false
        }
        // The status page, and whatever lets a browser in, is of the same origin: a stored document runs
        // nothing in it.
        if isMarkup { responder.field("Content-Security-Policy", "sandbox") }
        if suggestsFileName, fields?.value(of: "content-disposition") == nil {
            responder.field("Content-Disposition", Self.disposition(key).rawSpan)
        }
        if let digest {
            responder.reprDigest(digest.algorithm, digest.bytes.rawSpan)
        }
        if let expiry {
            responder.field("Cairn-Expires-In", expiry.secondsLeft)
        }
        responder.lines("Accept-Ranges: bytes\r\nX-Content-Type-Options: nosniff\r\n")
    }

    /// As a file to be saved, under the last part of the key: RFC 6266.
    private static func disposition(_ key: [UInt8]) -> [UInt8] {
        let name = Array(key.split(separator: UInt8(ascii: "/")).last ?? [])
        var text = Array("attachment; filename*=UTF-8''".utf8)
        PercentCoding.append(escaped: name.rawSpan, to: &text)
        return text
    }

    /// Those that caches want with a 304 too.
    func writeValidators(_ responder: inout Responder) {
        responder.entityTag(validators.sequence)
        if let second = validators.lastModified { responder.lastModified(second) }
        // A list may stand on several lines.
        fields?.forEach { name, value in
            if name.equalsIgnoringCase("cache-control") { responder.field(name, value) }
        }
    }
}

extension WallTime {
    /// Whole seconds from now on, rounded up.
    fileprivate var secondsLeft: UInt64 {
        let now = Clock.wallNanoseconds()
        let left = nanosecondsSince1970 > now ? nanosecondsSince1970 - now : 0
        return left / 1_000_000_000 + (left % 1_000_000_000 > 0 ? 1 : 0)
    }
}

extension RawSpan {
    /// Whether a browser may find scripts in a document of this type.
    fileprivate var isMarkup: Bool {
        // "html" and "xml", in any case.
        (2..<max(2, byteCount)).contains { end in
            let third = byte(at: end - 2) | 0x20
            return byte(at: end) | 0x20 == UInt8(ascii: "l")
                && byte(at: end - 1) | 0x20 == UInt8(ascii: "m")
                && (third == UInt8(ascii: "t") || third == UInt8(ascii: "x"))
        }
    }
}
