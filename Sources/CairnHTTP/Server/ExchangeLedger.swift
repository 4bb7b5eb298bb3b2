// ExchangeLedger — what is noted of a request while it is served, for the summary at its end.
//
// Of one connection, and used for one request after the other. The loop's thread.

internal import CairnSystem

struct ExchangeLedger {
    /// Whether a request is being served.
    private(set) var isOpen = false
    private var beganAt: UInt64 = 0
    var status: UInt16?
    var receivedByteCount: UInt64 = 0
    var sentByteCount: UInt64 = 0
    var tag: UInt8 = 0
    var attachment: AnyObject?

    /// A head was read.
    mutating func open() {
        isOpen = true
        beganAt = Clock.monotonicNanoseconds()
    }

    /// The answer is whole, or never will be. Nothing when no request was opened.
    mutating func close(_ method: Method, isWhole: Bool, _ handler: any RequestHandler) {
        guard isOpen else { return }
        handler.end(
            ExchangeSummary(
                method: method, status: isWhole ? status : nil,
                receivedByteCount: receivedByteCount, sentByteCount: sentByteCount,
                nanoseconds: Clock.monotonicNanoseconds() - beganAt, tag: tag,
                attachment: attachment))
        self = ExchangeLedger()
    }
}
