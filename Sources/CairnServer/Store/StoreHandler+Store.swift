// StoreHandler+Store — the store itself: listing its keys, deleting many, and whether it is well.
//
// On the loops' threads.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem

extension StoreHandler {
    /// Of a list of keys.
    private static var listByteCountMaximum: Int { 4 << 20 }

    func openStore(
        _ request: borrowing Request, _ responder: inout Responder
    ) throws(Problem) -> Verdict {
        switch request.head.method {
        case .get, .head:
            responder.mark(.list)
            let (listing, store) = (try StoreListing(request), context.store)
            try context.operations.authorize(request, .list, key: listing.prefix.rawSpan)
            context.operations.metrics.count(.listing)
            return try answerLater(responder) { () throws(StoreError) in
                .success(try listing.page(store))
            }
        case .post:
            guard Query(request.query).has("delete") else {
                throw Problem(.malformedRequest, "a POST to the store says what it does: ?delete")
            }
            responder.mark(.delete)
            return try collectList(request)
        case .put, .delete, .options, .patch, .trace:
            preconditionFailure("the store does not know it")
        }
    }

    private func collectList(_ request: borrowing Request) throws(Problem) -> Verdict {
        let (client, context) = (try context.operations.authenticate(request), context)
        let durability = try BlobWrite.durability(request)
        return collect(atMost: Self.listByteCountMaximum) { (body, responder) throws(Problem) in
            try self.answerLater(responder, to: body) { (body) throws(StoreError) in
                let delete: BatchDelete
                do throws(Problem) {
                    delete = try BatchDelete(body.rawSpan, durability: durability)
                    try context.operations.authorize(client, .delete, keys: delete.keys)
                } catch {
                    return .failure(error)
                }
                return .success(try delete.carryOut(context.store))
            }
        }
    }

    // MARK: Health

    /// The process serves.
    func openHealth(_ responder: inout Responder) -> Verdict {
        responder.answerHealth()
        return .answered
    }

    /// The store is there, reads and writes.
    func openReadiness(_ responder: borrowing Responder) throws(Problem) -> Verdict {
        let context = context
        return try answerLater(responder) { () throws(StoreError) in
            if let problem = context.refusalOfPuts() { return .failure(problem) }
            return .success(Array("{\"ready\":true}\n".utf8))
        }
    }

    // MARK: Description

    /// This server, described to programs.
    func openDocument(_ responder: inout Responder) -> Verdict {
        responder.answer(200, "application/json", PackageResources.openapi_json)
        return .answered
    }
}
