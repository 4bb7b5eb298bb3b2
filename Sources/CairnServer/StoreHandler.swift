// StoreHandler — the routes of the server, and who serves each.
//
// Called on the loops' threads, which it does not block: whatever may wait for the disk goes to the context's
// threads. What is wrong with a request is found before its body is asked for.

package import CairnHTTP
internal import Cairn
internal import CairnSystem

/// Serves a store.
package final class StoreHandler: RequestHandler {
    let context: ServerContext

    /// Serves the context's store.
    package init(_ context: ServerContext) { self.context = context }

    package func open(_ request: borrowing Request, _ responder: inout Responder) -> Verdict {
        var route = Route(request.path)
        if case .dialect = route, !context.servesDialects { route = .none }
        if context.operations.logsRequests { mark(route, request, responder) }
        do throws(Problem) {
            return try serve(route, request, &responder)
        } catch {
            error.answer(&responder, context.operations)
            return .answered
        }
    }

    private func serve(
        _ route: Route, _ request: borrowing Request, _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        try context.operations.refuseOtherSites(request)
        let method = request.head.method
        if let resource = route.resource, method == .options || !resource.knows(method) {
            return answerOther(method, of: resource, &responder)
        }
        switch route {
        case .blob(let range):
            let key = try BlobKey.decode(request.path.extracting(range))
            return try openBlob(key, request, &responder)
        case .store: return try openStore(request, &responder)
        case .server: return answerOther(method, of: .blob, &responder)
        case .health: return openHealth(&responder)
        case .readiness: return try openReadiness(responder)
        case .status: return try openStatus(request, &responder)
        case .metrics: return try openMetrics(request, &responder)
        case .admin(let range): return try openAdmin(range, request, &responder)
        case .document: return openDocument(&responder)
        case .page: return openPage(request, &responder)
        case .dialect(let route): return try openDialect(route, request, &responder)
        case .none:
            throw Problem(.noRoute, "blobs are at /store/ and their keys")
        }
    }

    /// Notes what a request is about, for the log.
    private func mark(
        _ route: Route, _ request: borrowing Request, _ responder: borrowing Responder
    ) {
        var key: [UInt8]?
        if case .blob(let range) = route {
            key = PercentCoding.decoded(request.path.extracting(range))
        }
        let id = context.operations.requestIDs.next()
        responder.attach(RequestSubject(id: id, route: route.name, key: key))
    }

    package func refuse(_ refusal: Refusal, _ responder: inout Responder) {
        Problem(refusal).answer(&responder, context.operations)
    }

    package func end(_ summary: ExchangeSummary) { context.operations.note(summary) }

    // MARK: What routes share

    /// Answers OPTIONS, and refuses what a resource does not know.
    private func answerOther(
        _ method: CairnHTTP.Method, of resource: Resource, _ responder: inout Responder
    ) -> Verdict {
        let allowed = resource.methods
        if method == .options {
            responder.begin(204)
            responder.field("Allow", allowed)
            responder.end()
        } else {
            let problem = Problem(.methodNotAllowed, "it knows \(allowed)")
            problem.answer(&responder, context.operations) { $0.field("Allow", allowed) }
        }
        return .answered
    }

    /// Refuses what would have to wait behind too many others.
    func refuseCrowds() throws(Problem) {
        if context.isCrowded { throw Problem(.busy, "too much waits for the disk; try again") }
    }

    /// Wants the body in one piece.
    func collect(
        atMost byteCountMaximum: Int,
        _ body: @escaping (RawSpan, inout Responder) throws(Problem) -> Verdict
    ) -> Verdict {
        .collect(atMost: byteCountMaximum, by: CollectedBody(context.operations, body))
    }

    /// Answers with the text that a thread makes of a body, which is copied for it.
    func answerLater(
        _ responder: borrowing Responder, to body: RawSpan, _ status: UInt16 = 200,
        _ text: @escaping @Sendable ([UInt8]) throws(StoreError) -> Result<[UInt8], Problem>
    ) throws(Problem) -> Verdict {
        let context = context
        try refuseCrowds()
        guard context.reserveUpload(body.byteCount) else {
            throw Problem(.busy, "too many bodies are under way; try again")
        }
        let bytes = body.copyBytes()
        return try answerLater(responder, status) { () throws(StoreError) in
            defer { context.releaseUpload(bytes.count) }
            return try text(bytes)
        }
    }

    /// Answers with the text that a thread makes which may wait for the disk.
    func answerLater(
        _ responder: borrowing Responder, _ status: UInt16 = 200,
        _ type: StaticString = "application/json",
        _ body: @escaping @Sendable () throws(StoreError) -> Result<[UInt8], Problem>
    ) throws(Problem) -> Verdict {
        try refuseCrowds()
        let (exchange, context) = (responder.exchange, context)
        context.threads.submit {
            let result: Result<[UInt8], Problem>
            do throws(StoreError) {
                result = try body()
            } catch {
                result = .failure(context.problem(error))
            }
            exchange.answer { responder in
                switch result {
                case .success(let json): responder.answer(status, type, json)
                case .failure(let problem): problem.answer(&responder, context.operations)
                }
            }
        }
        return .pending
    }
}

extension Responder {
    /// Answers that the process serves.
    mutating func answerHealth() {
        begin(200)
        field("Content-Type", "text/plain")
        field("Cache-Control", "no-store")
        end(("ok\n" as StaticString).rawSpan)
    }

    /// Answers with a text of this moment.
    mutating func answer(_ status: UInt16, _ type: StaticString, _ text: [UInt8]) {
        begin(status)
        field("Content-Type", type)
        field("Cache-Control", "no-store")
        end(text.rawSpan)
    }
}
