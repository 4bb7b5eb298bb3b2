// OperatorSignals — what the main thread of a server waits for: the operator, or the end of its own work.
//
// Made before any other thread is started, for threads take over which signals are blocked. The bell may be
// rung from any thread; `next` is for the main thread alone.

/// Signals of the operator, and the end of the work.
package struct OperatorSignals: ~Copyable {
    /// What happened.
    package enum Event: Hashable, Sendable {
        /// The operator said so.
        case signal(ProcessSignal)
        /// Somebody rang the bell.
        case bell
    }

    private let source: SignalSource
    private let poller: Poller
    private var events = PollEvents(capacity: 2)
    /// To be rung by whoever wants to wake the main thread.
    package let bell: Bell

    /// Takes the signals over.
    package init() throws(SocketError) {
        let source = try SignalSource()
        let poller = try Poller()
        let bell = try Bell()
        do throws(Errno) {
            try poller.add(source.rawValue, .read, token: 0)
            try poller.add(bell.rawValue, .read, token: 1)
        } catch {
            throw SocketError(.takeSignals, code: error.code)
        }
        self.source = source
        self.poller = poller
        self.bell = bell
    }

    /// Waits for what comes next; signals come first, and rings of the bell before it was asked for are one.
    package mutating func next() -> Event {
        while true {
            if let signal = source.next() { return .signal(signal) }
            poller.wait(into: &events)
            for place in 0..<events.count where events[place].token == 1 {
                // A signal that came meanwhile is told first; the bell is told again then.
                if let signal = source.next() { return .signal(signal) }
                bell.drain()
                return .bell
            }
        }
    }
}
