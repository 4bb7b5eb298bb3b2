// EventLoop — one thread with its connections: those that it accepted, and those that a fuller loop handed over.
//
// Invariants: (1) everything but the mailbox and the load is touched by the loop's thread alone; (2) a connection's place
// is used again under another generation, so that events and answers for the one before find nobody;
// (3) while the server has all the connections or descriptors it may have, nobody is accepted, and that
// ends by itself. Never blocks but to wait for events.

internal import CairnCrypto
internal import CairnSystem
internal import Synchronization

// Sendable: other threads touch the mailbox, which has a lock, and the bell; everything else belongs to the
// thread that `run` is called on.
final class EventLoop: @unchecked Sendable {
    private enum Mail {
        case answer(ExchangeNumber, @Sendable (inout Responder) -> Void)
        case resume(ExchangeNumber)
        /// A connection that another loop has accepted, with its room and its load.
        case adopt(Int32, SocketAddress)
        case stop
        case end
    }

    private static let bellToken = UInt64.max
    private static let listenerToken = UInt64.max - 1
    /// How often the clock is looked at for connections that take too long.
    private static let sweepMilliseconds: Int32 = 250
    private static let sweepNanoseconds = UInt64(sweepMilliseconds) * 1_000_000

    private struct Mailbox {
        var mails: [Mail] = []
        /// Nobody looks into it any more.
        var isClosed = false
    }

    /// With so many connections to serve at once, their answers are made first and sent together.
    private static let gatheringCountMinimum = 4
    /// Beyond so many, the first one would wait too long.
    private static let gatheredCountMaximum = 64

    /// A loop with so many connections more than another one hands over what it accepts.
    private static let loadDifferenceMaximum = 4

    let shared: ServerState
    /// All of the server, this one too; set before `run`, which forgets them.
    var peers: [EventLoop] = []
    /// Connections that it has, or that are on their way to it.
    private let load = Atomic<Int>(0)
    private let poller: Poller
    private var events = PollEvents(capacity: 256)
    private let bell: Bell
    private let mailbox = Guarded(Mailbox())
    private var isAccepting = false

    private var connections: [Connection?] = []
    private var generations: [UInt32] = []
    private var freeSlots: [Int] = []
    private let memoryCell = StateCell(LoopMemory())
    /// What it lends its connections.
    var memory: StateReference<LoopMemory> { memoryCell.reference }
    /// Whether answers wait for others: each send wakes a client, and one that is woken in between takes turns
    /// with the loop for each answer (see the decisions).
    private(set) var isGathering = false
    private var gathered: [Connection] = []
    private(set) var isStopping = false
    private var isEnding = false
    /// Of the monotonic clock, when the present events were told.
    private(set) var now = Clock.monotonicNanoseconds()
    private var sweptAt: UInt64 = 0
    private(set) var dateLine: [UInt8] = []
    private var dateSecond: UInt64 = 0

    init(_ shared: ServerState) throws(SocketError) {
        self.shared = shared
        poller = try Poller()
        bell = try Bell()
        do throws(Errno) {
            try poller.add(bell.rawValue, .read, token: Self.bellToken)
        } catch {
            throw SocketError(.makePoller, code: error.code)
        }
    }

    // MARK: Other threads

    func answer(_ exchange: ExchangeNumber, _ body: @escaping @Sendable (inout Responder) -> Void) {
        send(.answer(exchange, body))
    }

    func resume(_ exchange: ExchangeNumber) { send(.resume(exchange)) }

    /// Lets what is under way end, and takes nothing new.
    func stop() { send(.stop) }

    /// Ends everything that is under way.
    func end() { send(.end) }

    /// How many connections it has.
    var connectionCount: Int { load.load(ordering: .relaxed) }

    /// False when the loop has ended: the mail is the sender's again.
    @discardableResult
    private func send(_ mail: Mail) -> Bool {
        let isTaken = mailbox.withLock { box in
            if !box.isClosed { box.mails.append(mail) }
            return !box.isClosed
        }
        if isTaken { bell.ring() }
        return isTaken
    }

    // MARK: The thread

    /// Returns when the server has stopped and no connection is left.
    func run() {
        lookAtClock()
        startAccepting()
        while !isStopping || connections.count > freeSlots.count {
            poller.wait(into: &events, milliseconds: Self.sweepMilliseconds)
            lookAtClock()
            isGathering = events.count >= Self.gatheringCountMinimum
            for place in 0..<events.count { handle(events[place]) }
            sendGathered()
            isGathering = false
            if now - sweptAt >= Self.sweepNanoseconds { sweep() }
        }
        peers = []
        for case .adopt(let fd, _) in closeMailbox() { refuse(fd) }
    }

    private func closeMailbox() -> [Mail] {
        mailbox.withLock { box in
            box.isClosed = true
            return box.mails
        }
    }

    private func lookAtClock() {
        now = Clock.monotonicNanoseconds()
        let second = Clock.wallNanoseconds() / 1_000_000_000
        guard second != dateSecond else { return }
        dateSecond = second
        dateLine = Array("Date: ".utf8) + HTTPDate.text(second) + Array("\r\n".utf8)
    }

    private func handle(_ event: PollEvent) {
        switch event.token {
        case Self.bellToken:
            bell.drain()
            takeMail()
        case Self.listenerToken: accept()
        default:
            let exchange = ExchangeNumber(
                slot: UInt32(truncatingIfNeeded: event.token),
                generation: UInt32(truncatingIfNeeded: event.token >> 32))
            connection(at: exchange)?.handle(event)
        }
    }

