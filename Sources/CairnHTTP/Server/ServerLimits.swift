// ServerLimits — how much a server takes on, and how long it waits for whom.
//
// A client that is slow costs a descriptor and, while it sends or takes something, some buffers; these
// bounds are what keeps many of them from costing more. Pure values.

/// Bounds of a server.
package struct ServerLimits: Sendable {
    package var request = RequestLimits()
    /// Connections in all; who comes then waits to be accepted.
    package var connectionCountMaximum = 1024
    /// Connections from one network that is not this machine.
    package var connectionCountMaximumOfNetwork = 64
    /// Bytes of all bodies that are being collected.
    package var collectByteCountMaximumOfAll = 256 << 20
    /// From a request's first byte to the end of its head.
    package var headDuration: Duration = .seconds(10)
    /// Between two requests.
    package var idleDuration: Duration = .seconds(60)
    /// A body that comes, or an answer that is taken, is looked at so often: it must have moved at
    /// `bytesPerSecondMinimum` since the last look.
    package var graceDuration: Duration = .seconds(10)
    /// See `graceDuration`.
    package var bytesPerSecondMinimum: UInt64 = 1024
    /// How long a client is listened to behind its last answer, so that it can take that.
    package var lingerDuration: Duration = .seconds(2)

    /// The defaults.
    package init() {}
}

extension Duration {
    /// Not below zero; what is longer than five hundred years has no end.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds < 1 << 34 else { return .max }
        return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
    }
}
