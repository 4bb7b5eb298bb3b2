// RequestRecord — one request as the log tells it, once it was answered.
//
// The target is not in it, for a query may be long and strange: what it was about is its key. A failure of the
// server's is an error, a request that was refused is for those who debug, unless all requests are logged.
// Plain value.

package import CairnHTTP
package import CairnSystem

/// A request that was answered.
package struct RequestRecord: Sendable {
    /// Its name.
    package var id: RequestID
    /// Who asked.
    package var peer: SocketAddress?
    /// How.
    package var method: Method
    /// Which of the server's ways it went: "store", "list", "metrics".
    package var route: StaticString
    /// What it was about.
    package var key: [UInt8]?
    /// The name of its token.
    package var tokenName: String?
    /// What it was answered with.
    package var status: UInt16
    /// Bytes of its body.
    package var receivedByteCount: UInt64 = 0
    /// Bytes of its answer's body.
    package var sentByteCount: UInt64 = 0
    /// From the end of its head to the end of its answer.
    package var nanoseconds: UInt64 = 0
    /// Why it was not served.
    package var failure: String?

    /// A request with its answer; the rest is to be filled in.
    package init(id: RequestID, method: Method, route: StaticString, status: UInt16) {
        self.id = id
        self.method = method
        self.route = route
        self.status = status
    }

    /// How grave it is; `logsAll` is what the operator wants to see.
    package func level(logsAll: Bool) -> LogLevel {
        if status >= 500 { return .error }
        return logsAll ? .info : .debug
    }

    fileprivate var fields: [LogField] {
        var fields: [LogField] = [.text("id", "\(id)")]
        if let peer { fields.append(.text("peer", "\(peer)")) }
        fields += [
            .text("method", "\(method.text)"), .text("route", "\(route)"),
            .number("status", status),
        ]
        if let key { fields.append(.bytes("key", key)) }
        if let tokenName { fields.append(.text("token", tokenName)) }
        fields += [
            .number("received", receivedByteCount), .number("sent", sentByteCount),
            .seconds("seconds", nanoseconds: nanoseconds),
        ]
        if let failure { fields.append(.text("failure", failure)) }
        return fields
    }
}

extension Log {
    /// Logs a request, if it is to be logged.
    package func request(_ record: RequestRecord, logsAll: Bool) {
        log(record.level(logsAll: logsAll), "request", record.fields)
    }
}
