// Connection+Requests — from bytes to requests, from requests to answers.
//
// `progress` does one step after the other until bytes are missing, room is missing, or somebody else is
// to go on. The loop's thread.

internal import CairnSystem

extension Connection {
    /// A body that is read to its end although nobody wants it, so that the connection can stay.
    private static var discardByteCountMaximum: UInt64 { 64 << 10 }

    /// Goes as far as it can.
    func progress() {
        repeat {
            hasUnreadRequests = false
            while step() {}
            send()
        } while hasUnreadRequests && !hasOutput && shareLeft > 0
    }

    /// False when there is nothing to do for now.
    private func step() -> Bool {
        switch phase {
        case .head: stepHead()
        case .collecting(let collector): stepCollecting(collector)
        case .streaming(let receiver): !isPaused && stepStreaming(receiver)
        case .discarding: stepDiscarding()
        case .pending, .producing, .closing, .lingering, .closed: false
        }
    }

    // MARK: Heads

    private func stepHead() -> Bool {
        if buffers.input.isEmpty { return false }
        guard buffers.output.count < Self.outputByteCountMaximum, shareLeft > 0 else {
            hasUnreadRequests = true
            return false
        }
        let input = buffers.input
        switch buffers.scanner.advance(in: input.bytes, limits: limits.request) {
        case .incomplete: return false
        case .refused(let refusal): refuse(refusal)
        case .complete(let end): open(buffers.scanner.start..<end)
        }
        return true
    }

    var limits: ServerLimits { loop.shared.limits }

    /// A head is whole.
    private func open(_ range: Range<Int>) {
        let input = buffers.input
        let bytes = input.bytes.extracting(range)
        do throws(Refusal) {
            try HeadParser.parse(bytes, limits: limits.request, into: &buffers.head)
        } catch {
            return refuse(error)
        }
        shareLeft -= Self.requestShareByteCount
        beginBody(buffers.head.body)
        ledger.open()
        var responder = Responder(self, closes: !mayStay(unread: true))
        let request = Request(buffers.head, in: bytes)
        let verdict = loop.shared.handler.open(request, &responder)
        buffers.input.removeFirst(range.upperBound)
        switch verdict {
        case .collect(let byteCountMaximum, let collector):
            collect(atMost: byteCountMaximum, by: collector)
        case .stream(let receiver):
            phase = .streaming(receiver)
            inviteBody()
        case .answered, .pending: finish(verdict, responder)
        }
    }

    private func beginBody(_ framing: BodyFraming) {
        beginWait()
        switch framing {
        case .length(let count): bodyLeft = count
        case .chunked:
            bodyLeft = 0
            buffers.decoder = ChunkedDecoder(limits: limits.request)
        }
    }

    /// Whether another request may follow; `unread`: although the body was not asked for.
    func mayStay(unread: Bool) -> Bool {
        let head = buffers.head
        guard head.isPersistent, !loop.isStopping else { return false }
        guard unread else { return true }
        guard case .length(let count) = head.body else { return false }
        return count <= Self.discardByteCountMaximum && !head.expectsContinue
    }

    /// Whether the connection ends behind an answer that comes later.
    var closesAnswer: Bool { !mayStay(unread: hasUnreadBody) }

    private var hasUnreadBody: Bool {
        buffers.head.body == .chunked ? !buffers.decoder.hasEnded : bodyLeft > 0
    }

    /// Tells a client that waits for it to send its body.
    func inviteBody() {
        guard buffers.head.expectsContinue, buffers.input.isEmpty else { return }
        buffers.output.append("HTTP/1.1 100 Continue\r\n\r\n")
        send()
    }

    /// Answers what cannot be served; nothing more is read.
    func refuse(_ refusal: Refusal) {
        var responder = Responder(self, closes: true)
        loop.shared.handler.refuse(refusal, &responder)
        precondition(responder.hasEnded, "a refusal is answered at once")
        endAnswer()
    }

    // MARK: Ends

    /// The handler has decided, for the last time in this request.
    func finish(_ verdict: Verdict, _ responder: borrowing Responder) {
        switch verdict {
        case .answered:
            precondition(responder.hasEnded, "what is answered has a whole answer")
            endAnswer()
        case .pending:
            precondition(responder.isUnused, "who answers later has not begun to")
            phase = .pending
        case .collect, .stream:
            preconditionFailure("a body is asked for once")
        }
    }

    /// The answer is whole, but for a body that is to be made.
    func endAnswer() {
        releaseBody()
        beginWait()
        if source != nil {
            phase = .producing
        } else {
            endExchange()
        }
    }

    /// The answer is whole.
    func endExchange() {
        endRequest()
        if closesBehindAnswer {
            phase = .closing
        } else if hasUnreadBody {
            phase = .discarding
        } else {
            beginNextRequest()
        }
    }

    func beginNextRequest() {
        phase = .head
        buffers.beginRequest()
        beginWait()
    }
}
