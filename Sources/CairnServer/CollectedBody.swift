// CollectedBody — what becomes of a body that is wanted in one piece, decided when its head is read.
//
// On the loop's thread of its exchange.

internal import CairnHTTP
internal import CairnSystem

/// Takes a body, and answers the problem that it makes.
final class CollectedBody: BodyCollector {
    private let operations: ServerOperations
    private let body: (RawSpan, inout Responder) throws(Problem) -> Verdict

    init(
        _ operations: ServerOperations,
        _ body: @escaping (RawSpan, inout Responder) throws(Problem) -> Verdict
    ) {
        self.operations = operations
        self.body = body
    }

    func take(_ bytes: RawSpan, _ responder: inout Responder) -> Verdict {
        do throws(Problem) {
            return try body(bytes, &responder)
        } catch {
            error.answer(&responder, operations)
            return .answered
        }
    }
}
