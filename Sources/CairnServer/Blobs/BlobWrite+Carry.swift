// BlobWrite+Carry — carrying a write out, and its answer.
//
// A small body is written in the loop's thread, into the log's buffer, and a write that is to be on the disk is
// answered when its batch is. What has to wait first is done by a thread that may: for an old record that is
// not in memory, for room, or for a look at the blob, for conditions that the engine does not know.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem

/// How a write went.
typealias WriteResult = Result<WriteReceipt, Problem>

/// Takes the body of a write that the loop's thread makes.
final class CollectedWrite: BodyCollector {
    private let write: BlobWrite
    private let context: ServerContext

    init(_ write: BlobWrite, _ context: ServerContext) {
        self.write = write
        self.context = context
    }

    func take(_ body: RawSpan, _ responder: inout Responder) -> Verdict {
        write.carryOut(body, &responder, context)
    }
}

extension BlobWrite {
    /// Attempts for conditions that the engine does not know, while others write the same key.
    private static var attemptCountMaximum: Int { 16 }

    /// Carries the write out; `body` is that of a write that has one.
    func carryOut(
        _ body: RawSpan, _ responder: inout Responder, _ context: ServerContext
    ) -> Verdict {
        if let problem = integrityProblem(of: body) {
            problem.answer(&responder, context.operations)
            return .answered
        }
        guard condition != nil else { return carryOutLater(body, &responder, context) }
        do throws(StoreError) {
            switch try submit(body, responder.exchange, context) {
            case .done(let receipt): answer(.success(receipt), &responder, context)
            case .submitted: return .pending
            case .wouldWait: return carryOutLater(body, &responder, context)
            }
        } catch {
            answer(.failure(problem(error, context)), &responder, context)
        }
        return .answered
    }

    /// Why the body is not the one that the request tells of; nil: it is.
    private func integrityProblem(of body: RawSpan) -> Problem? {
        guard let digests = BlobDigests(integrity) else { return nil }
        digests.update(body)
        return digests.problem()
    }

    private func submit(
        _ body: RawSpan, _ exchange: Exchange, _ context: ServerContext
    ) throws(StoreError) -> PromptWrite {
        let (key, options) = (key, options(under: condition ?? .none))
        let completion = completion(exchange, context)
        if kind == .delete {
            return try context.store.deletePromptly(
                key.rawSpan, options, completion: completion)
        }
        return try context.store.putPromptly(
            key.rawSpan, body, options, completion: completion)
    }

    private func completion(
        _ exchange: Exchange, _ context: ServerContext
    ) -> @Sendable (Result<WriteReceipt, StoreError>) -> Void {
        { outcome in
            let result = outcome.mapError { self.problem($0, context) }
            exchange.answer { responder in self.answer(result, &responder, context) }
        }
    }

    // MARK: On threads that may wait

    private func carryOutLater(
        _ body: RawSpan, _ responder: inout Responder, _ context: ServerContext
    ) -> Verdict {
        guard !context.isCrowded, context.reserveUpload(body.byteCount) else {
            let problem = Problem(.busy, "too many writes wait for the disk; try again")
            problem.answer(&responder, context.operations)
            return .answered
        }
        let (exchange, body) = (responder.exchange, body.copyBytes())
        context.threads.submit {
            self.carryOutVerified(body.rawSpan, exchange, context)
            context.releaseUpload(body.count)
        }
        return .pending
    }

    /// Carries the write out on a thread that may wait, and answers the exchange. The body is borrowed for
    /// the call, however long the answer takes.
    func carryOut(_ body: RawSpan, _ exchange: Exchange, _ context: ServerContext) {
        guard let problem = integrityProblem(of: body) else {
            return carryOutVerified(body, exchange, context)
        }
        exchange.answer { responder in problem.answer(&responder, context.operations) }
    }

    private func carryOutVerified(
        _ body: RawSpan, _ exchange: Exchange, _ context: ServerContext
    ) {
        let answer = completion(exchange, context)
        guard let condition else {
            let result = result(context) { () throws(StoreError) in
                try writeLooking(body, context)
            }
            return exchange.answer { responder in self.answer(result, &responder, context) }
        }
        let (key, options) = (key, options(under: condition))
        do throws(StoreError) {
            // Without waiting for the sync: others are to be written meanwhile.
            if kind == .delete {
                try context.store.delete(key.rawSpan, options, completion: answer)
            } else {
                try context.store.put(key.rawSpan, body, options, completion: answer)
            }
        } catch {
            answer(.failure(error))
        }
    }

    private func writeLooking(
        _ body: RawSpan, _ context: ServerContext
    ) throws(StoreError) -> WriteResult {
        let (key, store) = (key, context.store)
        for _ in 0..<Self.attemptCountMaximum {
            let options: WriteOptions
            switch self.options(replacing: try store.information(key.rawSpan)) {
            case .success(let found): options = found
            case .failure(let problem): return .failure(problem)
            }
            do throws(StoreError) {
                guard kind == .delete else {
                    return .success(try store.put(key.rawSpan, body, options))
                }
                let receipt = try store.delete(key.rawSpan, options)
                return receipt.map { .success($0) } ?? Self.absent
            } catch {
                guard error.kind == .conditionFailed else { throw error }
            }
        }
        return .failure(Self.changedMeanwhile)
    }

    /// The result of something that may fail in the store.
    func result(
        _ context: ServerContext, _ body: () throws(StoreError) -> WriteResult
    ) -> WriteResult {
        do throws(StoreError) {
            return try body()
        } catch {
            return .failure(problem(error, context))
        }
    }

    // MARK: Answers

    private static var absentProblem: Problem { Problem(.notFound, "no blob has this key") }
    static var changedMeanwhile: Problem {
        Problem(.changedMeanwhile, "others write the same key; try again")
    }

    private static var absent: WriteResult { .failure(absentProblem) }

    /// Answers by what came of it.
    func answer(_ result: WriteResult, _ responder: inout Responder, _ context: ServerContext) {
        countResult(result, context.operations.metrics)
        switch result {
        case .failure(let problem): problem.answer(&responder, context.operations)
        case .success(let receipt) where kind == .delete && !receipt.replaced:
            Self.absentProblem.answer(&responder, context.operations)
        case .success(let receipt):
            responder.begin(kind == .delete || receipt.replaced ? 204 : 201)
            if kind != .delete { responder.entityTag(receipt.version.sequence) }
            if kind != .delete, !receipt.replaced { responder.field("Location", location.rawSpan) }
            responder.field("Cairn-Durability", durability(context).word)
            responder.end()
        }
    }

    private func countResult(_ result: WriteResult, _ metrics: Metrics) {
        guard kind == .delete else {
            if case .success = result { metrics.count(.write) }
            return
        }
        switch result {
        case .success(let receipt): metrics.count(receipt.replaced ? .deleteHit : .deleteMiss)
        case .failure(let problem): if problem.kind == .notFound { metrics.count(.deleteMiss) }
        }
    }

    private func durability(_ context: ServerContext) -> Durability {
        options.durability ?? context.durability
    }

    private var location: [UInt8] {
        let key = key
        var text: [UInt8] = []
        text.reserveCapacity(key.count + 32)
        text.append(copying: ("/store/" as StaticString).rawSpan)
        PercentCoding.append(escaped: key.rawSpan, to: &text)
        return text
    }
}

extension Durability {
    /// As it stands in fields.
    var word: StaticString {
        switch self {
        case .synced: "synced"
        case .os: "os"
        case .interval: "interval"
        }
    }
}
