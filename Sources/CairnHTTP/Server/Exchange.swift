// Exchange — what a server and whoever serves its requests say to each other.
//
// A handler is called on a loop's thread and must not block it: it answers, or says that it wants the body,
// or that the answer comes later, from any thread. Calls for one connection never overlap. An exchange
// that has ended is known by its number, so that a late answer does no harm.

internal import CairnSystem

/// A request while it is served, for whoever answers it later; afterwards it is nothing. Any thread.
package struct Exchange: Sendable {
    let loop: EventLoop
    let number: ExchangeNumber

    /// Answers a request of which a handler said that it is pending; on its loop's thread, some time after
    /// this call. Nothing happens when the client has gone.
    package func answer(_ body: @escaping @Sendable (inout Responder) -> Void) {
        loop.answer(number, body)
    }

    /// Asks a source for more again, or lets a receiver have more.
    package func resume() { loop.resume(number) }
}

/// Names a request of a loop.
struct ExchangeNumber: Hashable, Sendable, BitwiseCopyable {
    let slot: UInt32
    let generation: UInt32
    /// Of the connection's requests.
    var request: UInt32 = 0
}

/// What a handler decided.
package enum Verdict {
    /// The responder was used.
    case answered
    /// The responder's exchange will be answered, from any thread.
    case pending
    /// The body is wanted in one piece, if it has no more bytes.
    case collect(atMost: Int, by: any BodyCollector)
    /// The body is wanted as it comes.
    case stream(any BodyReceiver)
}

/// Whoever serves requests.
package protocol RequestHandler: AnyObject, Sendable {
    /// A head has come. The body, if there is one, is read when it is asked for; a client that waits for
    /// that is told to go on only then. An answer without asking for it ends the connection, unless the
    /// body is short.
    func open(
        _ request: borrowing Request, _ responder: inout Responder
    ) -> Verdict

    /// Answers a request that nobody serves. The connection ends behind it.
    func refuse(_ refusal: Refusal, _ responder: inout Responder)

    /// A request that was opened has its whole answer, or never will. For counting and logging.
    func end(_ summary: ExchangeSummary)
}

extension RequestHandler {
    /// Who does not count.
    package func end(_ summary: ExchangeSummary) {}
}

/// What became of a request.
package struct ExchangeSummary {
    package let method: Method
    /// Nil: the client has gone, or the answer broke off.
    package let status: UInt16?
    /// Bytes of the request's body that were taken.
    package let receivedByteCount: UInt64
    /// Bytes of the answer's body.
    package let sentByteCount: UInt64
    /// From the end of the head on.
    package let nanoseconds: UInt64
    /// See `Responder.mark`.
    package let tag: UInt8
    /// See `Responder.attach`.
    package let attachment: AnyObject?
}

/// Takes a body in one piece; of one exchange, on its loop's thread.
package protocol BodyCollector: AnyObject {
    /// All of the body; the verdict is `answered` or `pending`.
    func take(_ body: RawSpan, _ responder: inout Responder) -> Verdict
}

/// Takes a body as it comes; of one exchange, on its loop's thread.
package protocol BodyReceiver: AnyObject {
    /// The next bytes. False: no more until `Exchange.resume`.
    func receive(_ bytes: RawSpan) -> Bool
    /// Lets `body` put the next bytes, at most so many, into the receiver's own memory, which saves a copy;
    /// `body` returns how many it put to the front. Otherwise as the other form. Nil, and `body` not
    /// called, by a receiver without such memory: it gets them by the other form.
    func receive(upTo byteCount: Int, _ body: (inout MutableRawSpan) -> Int) -> Bool?
    /// The body is whole; the verdict is `answered` or `pending`.
    func finish(_ responder: inout Responder) -> Verdict
    /// The body will never be whole.
    func abandon()
}

extension BodyReceiver {
    /// Who has no memory of its own.
    package func receive(upTo byteCount: Int, _ body: (inout MutableRawSpan) -> Int) -> Bool? {
        nil
    }
}

/// What a source has done.
package enum Production {
    /// Bytes were appended, and there are more.
    case some
    /// The last bytes were appended; when that is too early, the connection ends.
    case end
    /// There are none yet: `Exchange.resume` will be called.
    case later
    /// There will be no more. Before the first byte another answer is asked for; later the connection
    /// ends, so that the client sees that the body is cut short.
    case broken
}

/// Makes a body as the client takes it; of one exchange, on its loop's thread.
package protocol BodySource: AnyObject {
    /// Appends about so many bytes, never more than the body's length in all.
    func produce(_ byteCount: Int, into output: inout ByteQueue) -> Production
    /// It broke before its first byte, and nothing of the answer was sent: answers what is the matter.
    func explain(_ responder: inout Responder)
    /// The client has gone.
    func abandon()
}
