// ServerConfiguration — all that a server is told when it starts.
//
// A plain value, whose first state is that of the table's defaults. What the loops and the store take is
// kept in their own types. `requireRunnable` says what is missing or dangerous, before anything is opened.
// Which option sets what stands in SettingTable.swift. Spec: the server's documentation, "Running".

package import Cairn
package import CairnHTTP
package import CairnSystem

/// What a server is told.
package struct ServerConfiguration: Sendable {
    /// Where the store is; it is made when there is none. Nil: nobody said.
    package var directory: String?
    /// Where it listens.
    package var address: SocketAddress
    /// Threads that serve connections; nil: one for each processor.
    package var loopCount: Int?
    /// Threads that wait for the disk, so that loops need not.
    package var diskThreadCount = 4
    /// Of requests and connections.
    package var limits = ServerLimits()
    /// Bytes of bodies in memory, on their way into the store; see `ServerContext`.
    package var uploadByteCountMaximum = 256 << 20
    /// How the store is opened.
    package var store = StoreOptions()
    /// Bytes that the scrub reads in a second at the most; nil: the store is not scrubbed.
    package var scrubBytesPerSecond: UInt64? = ScrubOptions().bytesPerSecond
    /// From the beginning of one pass of the scrub to that of the next.
    package var scrubInterval = ScrubOptions().interval
    /// How long requests that are under way may take when the server is told to end.
    package var drainDuration: Duration = .seconds(30)
    /// Whether requests of other systems are understood as well.
    package var servesDialects = true
    /// The longest form or JSON of theirs.
    package var formByteCountMaximum = 64 << 20
    /// The file of tokens; nil: none are asked for.
    package var tokenPath: String?
    /// Whether everybody who reaches the address may do everything, wherever that is.
    package var isOpenToEverybody = false
    /// The certificate, and what it was signed for, in PEM; nil: no TLS.
    package var certificatePath: String?
    /// The certificate's private key, in PEM.
    package var certificateKeyPath: String?
    /// What is logged.
    package var logLevel = LogLevel.info
    /// How it is logged.
    package var logForm = LogForm.automatic
    /// Whether each request is logged.
    package var logsRequests = false

    /// The defaults, at `address`.
    package init(address: SocketAddress) { self.address = address }

    /// Threads that serve connections, counted.
    package var loopCountOnThisMachine: Int { loopCount ?? max(1, ResourceLimits.processorCount) }
}

/// How much is logged: each level includes those before it.
package enum LogLevel: String, Sendable, CaseIterable, Comparable {
    /// Something failed that the server owes somebody.
    case error
    /// Something may fail soon, or is not as it should be.
    case warning
    /// What an operator wants to find afterwards.
    case info
    /// What a developer wants to see.
    case debug

    private var rank: Int {
        switch self {
        case .error: 0
        case .warning: 1
        case .info: 2
        case .debug: 3
        }
    }

    /// The smaller one is the graver.
    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}

/// How log lines look.
package enum LogForm: String, Sendable, CaseIterable {
    /// Text where a person reads it, JSON elsewhere.
    case automatic = "auto"
    /// For people.
    case text
    /// One object a line.
    case json
}
