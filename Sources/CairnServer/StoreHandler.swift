// StoreHandler — the routes of the server, and who serves each.
//
// Called on the loops' threads, which it does not block: whatever may wait for the disk goes to the context's
// threads. What is wrong with a request is found before its body is asked for. A request whose body is
// collected comes twice, and is read anew the second time.

package import CairnHTTP
internal import Cairn
internal import CairnSystem

/// Serves a store.
package final class StoreHandler: RequestHandler {
    let context: ServerContext

    /// Serves the context's store.
    package init(_ context: ServerContext) { self.context = context }

    package func open(_ request: borrowing Request, _ responder: inout Responder) -> Verdict {
        let route = Route(request.path)
        if context.operations.logsRequests { mark(route, request, responder) }
        return answeringProblems(&responder) { (responder) throws(Problem) in
            switch route {
            case .blob(let range):
                let key = try BlobKey.decode(request.path.extracting(range))
                return try openBlob(key, request, &responder)
            case .store: return try openStore(request, &responder)
            case .server:
                return answerOther(
                    request.head.method, allowed: "GET, HEAD, PUT, POST, DELETE, OPTIONS",
                    &responder)
            case .health: return try openHealth(request, &responder)
            case .readiness: return try openReadiness(request, &responder)
            case .status: return try openStatus(request, &responder)
            case .metrics: return try openMetrics(request, &responder)
            case .admin(let range): return try openAdmin(range, request, &responder)
            case .document: return openDocument(request, &responder)
            case .dialect(let route) where context.servesDialects:
                return try openDialect(route, request, &responder)
            case .dialect, .none:
                throw Problem(.noRoute, "blobs are at /store/ and their keys")
            }
        }
    }

    package func serve(
        _ request: borrowing Request, body: RawSpan, _ responder: inout Responder
    ) -> Verdict {
        answeringProblems(&responder) { (responder) throws(Problem) in
            switch Route(request.path) {
            case .blob(let range):
                let key = try BlobKey.decode(request.path.extracting(range))
                return try serveBlob(key, request, body, &responder)
            case .store: return try serveStore(request, body, &responder)
            case .dialect(let route):
                return try serveDialect(route, request, body, &responder)
            case .server, .health, .readiness, .status, .metrics, .admin, .document, .none:
                preconditionFailure("only bodies that somebody wants are collected")
            }
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

    private func answeringProblems(
        _ responder: inout Responder,
        _ body: (inout Responder) throws(Problem) -> Verdict
    ) -> Verdict {
        do throws(Problem) {
            return try body(&responder)
        } catch {
            error.answer(&responder, context.operations)
            return .answered
        }
    }

    // MARK: What routes share

    /// Answers OPTIONS, and refuses what is not allowed.
    func answerOther(
        _ method: CairnHTTP.Method, of resource: Resource, _ responder: inout Responder
    ) -> Verdict {
        answerOther(method, allowed: resource.methods, &responder)
    }

    private func answerOther(
        _ method: CairnHTTP.Method, allowed: StaticString, _ responder: inout Responder
    ) -> Verdict {
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

    /// Answers with the text that a thread makes which may wait for the disk.
    func answerLater(
        _ responder: borrowing Responder, _ status: UInt16 = 200,
        _ type: StaticString = "application/json",
        _ body: @escaping @Sendable () throws(StoreError) -> Result<[UInt8], Problem>
    ) -> Verdict {
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
