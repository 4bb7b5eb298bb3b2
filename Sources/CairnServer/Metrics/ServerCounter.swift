// ServerCounter — what a server counts: each number that only grows, with its name for Prometheus.
//
// Names begin with `cairn_`, have base units and end with `_total`; what several numbers share is one family
// with a label. Labels have few values, and never a key. Numbers by method and by time stand in
// Metrics.swift. Pure values.

/// A number that only grows.
package enum ServerCounter: Int, Sendable, CaseIterable {
    /// A read of a key that has a blob.
    case readHit
    /// A read of a key that has none.
    case readMiss
    /// A write that was acknowledged.
    case write
    /// A write whose condition failed.
    case writeConditionFailed
    /// A delete of a key that had a blob.
    case deleteHit
    /// A delete of a key that had none.
    case deleteMiss
    /// A page of a listing.
    case listing
    /// Bytes of bodies that came.
    case receivedBytes
    /// Bytes of bodies that went.
    case sentBytes
    /// A connection that was accepted.
    case connection
    /// A request without a token, or with one that nobody has.
    case unauthenticated
    /// A request whose token does not allow it.
    case forbidden
    /// A request that was put off, for too much is under way.
    case overloaded
    /// A write that found no room on the disk.
    case diskFull
    /// A request that met damaged bytes.
    case damaged
    /// A read that cannot tell whether there is a blob, for records are missing.
    case uncertain
    /// A write of which nobody can say whether it is durable.
    case outcomeUnknown
    /// A request that the disk failed.
    case inputOutput

    /// Numbers of one name.
    package struct Family: Equatable, Sendable {
        /// Whole, as Prometheus sees it.
        package let name: String
        /// One line.
        package let help: String
        /// What its numbers differ in; nil: there is one.
        package let label: String?
    }

    /// What it belongs to, and its own value of the label.
    package var family: (Family, value: String) {
        switch self {
        case .readHit: (Self.reads, "hit")
        case .readMiss: (Self.reads, "miss")
        case .write: (Self.writes, "done")
        case .writeConditionFailed: (Self.writes, "condition_failed")
        case .deleteHit: (Self.deletes, "hit")
        case .deleteMiss: (Self.deletes, "miss")
        case .listing: (Self.alone("listings_total", "Pages of listings."), "")
        case .receivedBytes:
            (Self.alone("http_received_bytes_total", "Bytes of bodies that came."), "")
        case .sentBytes: (Self.alone("http_sent_bytes_total", "Bytes of bodies that went."), "")
        case .connection:
            (Self.alone("http_connections_total", "Connections that were accepted."), "")
        case .unauthenticated: (Self.failures, "unauthenticated")
        case .forbidden: (Self.failures, "forbidden")
        case .overloaded: (Self.failures, "overloaded")
        case .diskFull: (Self.failures, "disk_full")
        case .damaged: (Self.failures, "damaged")
        case .uncertain: (Self.failures, "uncertain")
        case .outcomeUnknown: (Self.failures, "outcome_unknown")
        case .inputOutput: (Self.failures, "input_output")
        }
    }

    private static let reads = Family(
        name: "cairn_reads_total", help: "Reads of blobs, by whether there was one.",
        label: "result")
    private static let writes = Family(
        name: "cairn_writes_total", help: "Writes of blobs, by what came of them.",
        label: "result")
    private static let deletes = Family(
        name: "cairn_deletes_total", help: "Deletes of blobs, by whether there was one.",
        label: "result")
    private static let failures = Family(
        name: "cairn_failures_total", help: "Requests that were not served, by why.",
        label: "kind")

    private static func alone(_ name: String, _ help: String) -> Family {
        Family(name: "cairn_" + name, help: help, label: nil)
    }
}

/// A time that is measured.
package enum ServerTimer: Int, Sendable, CaseIterable {
    /// Requests that read a blob, from the head's end to the answer's.
    case read
    /// Requests that write one.
    case write
    /// Requests that delete.
    case delete
    /// Requests that list.
    case list
    /// All other requests.
    case other
    /// From the end of a write's bytes to its acknowledgement.
    case commit
    /// One sync of the log.
    case sync

    /// What it belongs to, and its own value of the label.
    package var family: (ServerCounter.Family, value: String) {
        switch self {
        case .read: (Self.requests, "read")
        case .write: (Self.requests, "write")
        case .delete: (Self.requests, "delete")
        case .list: (Self.requests, "list")
        case .other: (Self.requests, "other")
        case .commit:
            (
                ServerCounter.Family(
                    name: "cairn_commit_duration_seconds",
                    help: "From the end of a write's bytes to its acknowledgement.", label: nil), ""
            )
        case .sync:
            (
                ServerCounter.Family(
                    name: "cairn_sync_duration_seconds", help: "Syncs of the log.", label: nil), ""
            )
        }
    }

    private static let requests = ServerCounter.Family(
        name: "cairn_http_request_duration_seconds",
        help: "From a head's end to its answer's, by what was asked for.", label: "operation")
}
