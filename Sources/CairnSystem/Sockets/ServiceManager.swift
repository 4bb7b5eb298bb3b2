// ServiceManager — tells systemd, or who speaks like it, how far the service is.
//
// One datagram for each call to the socket that the environment names; where it names none, nobody wants to
// know. A manager that does not listen is no reason to stop: the error is for the log. Any thread. Spec:
// sd_notify(3).
// Why this is sound: the pointers are those of two arrays, lent for one call with their sizes.

internal import CLinux

/// Who started this service and wants to know how it is.
package struct ServiceManager: Sendable {
    /// How a service is.
    package enum State: Sendable {
        /// It serves.
        case ready
        /// It reads its configuration again, since a time of the monotonic clock.
        case reloading(monotonicNanoseconds: UInt64)
        /// It ends.
        case stopping
        /// A line for people.
        case status(String)

        fileprivate var lines: String {
            switch self {
            case .ready: "READY=1"
            case .reloading(let now): "RELOADING=1\nMONOTONIC_USEC=\(now / 1000)"
            case .stopping: "STOPPING=1"
            case .status(let text): "STATUS=" + text.replacing("\n", with: " ")
            }
        }
    }

    private let path: [UInt8]

    /// The manager at a socket: a path, or an abstract name behind "@". Nil when it is neither.
    package init?(socket name: [UInt8]) {
        guard let first = name.first, name.count > 1,
            first == UInt8(ascii: "/") || first == UInt8(ascii: "@")
        else { return nil }
        path = first == UInt8(ascii: "@") ? [0] + name.dropFirst() : name
    }

    /// The manager that the environment names; nil when there is none.
    package static var ofThisProcess: ServiceManager? {
        ProcessEnvironment.value("NOTIFY_SOCKET").flatMap { ServiceManager(socket: $0) }
    }

    /// Tells all of it at once.
    package func tell(_ states: State...) throws(Errno) {
        let bytes = Array(states.map(\.lines).joined(separator: "\n").utf8)
        try SystemCall.perform {
            unsafe path.withUnsafeBytes { path in
                unsafe bytes.withUnsafeBytes { bytes in
                    unsafe cairn_send_datagram(
                        path.baseAddress, path.count, bytes.baseAddress, bytes.count)
                }
            }
        }
    }
}
