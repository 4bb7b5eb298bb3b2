// Connection — one client: requests in, answers out, strictly in order.
//
// Invariants: (1) a request is looked at only when the answer before it is whole; (2) nothing more is read
// while what came cannot be used, and nothing more is made while the client does not take it; (3) behind an
// answer that is the last the client is listened to for a while, or the reset that follows unread bytes
// would take the answer with it; (4) whoever takes or makes a body is told when it comes to nothing.
// The loop's thread.

internal import CairnCrypto
internal import CairnSystem

final class Connection {
    enum Phase {
        /// Between two requests, or within a head.
        case head
        case collecting(any BodyCollector)
        case streaming(any BodyReceiver)
        /// The rest of a body that nobody wants; the answer is whole.
        case discarding
        /// Somebody will answer.
        case pending
        /// The answer's body is being made.
        case producing
        /// The last answer is on its way.
        case closing
        /// It has been sent, and what still comes is dropped.
        case lingering
        case closed
    }

    /// Answers that wait to be sent, beyond which no further request is looked at.
    static let outputByteCountMaximum = 64 << 10
    /// What one connection may move before others get their turn.
    static let shareByteCount = 1 << 20
    /// What the work on one request is reckoned as.
    static let requestShareByteCount = 4 << 10

    /// Lets go of the connection when it is closed, and ends when all are.
    let loop: EventLoop
    let fd: Int32
    /// Of the present request; the next one has another.
    private(set) var exchange: ExchangeNumber
    let network: PeerNetwork?
    var phase = Phase.head
    private var held: LentBuffers?
    /// Where they are while they are held: so nobody counts references to them, thirty times a request.
    private var place: StateReference<ConnectionBuffers>?
    /// Told to the poller.
    var interest = PollInterest.read
    /// Between the socket and all of this, where there is TLS; gone when nothing more is to be understood.
    var tls: TLSSession?

    // The request
    /// Of a body whose length is known: what has not been used.
    var bodyLeft: UInt64 = 0
    /// Of a body that is collected.
    var collectByteCountMaximum = 0
    /// Taken from the bound of all bodies.
    var reservedByteCount = 0
    var isPaused = false
    /// Set by a responder that told the client so.
    var closesBehindAnswer = false
    /// Of the request, for its summary.
    var ledger = ExchangeLedger()
    /// Set by a responder whose body is to be made.
    var source: (any BodySource)?
    /// What it has not made of its length.
    var sourceLeft: UInt64 = 0
    var isSourceIdle = false
    /// Of the output's last bytes: the head of an answer whose source has made nothing yet. It is held
    /// back, since the source may turn out broken.
    var heldByteCount = 0
    /// Of `shareByteCount`, in this turn.
    var shareLeft = 0
    /// Its answers wait for those of others: the loop lets them be sent, and the turn ends then.
    var isGathered = false
    /// Of the turn that has not ended; see `endTurn`.
    var leavesBytes = false
    /// The output was full, the share used up, or a source has ended: there may be another request in the
    /// input.
    var hasUnreadRequests = false

    // Time
    /// When the present wait began.
    var since: UInt64
    /// What has moved since then.
    var movedByteCount: UInt64 = 0

    init(
        _ fd: Int32, _ exchange: ExchangeNumber, from network: PeerNetwork?, at now: UInt64,
        _ loop: EventLoop
    ) {
        self.fd = fd
        self.exchange = exchange
        self.network = network
        self.loop = loop
        since = now
    }

    var buffers: ConnectionBuffers {
        @inline(__always)
        _read {
            let reference = place ?? takeBuffers()
            yield reference.value
        }
        @inline(__always)
        _modify {
            let reference = place ?? takeBuffers()
            yield &reference.value
        }
    }

    @inline(never)
    private func takeBuffers() -> StateReference<ConnectionBuffers> {
        let taken = loop.memory.value.takeBuffers()
        held = taken
        place = taken.reference
        return taken.reference
    }

    /// Whether nothing has come or is to be sent.
    var isIdle: Bool {
        guard case .head = phase else { return false }
        return place.map { $0.value.input.isEmpty && $0.value.output.isEmpty } ?? true
    }

    /// Whether there is something to send.
    var hasOutput: Bool { place.map { $0.value.output.count > heldByteCount } ?? false }

    /// They are as new: between two requests nothing is in them, and an end resets them.
    func giveBuffersBack() {
        guard let buffers = held else { return }
        (held, place) = (nil, nil)
        loop.memory.value.take(back: buffers)
    }

    func shrinkToHead() { place?.value.shrinkToHead() }

    /// What is still said of the request finds nobody.
    func endRequest() {
        exchange.request &+= 1
        ledger.close(buffers.head.method, isWhole: true, loop.shared.handler)
    }

    /// A wait begins.
    func beginWait() {
        since = loop.now
        movedByteCount = 0
    }

    /// Ends the connection at once.
    func close() {
        if case .closed = phase { return }
        if case .streaming(let receiver) = phase { receiver.abandon() }
        if ledger.isOpen { ledger.close(buffers.head.method, isWhole: false, loop.shared.handler) }
        source?.abandon()
        source = nil
        endSecurely()
        phase = .closed
        releaseBody()
        place?.value.reset()
        giveBuffersBack()
        loop.remove(self)
    }

    func releaseBody() {
        loop.shared.releaseBody(reservedByteCount)
        reservedByteCount = 0
    }
}
