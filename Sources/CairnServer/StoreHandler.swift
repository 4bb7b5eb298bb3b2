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
        answeringProblems(&responder) { (responder) throws(Problem) in
            switch Route(request.path) {
            case .blob(let range):
                let key = try BlobKey.decode(request.path.extracting(range))
                return try openBlob(key, request, &responder)
            case .store: return try openStore(request, &responder)
            case .health: return try openHealth(request, &responder)
            case .readiness: return try openReadiness(request, &responder)
            case .none: throw Problem(.noRoute, "blobs are at /store/ and their keys")
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
            case .health, .readiness, .none:
                preconditionFailure("only bodies that somebody wants are collected")
            }
        }
    }

    package func refuse(_ refusal: Refusal, _ responder: inout Responder) {
        Problem(refusal).answer(&responder, context)
    }

    private func answeringProblems(
        _ responder: inout Responder,
        _ body: (inout Responder) throws(Problem) -> Verdict
    ) -> Verdict {
        do throws(Problem) {
            return try body(&responder)
        } catch {
            error.answer(&responder, context)
            return .answered
        }
    }

    // MARK: What routes share

    /// Answers OPTIONS, and refuses what is not allowed.
    func answerOther(
        _ method: CairnHTTP.Method, allowed: StaticString, _ responder: inout Responder
    ) -> Verdict {
        if method == .options {
            responder.begin(204)
            responder.field("Allow", allowed)
            responder.end()
        } else {
            let problem = Problem(.methodNotAllowed, "it knows \(allowed)")
            problem.answer(&responder, context) { $0.field("Allow", allowed) }
        }
        return .answered
    }

    /// Answers with the JSON that a thread makes which may wait for the disk.
    func answerLater(
        _ responder: borrowing Responder,
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
                case .success(let json): responder.answer(json: json)
                case .failure(let problem): problem.answer(&responder, context)
                }
            }
        }
        return .pending
    }
}

extension Responder {
    /// Answers with JSON.
    mutating func answer(_ status: UInt16 = 200, json: [UInt8]) {
        begin(status)
        field("Content-Type", "application/json")
        field("Cache-Control", "no-store")
        end(json.rawSpan)
    }
}
