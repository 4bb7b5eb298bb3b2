// StartingHandler — serves while the store is being opened, and hands over when it is.
//
// The server listens before anything of the store is touched, so that a port that is taken is found first, and so
// that somebody who asks learns how far the index is loaded. The page is there already, and shows that. Any thread.

package import CairnHTTP
package import Cairn
internal import CairnSystem
internal import CairnText
internal import Synchronization

// Sendable: `next` is written once, before `isOpen` publishes it, and read only behind it.
/// A handler until there is another one.
package final class StartingHandler: RequestHandler, @unchecked Sendable {
    private var next: StoreHandler?
    private let isOpen = Atomic<Bool>(false)
    private let progress = Guarded<OpeningProgress?>(nil)
    private let operations: ServerOperations

    /// Nothing is there yet.
    package init(_ operations: ServerOperations) { self.operations = operations }

    /// How far opening has come; for `StoreOptions.progress`.
    package func note(_ progress: OpeningProgress) {
        self.progress.withLock { $0 = progress }
    }

    /// From now on this one serves. Once.
    package func handOver(to handler: StoreHandler) {
        precondition(next == nil, "a store is opened once")
        next = handler
        isOpen.store(true, ordering: .releasing)
    }

    private var handler: StoreHandler? { isOpen.load(ordering: .acquiring) ? next : nil }

    package func open(_ request: borrowing Request, _ responder: inout Responder) -> Verdict {
        if let handler { return handler.open(request, &responder) }
        let isRead = request.head.method == .get || request.head.method == .head
        switch Route(request.path) {
        case .health: responder.answerHealth()
        case .page where isRead: StatusPage.answer(request, &responder)
        default: problem.answer(&responder, operations)
        }
        return .answered
    }

    package func refuse(_ refusal: Refusal, _ responder: inout Responder) {
        Problem(refusal).answer(&responder, operations)
    }

    package func end(_ summary: ExchangeSummary) { operations.note(summary) }

    private var problem: Problem {
        let progress = progress.withLock { $0 }
        let known = progress.map { ": \(Units.grouped($0.keyCount)) keys so far" } ?? ""
        return Problem(.starting, "the store is being opened\(known)")
    }
}
