// Connection+TLS — what is different when a connection's bytes go through TLS.
//
// The handshake comes before everything and has the time of a head, from the connection's first moment. Then
// the connection is as any other, but that the socket does not tell all: bytes may wait within TLS, and
// sending may have to wait for receiving. So whatever is told of the socket, both ways are tried. A
// connection without TLS asks whether it has a session, and nothing else of this. The loop's thread.

internal import CairnCrypto
internal import CairnSystem

extension Connection {
    /// What the work on one record is reckoned as, beyond its bytes: a client may send records without any.
    static var recordShareByteCount: Int { 512 }

    /// Whether the handshake is under way.
    var isOpening: Bool { tls.map { !$0.isOpen } ?? false }

    /// Something happened to the socket.
    func handle(_ tls: TLSSession) {
        guard tls.isOpen || open(tls) else { return }
        progress()
        takeBytes()
        endTurn(hasUnusedBytes: !wantsBytes)
    }

    /// Goes on with the handshake; true when it is over.
    private func open(_ tls: TLSSession) -> Bool {
        switch tls.handshake() {
        case .done:
            beginWait()
            return true
        case .wouldBlock: wait(for: tls.receivesWhenWritable ? .write : .read)
        case .ended: close()
        case .failed:
            // What is said about it in TLS has been sent, and is not to be lost to a reset.
            beginLingering()
            if case .lingering = phase { wait(for: .read) }
        }
        return false
    }

    private func wait(for wanted: PollInterest) {
        guard wanted != interest else { return }
        interest = wanted
        loop.modify(self)
    }

    /// Takes what has come.
    @inline(__always)
    func receive(into target: inout MutableRawSpan) -> SocketResult {
        if let tls { return tls.receive(into: &target) }
        return SystemCall.receive(fd, into: &target)
    }

    /// Sends what there is room for.
    @inline(__always)
    func send(_ bytes: RawSpan) -> SocketResult {
        if let tls { return tls.send(bytes) }
        return SystemCall.send(fd, bytes)
    }

    /// Tells the client that nothing more comes; false when there is no room for that yet. What still comes
    /// is dropped as it is.
    func endSendingSecurely() -> Bool {
        if tls?.endSending() == .wouldBlock { return false }
        tls = nil
        return true
    }

    /// What the poller is to tell, when it would be this without TLS.
    func adjust(_ reads: inout Bool, _ writes: inout Bool, to tls: TLSSession) {
        if tls.sendsWhenReadable { (reads, writes) = (true, false) }
        if wantsBytes, tls.holdsBytes || tls.receivesWhenWritable { writes = true }
    }

    /// The connection is closed: between two requests the client is told that this is all. Elsewhere an end
    /// without that says that something is missing.
    func endSecurely() {
        if let tls, isIdle { _ = tls.endSending() }
        tls = nil
    }
}
