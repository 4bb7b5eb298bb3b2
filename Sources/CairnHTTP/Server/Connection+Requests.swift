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
        case .collecting: stepCollecting()
        case .streaming(let receiver): !isPaused && stepStreaming(receiver)
        case .discarding: stepDiscarding()
        case .pending, .producing, .closing, .lingering, .closed: false
        }
    }

    // MARK: Heads

    private func stepHead() -> Bool {
        let buffers = buffers
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

    private var limits: ServerLimits { loop.shared.limits }

    /// A head is whole.
    private func open(_ range: Range<Int>) {
        let buffers = buffers
        let input = buffers.input
        let bytes = input.bytes.extracting(range)
        do throws(Refusal) {
            try HeadParser.parse(bytes, limits: limits.request, into: &buffers.head)
        } catch {
            return refuse(error)
        }
        headRange = range
        shareLeft -= Self.requestShareByteCount
        beginBody(buffers.head.body)
        var responder = Responder(self, closes: !mayStay(unread: true))
        let request = Request(buffers.head, in: bytes)
        let verdict = loop.shared.handler.open(request, exchange, &responder)
        if case .collect = verdict { return collect() }
        buffers.input.removeFirst(range.upperBound)
        if case .stream(let receiver) = verdict {
            phase = .streaming(receiver)
            return inviteBody()
        }
        finish(verdict, responder)
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
    private func mayStay(unread: Bool) -> Bool {
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
    private func inviteBody() {
        guard buffers.head.expectsContinue, buffers.input.count <= headEndInInput else { return }
        buffers.output.append("HTTP/1.1 100 Continue\r\n\r\n")
        send()
    }

    /// Where the body begins in the input.
    private var headEndInInput: Int {
        if case .collecting = phase, buffers.headBytes == nil { return headRange.upperBound }
        return 0
    }

    /// Answers what cannot be served; nothing more is read.
    func refuse(_ refusal: Refusal) {
        var responder = Responder(self, closes: true)
        loop.shared.handler.refuse(refusal, &responder)
        precondition(responder.hasEnded, "a refusal is answered at once")
        endAnswer()
    }

    // MARK: Bodies

    private func collect() {
        let buffers = buffers
        phase = .collecting
        switch buffers.head.body {
        case .length(let count):
            guard count <= UInt64(limits.collectByteCountMaximum) else {
                return refuse(.bodyTooLong)
            }
            guard reserveBody(Int(count)) else { return }
        case .chunked:
            guard reserveBody(limits.collectByteCountMaximum) else { return }
            var headBytes = ByteQueue(byteCount: headRange.count)
            let input = buffers.input
            headBytes.append(input.bytes.extracting(headRange))
            buffers.headBytes = headBytes
            buffers.body = ByteQueue(byteCount: 4096)
            buffers.input.removeFirst(headRange.upperBound)
        }
        inviteBody()
    }

    /// False, and refused, when too many bodies are being collected.
    private func reserveBody(_ byteCount: Int) -> Bool {
        guard loop.shared.reserveBody(byteCount) else {
            refuse(.tooBusy)
            return false
        }
        reservedByteCount = byteCount
        return true
    }

    private func stepCollecting() -> Bool {
        let buffers = buffers
        if buffers.head.body == .chunked {
            var isTooLong = false
            let progress = takeBody { bytes in
                if (buffers.body?.count ?? 0) + bytes.byteCount > limits.collectByteCountMaximum {
                    isTooLong = true
                    return false
                }
                buffers.body?.append(bytes)
                return true
            }
            if isTooLong {
                refuse(.bodyTooLong)
                return true
            }
            guard progress == .ended else { return progress == .refused }
        } else if buffers.input.count < headRange.upperBound + Int(bodyLeft) {
            return false
        }
        serveCollected()
        return true
    }

    private func serveCollected() {
        let buffers = buffers
        var responder = Responder(self, closes: !mayStay(unread: false))
        let verdict: Verdict
        if let headBytes = buffers.headBytes, let body = buffers.body {
            let request = Request(buffers.head, in: headBytes.bytes)
            verdict = loop.shared.handler.serve(request, body: body.bytes, exchange, &responder)
        } else {
            let input = buffers.input
            let end = headRange.upperBound + Int(bodyLeft)
            let request = Request(buffers.head, in: input.bytes.extracting(headRange))
            verdict = loop.shared.handler.serve(
                request, body: input.bytes.extracting(headRange.upperBound..<end), exchange,
                &responder)
            buffers.input.removeFirst(end)
            bodyLeft = 0
        }
        releaseBody()
        finish(verdict, responder)
    }

    private func stepStreaming(_ receiver: any BodyReceiver) -> Bool {
        let progress = takeBody { bytes in
            isPaused = !receiver.receive(bytes)
            return !isPaused
        }
        if progress == .refused {
            receiver.abandon()
            return true
        }
        guard progress == .ended else { return false }
        phase = .pending
        var responder = Responder(self, closes: !mayStay(unread: false))
        finish(receiver.finish(exchange, &responder), responder)
        return true
    }

    private func stepDiscarding() -> Bool {
        guard takeBody({ _ in true }) == .ended else { return false }
        beginNextRequest()
        return true
    }

    private enum BodyProgress {
        case more, ended, refused
    }

    /// Hands on what has come of the body, until `body` says no.
    private func takeBody(_ body: (RawSpan) -> Bool) -> BodyProgress {
        if buffers.head.body == .chunked { return takeChunks(body) }
        let input = buffers.input
        let count = Int(min(bodyLeft, UInt64(input.count)))
        if count > 0 {
            _ = body(input.bytes.extracting(0..<count))
            buffers.input.removeFirst(count)
            bodyLeft -= UInt64(count)
        }
        return bodyLeft == 0 && !isPaused ? .ended : .more
    }

    private func takeChunks(_ body: (RawSpan) -> Bool) -> BodyProgress {
        let buffers = buffers
        let input = buffers.input
        var position = 0
        defer { buffers.input.removeFirst(position) }
        while true {
            switch buffers.decoder.next(in: input.bytes, from: &position) {
            case .needsMore: return .more
            case .data(let range): if !body(input.bytes.extracting(range)) { return .more }
            case .end: return .ended
            case .refused(let refusal):
                refuse(refusal)
                return .refused
            }
        }
    }

    // MARK: Ends

    /// The handler has decided, for the last time in this request.
    func finish(_ verdict: Verdict, _ responder: borrowing Responder) {
        switch verdict {
        case .answered:
            precondition(responder.hasEnded, "what is answered has a whole answer")
            endAnswer()
        case .pending: phase = .pending
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

    private func beginNextRequest() {
        phase = .head
        buffers.beginRequest()
        beginWait()
    }
}
