// ServerOperations — what the operator has in hand: the log, the figures, who may do what, names of requests.
//
// There from before the store is opened until behind its end. Any thread.

internal import CairnHTTP
internal import CairnSystem

/// The operator's side of a server.
package final class ServerOperations: Sendable {
    package let log: Log
    package let metrics = Metrics()
    package let access: AccessKeeper
    let requestIDs = RequestIDs()
    let logsRequests: Bool
    let startNanoseconds = Clock.monotonicNanoseconds()

    /// With the log and the tokens that were read.
    package init(log: Log, access: AccessKeeper, logsRequests: Bool) {
        self.log = log
        self.access = access
        self.logsRequests = logsRequests
    }

    /// Whether a request may do this with a key; of a listing, with its prefix.
    func authorize(
        _ request: borrowing Request, _ permission: Permissions, key: RawSpan
    ) throws(Problem) {
        let answer = access.list.answer(to: request)
        try check(answer, isAllowed: answer.allows(permission, key: key))
    }

    /// Who it is from, if it bears a token where one is needed; what that allows is asked later.
    func authenticate(_ request: borrowing Request) throws(Problem) -> AccessAnswer {
        let answer = access.list.answer(to: request)
        try check(answer, isAllowed: true)
        return answer
    }

    /// Whether somebody may do this with all of these keys.
    func authorize(
        _ answer: AccessAnswer, _ permission: Permissions, keys: [[UInt8]]
    ) throws(Problem) {
        try check(answer, isAllowed: keys.allSatisfy { answer.allows(permission, key: $0.rawSpan) })
    }

    /// Whether it may do what is about the whole store.
    func authorize(_ request: borrowing Request, _ permission: Permissions) throws(Problem) {
        let answer = access.list.answer(to: request)
        try check(answer, isAllowed: answer.allows(permission))
    }

    private func check(_ answer: AccessAnswer, isAllowed: Bool) throws(Problem) {
        if let challenge = answer.challenge {
            throw Problem(.unauthorized, "a token is sent as Authorization: Bearer")
                .challenging(challenge)
        }
        guard isAllowed else {
            throw Problem(.forbidden, "the token does not allow this, or not for this key")
                .challenging(AccessAnswer.insufficient)
        }
    }

    /// Refuses what a page of another site makes a browser send, where nobody needs a token: whoever can open
    /// a page in front of this machine could write to the store.
    func refuseOtherSites(_ request: borrowing Request) throws(Problem) {
        switch request.head.method {
        case .get, .head, .options: return
        case .put, .post, .delete, .patch, .trace: break
        }
        guard access.list.tokenCount == nil, let origin = request.field("origin"),
            !origin.isOrigin(of: request.host)
        else { return }
        throw Problem(.forbidden, "a page of another site has no say here")
    }

    /// Counts and logs an exchange that has ended.
    func note(_ summary: ExchangeSummary) {
        guard let status = summary.status else { return }
        metrics.countRequest(summary.method, status: status)
        let timer = ServerTimer(rawValue: Int(summary.tag)) ?? .other
        metrics.time(timer, nanoseconds: summary.nanoseconds)
        metrics.count(.receivedBytes, summary.receivedByteCount)
        metrics.count(.sentBytes, summary.sentByteCount)
        guard let subject = summary.attachment as? RequestSubject else { return }
        var record = RequestRecord(
            id: subject.id, method: summary.method, route: subject.route, status: status)
        record.key = subject.key
        record.receivedByteCount = summary.receivedByteCount
        record.sentByteCount = summary.sentByteCount
        record.nanoseconds = summary.nanoseconds
        log.request(record, logsAll: logsRequests)
    }
}

extension Responder {
    /// Says what is timed.
    func mark(_ timer: ServerTimer) { mark(UInt8(timer.rawValue)) }
}

extension RawSpan {
    /// Whether these are a scheme and this host with its port.
    fileprivate func isOrigin(of host: RawSpan) -> Bool {
        let start = byteCount - host.byteCount
        return start > 3 && extracting(start..<byteCount).isEqual(to: host)
            && extracting(start - 3..<start).isEqual(to: ("://" as StaticString).rawSpan)
    }
}

/// What a request that is logged is about.
final class RequestSubject: Sendable {
    let id: RequestID
    let route: StaticString
    let key: [UInt8]?

    init(id: RequestID, route: StaticString, key: [UInt8]?) {
        self.id = id
        self.route = route
        self.key = key
    }
}