    private func connection(at exchange: ExchangeNumber) -> Connection? {
        let slot = Int(exchange.slot)
        return generations[slot] == exchange.generation ? connections[slot] : nil
    }

    /// Nil when the request has ended, too.
    private func connection(serving exchange: ExchangeNumber) -> Connection? {
        connection(at: exchange).flatMap { $0.exchange == exchange ? $0 : nil }
    }

    private func takeMail() {
        let mails = mailbox.withLock { box in
            let mails = box.mails
            box.mails.removeAll(keepingCapacity: true)
            return mails
        }
        if mails.count >= Self.gatheringCountMinimum { isGathering = true }
        for mail in mails {
            switch mail {
            case .answer(let exchange, let body): connection(serving: exchange)?.answer(body)
            case .resume(let exchange): connection(serving: exchange)?.resume()
            case .adopt(let fd, let address):
                if isStopping { refuse(fd) } else { add(fd, from: address) }
            case .stop: beginStopping()
            case .end: for connection in connections { connection?.close() }
            }
        }
    }

    // MARK: Answers that are sent together

    /// Has answers sent with those of others. The connection is in its turn, those before it are not.
    func gather(_ connection: Connection) {
        if gathered.count == Self.gatheredCountMaximum { sendGathered() }
        gathered.append(connection)
    }

    private func sendGathered() {
        guard !gathered.isEmpty else { return }
        let wasGathering = isGathering
        // What they answer now goes at once.
        isGathering = false
        for connection in gathered { connection.sendGathered() }
        gathered.removeAll(keepingCapacity: true)
        isGathering = wasGathering
    }

    private func beginStopping() {
        if isStopping { return }
        isStopping = true
        pauseAccepting()
        shared.stopAccepting()
        for connection in connections { connection?.stop() }
    }

    private func sweep() {
        sweptAt = now
        for connection in connections { connection?.checkTime(shared.limits) }
        memory.value.trim()
        if !isStopping { startAccepting() }
    }

    // MARK: Connections

    private func startAccepting() {
        guard !isAccepting, shared.hasRoom else { return }
        do throws(Errno) {
            try poller.add(shared.listenerNumber, .accept, token: Self.listenerToken)
            isAccepting = true
        } catch {
            // The system has no memory for it now; the next sweep asks again.
            isAccepting = false
        }
    }

    private func pauseAccepting() {
        guard isAccepting else { return }
        isAccepting = false
        poller.remove(shared.listenerNumber)
    }

    private func accept() {
        // The event may be older than the end of accepting.
        guard isAccepting else { return }
        // So that several loops share what comes at once.
        for _ in 0..<8 {
            guard shared.takeRoom() else { return pauseAccepting() }
            switch shared.acceptOne() {
            case .connection(let descriptor, let address):
                settle(descriptor.release(), from: address)
                continue
            case .lost:
                shared.giveRoomBack()
                continue
            case .nobodyWaits: shared.giveRoomBack()
            case .exhausted:
                shared.giveRoomBack()
                pauseAccepting()
            }
            return
        }
    }

    /// Gives a connection to the loop that has the fewest, unless that is no great difference: which loop a
    /// new connection wakes is chance, and often the same one again.
    private func settle(_ fd: Int32, from address: SocketAddress) {
        var (target, least) = (self, connectionCount - Self.loadDifferenceMaximum)
        for peer in peers where peer.connectionCount < least {
            (target, least) = (peer, peer.connectionCount)
        }
        target.load.add(1, ordering: .relaxed)
        if target === self { return add(fd, from: address) }
        if !target.send(.adopt(fd, address)) { target.refuse(fd) }
    }

    /// Closes a connection that was accepted and has come to nothing.
    private func refuse(_ fd: Int32) {
        // What the kernel says of a socket that is given up changes nothing.
        try? SystemCall.close(fd)
        load.subtract(1, ordering: .relaxed)
        shared.giveRoomBack()
    }

    /// The connection's room was taken, and it is counted.
    private func add(_ fd: Int32, from address: SocketAddress) {
        let network = address.isLoopback ? nil : address.network
        let slot = freeSlots.popLast() ?? connections.count
        if slot == connections.count {
            connections.append(nil)
            generations.append(0)
        }
        let exchange = ExchangeNumber(slot: UInt32(slot), generation: generations[slot])
        let connection = Connection(fd, exchange, from: network, at: now, self)
        connections[slot] = connection
        guard shared.admit(network) else { return remove(connection, isCounted: false) }
        if let identity = shared.identity {
            connection.tls = TLSSession(identity.withLock { $0 }, over: fd)
            if connection.tls == nil { return connection.close() }
        }
        do throws(Errno) {
            try poller.add(fd, connection.interest, token: token(of: connection))
        } catch {
            connection.close()
        }
    }

    private func token(of connection: Connection) -> UInt64 {
        UInt64(connection.exchange.generation) << 32 | UInt64(connection.exchange.slot)
    }

    func modify(_ connection: Connection) {
        poller.modify(connection.fd, connection.interest, token: token(of: connection))
    }

    /// Closes the connection's socket; it is nobody's any more.
    func remove(_ connection: Connection, isCounted: Bool = true) {
        let slot = Int(connection.exchange.slot)
        connections[slot] = nil
        generations[slot] &+= 1
        freeSlots.append(slot)
        // What the kernel says of a socket that is given up changes nothing.
        try? SystemCall.close(connection.fd)
        load.subtract(1, ordering: .relaxed)
        shared.giveRoomBack()
        if isCounted { shared.dismiss(connection.network) }
    }
}
