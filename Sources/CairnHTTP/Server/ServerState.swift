// ServerState — what the loops of a server share: limits, the listening socket, who is connected.
//
// Room for a connection is taken before it is accepted and given back when it is closed. The listening
// socket's lock is held across accept(2), which does not block, so that nobody accepts from a number that is
// another's by then. Any thread.

internal import CairnCrypto
internal import CairnSystem
internal import Synchronization

final class ServerState: Sendable {
    let limits: ServerLimits
    let handler: any RequestHandler
    /// Bytes of bodies that are being collected.
    private let collectedByteCount = Atomic<Int>(0)
    /// Of new connections; nil: there is no TLS.
    let identity: Guarded<TLSIdentity>?
    let address: SocketAddress
    /// Valid until the last loop has stopped accepting.
    let listenerNumber: Int32
    private let listener: Guarded<ListeningSocket?>
    private let acceptingCount: Atomic<Int>
    private let connectionCount = Atomic<Int>(0)
    /// By network, of those that are not this machine.
    private let networks = Guarded<[PeerNetwork: Int]>([:])

    init(
        _ listener: consuming ListeningSocket, loopCount: Int, _ limits: ServerLimits,
        _ identity: TLSIdentity?, _ handler: any RequestHandler
    ) {
        self.identity = identity.map { Guarded($0) }
        address = listener.address
        listenerNumber = listener.rawValue
        acceptingCount = Atomic(loopCount)
        self.listener = Guarded(listener)
        self.limits = limits
        self.handler = handler
    }

    /// By a loop that has not stopped.
    func acceptOne() -> AcceptResult {
        listener.withLock { listener in listener?.accept() ?? .nobodyWaits }
    }

    /// Once by each loop. Behind the last one who connects is refused, at once.
    func stopAccepting() {
        guard acceptingCount.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else {
            return
        }
        listener.withLock { $0 = nil }
    }

    /// How many connections there are.
    var count: Int { connectionCount.load(ordering: .relaxed) }
    var hasRoom: Bool { count < limits.connectionCountMaximum }

    /// Takes room for one connection, if there is any.
    func takeRoom() -> Bool {
        var count = count
        while count < limits.connectionCountMaximum {
            let (isTaken, found) = connectionCount.weakCompareExchange(
                expected: count, desired: count + 1, ordering: .relaxed)
            if isTaken { return true }
            count = found
        }
        return false
    }

    func giveRoomBack() { connectionCount.subtract(1, ordering: .relaxed) }

    /// Takes room for a body that is to be collected, if there is any.
    func reserveBody(_ byteCount: Int) -> Bool {
        let all = collectedByteCount.add(byteCount, ordering: .relaxed).newValue
        if all <= limits.collectByteCountMaximumOfAll { return true }
        releaseBody(byteCount)
        return false
    }

    func releaseBody(_ byteCount: Int) {
        collectedByteCount.subtract(byteCount, ordering: .relaxed)
    }

    /// Counts a connection; false when its network has as many as it may have. Nil: this machine.
    func admit(_ network: PeerNetwork?) -> Bool {
        guard let network else { return true }
        return networks.withLock { counts in
            let count = counts[network, default: 0]
            guard count < limits.connectionCountMaximumOfNetwork else { return false }
            counts[network] = count + 1
            return true
        }
    }

    func dismiss(_ network: PeerNetwork?) {
        guard let network else { return }
        networks.withLock { counts in
            let count = counts[network, default: 1] - 1
            counts[network] = count > 0 ? count : nil
        }
    }
}
