// Connection+Bodies — the bodies of requests: collected, streamed to a receiver, or passed over.
//
// Room for a collected body is taken before its bytes are, and given back together with their memory. The
// loop's thread.

internal import CairnSystem

extension Connection {
    func collect(atMost byteCountMaximum: Int, by collector: any BodyCollector) {
        phase = .collecting(collector)
        collectByteCountMaximum = byteCountMaximum
        switch buffers.head.body {
        case .length(let count):
            guard count <= UInt64(byteCountMaximum) else {
                return refuse(.bodyTooLong)
            }
            guard reserveBody(Int(count)) else { return }
        case .chunked:
            buffers.body = ByteQueue(byteCount: 4096)
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

    func stepCollecting(_ collector: any BodyCollector) -> Bool {
        if buffers.head.body == .chunked {
            var refusal: Refusal?
            let progress = takeBody { bytes in
                refusal = collectChunk(bytes)
                return refusal == nil
            }
            if let refusal {
                refuse(refusal)
                return true
            }
            guard progress == .ended else { return progress == .refused }
        } else if buffers.input.count < Int(bodyLeft) {
            return false
        }
        giveBody(to: collector)
        return true
    }

    /// Why the bytes cannot be added to the body; nil: they were.
    private func collectChunk(_ bytes: RawSpan) -> Refusal? {
        let byteCount = buffers.body?.count ?? 0
        if byteCount + bytes.byteCount > collectByteCountMaximum { return .bodyTooLong }
        guard loop.shared.reserveBody(bytes.byteCount) else { return .tooBusy }
        reservedByteCount += bytes.byteCount
        buffers.body?.append(bytes)
        return nil
    }

    private func giveBody(to collector: any BodyCollector) {
        let collected = buffers.body
        ledger.receivedByteCount = UInt64(collected?.count ?? Int(bodyLeft))
        var responder = Responder(self, closes: !mayStay(unread: false))
        let verdict: Verdict
        if let collected {
            verdict = collector.take(collected.bytes, &responder)
        } else {
            let (input, byteCount) = (buffers.input, Int(bodyLeft))
            verdict = collector.take(input.bytes.extracting(0..<byteCount), &responder)
            buffers.input.removeFirst(byteCount)
            bodyLeft = 0
        }
        buffers.endBody()
        releaseBody()
        finish(verdict, responder)
    }

    /// The same as `receive` for a body whose receiver has memory for it; nil: it comes by the input.
    func receiveBody() -> (room: Int, result: SocketResult)? {
        guard case .streaming(let receiver) = phase, bodyLeft > 0, buffers.input.isEmpty else {
            return nil
        }
        var result = SocketResult.wouldBlock
        var room = Int(min(bodyLeft, UInt64(Self.shareByteCount)))
        let goesOn = receiver.receive(upTo: room) { target in
            room = target.byteCount
            result = receive(into: &target)
            if case .done(let count) = result { return count }
            return 0
        }
        guard let goesOn else { return nil }
        isPaused = !goesOn
        if case .done(let count) = result {
            bodyLeft -= UInt64(count)
            ledger.receivedByteCount += UInt64(count)
        }
        return (room, result)
    }

    func stepStreaming(_ receiver: any BodyReceiver) -> Bool {
        let progress = takeBody { bytes in
            ledger.receivedByteCount += UInt64(bytes.byteCount)
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
        finish(receiver.finish(&responder), responder)
        return true
    }

    func stepDiscarding() -> Bool {
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
}
