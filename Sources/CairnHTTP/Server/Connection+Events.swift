// Connection+Events — what the poller, the clock and other threads tell a connection.
//
// Each call ends with everything done that can be done now, and with the poller told what is waited for.
// The loop's thread.

internal import CairnSystem

extension Connection {
    /// Something happened to the socket.
    func handle(_ event: PollEvent) {
        beginTurn()
        // When both sides have ended there may still be bytes to drop: closing on top of them would reset
        // the connection, and the answer that is on its way with it.
        if event.isHungUp, !isLingering { return close() }
        if let tls { return handle(tls) }
        let (wantedBytes, hasBytes) = (wantsBytes, event.isReadable || event.hasPeerEnded)
        if event.isWritable { progress() }
        if hasBytes || event.isHungUp { takeBytes() }
        endTurn(hasUnusedBytes: hasBytes && !wantedBytes)
    }

    /// The answer comes now that somebody promised. While a body is received it is the answer too: nobody
    /// wants the rest.
    func answer(_ body: (inout Responder) -> Void) {
        switch phase {
        case .pending: break
        case .streaming(let receiver):
            receiver.abandon()
            phase = .pending
            isPaused = false
        default: return
        }
        beginTurn()
        var responder = Responder(self, closes: closesAnswer)
        body(&responder)
        finish(.answered, responder)
        progress()
        endTurn(hasUnusedBytes: false)
    }

    /// A receiver wants more, or a source has more.
    func resume() {
        beginTurn()
        isPaused = false
        isSourceIdle = false
        beginWait()
        progress()
        endTurn(hasUnusedBytes: false)
    }

    /// The server ends: who waits between two requests is not waited for.
    func stop() {
        if isIdle { close() }
    }

    // MARK: Bytes

    var wantsBytes: Bool {
        switch phase {
        case .head: !hasUnreadRequests
        case .collecting, .discarding, .lingering: true
        case .streaming: !isPaused
        case .pending, .producing, .closing, .closed: false
        }
    }

    func takeBytes() {
        while shareLeft > 0, wantsBytes {
            let (count, result) = receive()
            switch result {
            case .done(let taken):
                shareLeft -= tls == nil ? taken : taken + Self.recordShareByteCount
                movedByteCount += UInt64(taken)
                progress()
                // As a rule nothing is left then; if something is, the poller says so. Of records it knows
                // nothing.
                if taken < count, tls == nil { return }
            case .wouldBlock: return
            case .ended: return endReceiving()
            case .failed: return close()
            }
        }
    }

    /// The client sends no more: what was coming comes to nothing, but what it is owed it gets.
    private func endReceiving() {
        guard hasOutput else { return close() }
        if case .streaming(let receiver) = phase { receiver.abandon() }
        releaseBody()
        endRequest()
        phase = .closing
    }

    /// Receives what there is room for; says how much that was.
    private func receive() -> (room: Int, result: SocketResult) {
        if let received = receiveBody() { return received }
        if case .lingering = phase { buffers.input.removeAll() }
        let wasIdle = isIdle
        let room = max(ConnectionBuffers.inputByteCount - buffers.input.count, roomForBody, 4096)
        var result = SocketResult.wouldBlock
        buffers.input.append(upTo: room) { target in
            result = receive(into: &target)
            if case .done(let count) = result { return count }
            return 0
        }
        // Not before: a record that comes byte by byte begins no request.
        if wasIdle, !isIdle { beginWait() }
        return (room, result)
    }

    /// What is missing of a body that is collected in one piece.
    private var roomForBody: Int {
        guard case .collecting = phase, buffers.head.body != .chunked else { return 0 }
        return Int(bodyLeft) - buffers.input.count
    }

    // MARK: Turns

    private func beginTurn() { shareLeft = Self.shareByteCount }

    /// Tells the poller what is waited for. That nothing is read for a moment it need not know, unless it told
    /// of bytes that nobody wanted: most answers are there before the next request.
    func endTurn(hasUnusedBytes: Bool) {
        leavesBytes = hasUnusedBytes
        if isGathered { return }
        if isIdle { rest() }
        if case .closed = phase { return }
        if case .head = phase, !hasOutput, !hasUnreadRequests { shrinkToHead() }
        var reads = wantsBytes || interest.reads && !hasUnusedBytes
        var writes = goesOnWithRoom
        if let tls { adjust(&reads, &writes, to: tls) }
        let wanted = PollInterest(reads: reads, writes: writes)
        guard wanted != interest else { return }
        interest = wanted
        loop.modify(self)
    }

    /// Sends the answers that waited for those of others.
    func sendGathered() {
        isGathered = false
        if case .closed = phase { return }
        progress()
        endTurn(hasUnusedBytes: leavesBytes)
    }

    /// Nothing is under way.
    private func rest() {
        if loop.isStopping { close() } else { giveBuffersBack() }
    }

    /// Whether there is something to do as soon as there is room to send; at once, when only the share of
    /// the last turn was used up.
    private var goesOnWithRoom: Bool {
        switch phase {
        case .producing: hasOutput || !isSourceIdle
        case .closing: true
        default: hasOutput || hasUnreadRequests
        }
    }

    private var isLingering: Bool {
        if case .lingering = phase { return true }
        return false
    }

    // MARK: The clock

    /// Ends what takes too long.
    func checkTime(_ limits: ServerLimits) {
        let passed = loop.now - min(since, loop.now)
        switch phase {
        case .head where isOpening:
            if passed > limits.headDuration.nanoseconds { close() }
        case .head where isIdle:
            if passed > limits.idleDuration.nanoseconds { close() }
        case .head where !hasOutput:
            if passed > limits.headDuration.nanoseconds { refuseSlowness() }
        case .collecting:
            if isSlow(passed, limits) { refuseSlowness() }
        case .streaming where !isPaused:
            if isSlow(passed, limits) { close() }
        case .discarding, .closing, .head:
            if isSlow(passed, limits) { close() }
        case .producing where !isSourceIdle:
            if isSlow(passed, limits) { close() }
        case .lingering:
            if passed > limits.lingerDuration.nanoseconds { close() }
        case .pending, .streaming, .producing, .closed: break
        }
    }

    /// Judged anew each time the grace is over, so that what moved at first does not count for ever.
    private func isSlow(_ passed: UInt64, _ limits: ServerLimits) -> Bool {
        guard passed > limits.graceDuration.nanoseconds else { return false }
        defer { beginWait() }
        let seconds = Double(passed) / 1e9
        return Double(movedByteCount) < seconds * Double(limits.bytesPerSecondMinimum)
    }

    private func refuseSlowness() {
        beginTurn()
        refuse(.tooSlow)
        progress()
        endTurn(hasUnusedBytes: false)
    }
}
