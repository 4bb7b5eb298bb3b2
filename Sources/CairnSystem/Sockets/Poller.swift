// Poller — waits for many descriptors at once; an epoll set.
//
// Level-triggered: what is ready is told again at each wait until it is dealt with. A loop that
// gives each connection a share per wake-up needs this, since it leaves bytes behind on purpose; with
// edges it would have to keep a list of its own of who is not finished. The price is one more call when
// the interest changes, which happens only when a send would block or a body is paused, and that a
// descriptor nobody wants to hear of must be given an empty interest.
//
// One thread waits, any may add, modify and remove. A descriptor that is closed leaves by itself, if it
// has no copies; but events of one wait may then still name its token, so tokens should tell one owner
// of a place from the next. `wait` is one system call and allocates nothing.
// Why this is sound: the only pointer is that of an array's elements, lent for one call that fills no
// more than there are.

internal import CLinux
internal import Glibc

// No OptionSet: what the standard library makes of one in another module is not specialised, and cost a loop
// 3 % of its time.
/// What somebody wants to be told of a descriptor. Failures and hang-ups are always told.
package struct PollInterest: Hashable, Sendable {
    fileprivate let rawValue: UInt32

    private init(rawValue: UInt32) { self.rawValue = rawValue }

    /// What there is to receive, what there is room for, both or neither.
    package init(reads: Bool, writes: Bool) {
        rawValue = (reads ? Self.read.rawValue : 0) | (writes ? Self.write.rawValue : 0)
    }

    /// Whether `read` is in it.
    package var reads: Bool { rawValue & CAIRN_POLL_IN != 0 }

    /// Nothing but failures.
    package static let none = PollInterest(rawValue: 0)
    /// That there is something to receive, and that the peer sends no more.
    package static let read = PollInterest(rawValue: CAIRN_POLL_IN | CAIRN_POLL_PEER_END)
    /// That there is room to send.
    package static let write = PollInterest(rawValue: CAIRN_POLL_OUT)
    /// For a listening socket in several pollers: that somebody waits, told to one of those who wait
    /// instead of all. Stands alone, and goes by `remove`, not by `modify`.
    package static let accept = PollInterest(rawValue: CAIRN_POLL_IN | CAIRN_POLL_EXCLUSIVE)
}

/// What there is to know of one descriptor.
package struct PollEvent: Hashable, Sendable {
    /// What the descriptor was added with.
    package let token: UInt64
    private let bits: UInt32

    init(_ event: cairn_event) {
        token = event.token
        bits = event.bits
    }

    /// There is something to receive or to accept; the end of what the peer sends counts too.
    package var isReadable: Bool { bits & CAIRN_POLL_IN != 0 }
    /// There is room to send.
    package var isWritable: Bool { bits & CAIRN_POLL_OUT != 0 }
    /// The peer sends no more; what it had sent before may still be there to receive.
    package var hasPeerEnded: Bool { bits & CAIRN_POLL_PEER_END != 0 }
    /// The connection failed, or both sides ended it. Told at each wait until it is closed.
    package var isHungUp: Bool { bits & (CAIRN_POLL_ERROR | CAIRN_POLL_HANG_UP) != 0 }
}

/// Room for the events of one wait, made once.
package struct PollEvents: ~Copyable, Sendable {
    fileprivate var storage: [cairn_event]
    /// How many the last wait found.
    package fileprivate(set) var count = 0

    /// Room for so many events; what does not fit is told by the next wait.
    package init(capacity: Int) {
        precondition(capacity > 0 && capacity <= Int(Int32.max) / 16, "a wait has room for events")
        storage = Array(repeating: cairn_event(), count: capacity)
    }

    /// One of the last wait's events.
    package subscript(index: Int) -> PollEvent {
        precondition(index < count, "an event is one that was found")
        return PollEvent(storage[index])
    }
}

/// A set of descriptors to wait for.
package struct Poller: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// An empty set. Corresponds to `epoll_create1(2)`.
    package init() throws(SocketError) {
        descriptor = Descriptor(owning: try SocketError.naming(.makePoller) { cairn_poller_open() })
    }

    /// Begins to wait for a descriptor, which is told of by its token. Throws where the system has no
    /// room for more. Corresponds to `epoll_ctl(2)`.
    package func add(_ fd: Int32, _ interest: PollInterest, token: UInt64) throws(Errno) {
        try SystemCall.perform {
            cairn_poller_add(descriptor.rawValue, fd, interest.rawValue, token)
        }
    }

    /// Changes what is told of a descriptor, and its token.
    package func modify(_ fd: Int32, _ interest: PollInterest, token: UInt64) {
        let result = cairn_poller_modify(descriptor.rawValue, fd, interest.rawValue, token)
        precondition(result == 0, "an interest is changed of an open descriptor that was added")
    }

    /// Tells no more of a descriptor that stays open.
    package func remove(_ fd: Int32) {
        let result = cairn_poller_remove(descriptor.rawValue, fd)
        precondition(result == 0, "an open descriptor that was added is removed")
    }

    /// Waits until there is something to tell, at most so long, or for ever when nil. A wait without
    /// events took its time, which is never shorter than asked, or a signal interrupted it.
    /// Corresponds to `epoll_wait(2)`.
    package func wait(into events: inout PollEvents, timeout: Duration? = nil) {
        wait(into: &events, milliseconds: timeout.map { Self.milliseconds($0) } ?? -1)
    }

    /// The same for whoever waits again and again: a duration takes long to convert. Below zero: without an end.
    package func wait(into events: inout PollEvents, milliseconds: Int32) {
        let capacity = Int32(events.storage.count)
        let result = unsafe events.storage.withUnsafeMutableBufferPointer { storage in
            guard let start = storage.baseAddress else { return Int32(0) }
            return unsafe cairn_poller_wait(descriptor.rawValue, start, capacity, milliseconds)
        }
        precondition(result >= 0 || result == -EINTR, "one waits with an open poller")
        events.count = Int(Swift.max(result, 0))
    }

    /// Rounded up: a loop that wakes just before its deadline would wait again for nothing.
    private static func milliseconds(_ timeout: Duration) -> Int32 {
        if timeout <= .zero { return 0 }
        let (seconds, attoseconds) = timeout.components
        guard seconds < Int64(Int32.max) / 1_000 else { return .max }
        let fraction = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: seconds * 1_000 + fraction)
    }
}
