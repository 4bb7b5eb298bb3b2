// Problem — what a client is told instead of what it asked for: RFC 9457, one line of JSON.
//
// The kind is what a program decides on and never changes its meaning; the detail is for people. What only
// the operator should know, as paths, stands in the log under the same request's number. Pure values.

package import CairnHTTP
internal import CairnSystem
internal import CairnText

/// Why a request was not carried out.
package struct Problem: Error, Sendable {
    /// Kinds, as they stand behind `urn:cairn:` in the type.
    package enum Kind: String, CaseIterable, Sendable {
        case malformedRequest = "malformed-request"
        case notFound = "not-found"
        case noRoute = "no-such-resource"
        case methodNotAllowed = "method-not-allowed"
        case exists
        case jobRunning = "job-running"
        case conditionFailed = "condition-failed"
        case changedMeanwhile = "changed-meanwhile"
        case invalidKey = "invalid-key"
        case malformedField = "malformed-field"
        case fieldsTooLong = "fields-too-long"
        case tooLarge = "blob-too-large"
        case rangeNotSatisfiable = "range-not-satisfiable"
        case digestMismatch = "digest-mismatch"
        case unauthorized
        case forbidden
        case busy
        case starting
        case readOnly = "read-only"
        case diskFull = "disk-full"
        case damaged
        case uncertain
        case outcomeUnknown = "outcome-unknown"
        case failure
    }

    /// What a program decides on.
    package let kind: Kind
    /// A sentence for people, without a full stop.
    package let detail: String
    /// Under which it was reported, if it was.
    var request: RequestID?
    /// For `WWW-Authenticate`.
    private var challenge: StaticString?
    /// Of a request that was refused before anybody looked at what it is about.
    private var refusalStatus: UInt16?

    /// A problem with its explanation, a sentence without a full stop.
    package init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    /// A request that is not served.
    package init(_ refusal: Refusal) {
        kind = refusal == .bodyTooLong ? .tooLarge : refusal == .tooBusy ? .busy : .malformedRequest
        detail = "\(refusal.reason)"
        refusalStatus = refusal.status
    }

    /// The answer's status.
    package var status: UInt16 {
        if let refusalStatus { return refusalStatus }
        return switch kind {
        case .malformedRequest, .invalidKey, .malformedField, .digestMismatch: 400
        case .unauthorized: 401
        case .forbidden: 403
        case .notFound, .noRoute: 404
        case .methodNotAllowed: 405
        case .exists, .jobRunning, .changedMeanwhile: 409
        case .conditionFailed: 412
        case .tooLarge: 413
        case .rangeNotSatisfiable: 416
        case .fieldsTooLong: 431
        case .damaged, .uncertain, .outcomeUnknown, .failure: 500
        case .busy, .starting, .readOnly: 503
        case .diskFull: 507
        }
    }

    /// The kind in words.
    package var title: StaticString {
        switch kind {
        case .malformedRequest: "The request is malformed"
        case .notFound: "There is no such blob"
        case .noRoute: "There is no such resource"
        case .methodNotAllowed: "The resource does not know the method"
        case .exists: "There is a blob of that key already"
        case .jobRunning: "Another job is running"
        case .conditionFailed: "A condition of the request does not hold"
        case .changedMeanwhile: "The blob was changed while the request was carried out"
        case .invalidKey: "The key is not valid"
        case .malformedField: "A field of the request cannot be read"
        case .fieldsTooLong: "The fields to be stored are too long"
        case .tooLarge: "The blob is too large"
        case .rangeNotSatisfiable: "The blob has no such bytes"
        case .digestMismatch: "The body is not what its digest says"
        case .unauthorized: "A token is needed"
        case .forbidden: "The token does not allow it"
        case .busy: "The server is too busy"
        case .starting: "The server is starting"
        case .readOnly: "The store takes no writes"
        case .diskFull: "The disk is full"
        case .damaged: "The blob is damaged"
        case .uncertain: "Damage may hide the blob, or a newer version of it"
        case .outcomeUnknown: "Whether the write survives is not known"
        case .failure: "The server failed"
        }
    }

    /// The same, which says how a client shows who it is.
    func challenging(_ challenge: StaticString) -> Problem {
        var problem = self
        problem.challenge = challenge
        return problem
    }

    /// What counts it, if something does.
    var counter: ServerCounter? {
        switch kind {
        case .unauthorized: .unauthenticated
        case .forbidden: .forbidden
        case .busy: .overloaded
        case .diskFull: .diskFull
        case .damaged: .damaged
        case .uncertain: .uncertain
        case .outcomeUnknown: .outcomeUnknown
        case .failure: .inputOutput
        case .conditionFailed: .writeConditionFailed
        default: nil
        }
    }

    /// Seconds after which another attempt may succeed; nil: it will not by itself.
    var retryAfter: UInt64? {
        status == 503 ? 1 : nil
    }
}

extension Problem {
    /// Answers with it; `extra` writes further fields.
    func answer(
        _ responder: inout Responder, _ operations: ServerOperations,
        _ extra: (inout Responder) -> Void = { _ in }
    ) {
        count(operations)
        responder.begin(status)
        responder.field("Content-Type", "application/problem+json")
        responder.field("Cache-Control", "no-store")
        if let retryAfter { responder.field("Retry-After", retryAfter) }
        if let challenge { responder.field("WWW-Authenticate", challenge) }
        // Who is refused for a method before there is a route is told what is allowed all the same.
        if refusalStatus == 405 {
            responder.field("Allow", "GET, HEAD, PUT, POST, DELETE, OPTIONS")
        }
        extra(&responder)
        responder.end(body(request ?? operations.requestIDs.next()).rawSpan)
    }

    /// Counts it, where the client is not told.
    func count(_ operations: ServerOperations) {
        if let counter { operations.metrics.count(counter) }
    }

    /// The body, with its line's end.
    package func body(_ request: RequestID) -> [UInt8] {
        var json = JSONWriter.object
        json.name("type")
        json.string("urn:cairn:\(kind.rawValue)")
        json.name("title")
        json.string("\(title)")
        json.name("status")
        json.number(UInt64(status))
        json.name("detail")
        json.string(detail)
        json.name("requestId")
        json.string(request.description)
        json.endObject()
        return json.line
    }
}
