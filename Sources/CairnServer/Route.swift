// Route — what the path of a request is about.
//
// Routes are told by the bytes of the path, which are not decoded for that; what follows a prefix is the route's
// own. Pure.

internal import CairnHTTP
internal import CairnSystem

/// The resources of the server.
enum Route: Equatable {
    /// The key, still with its escapes, is this part of the path.
    case blob(Range<Int>)
    case store
    /// The server itself: `OPTIONS *`.
    case server
    case health
    case readiness
    case status
    case metrics
    /// The job's name is this part of the path.
    case admin(Range<Int>)
    /// What describes all of them.
    case document
    /// What people look at.
    case page
    case dialect(DialectRoute)
    case none

    /// In logs.
    var name: StaticString {
        switch self {
        case .blob: "blob"
        case .store: "store"
        case .server: "server"
        case .health: "health"
        case .readiness: "readiness"
        case .status: "status"
        case .metrics: "metrics"
        case .admin: "admin"
        case .document: "document"
        case .page: "page"
        case .dialect: "dialect"
        case .none: "none"
        }
    }

    /// The route of a path.
    init(_ path: RawSpan) {
        if path.begins(with: "/store/") {
            let key = 7..<path.byteCount
            self = key.isEmpty ? .store : .blob(key)
        } else if path.isPath("*") {
            self = .server
        } else if path.isPath("/healthz") {
            self = .health
        } else if path.isPath("/readyz") {
            self = .readiness
        } else if path.isPath("/status") {
            self = .status
        } else if path.isPath("/metrics") {
            self = .metrics
        } else if path.begins(with: "/admin/") {
            self = .admin(7..<path.byteCount)
        } else if path.isPath("/openapi.json") {
            self = .document
        } else if path.isPath("/") {
            self = .page
        } else if let route = DialectRoute(path) {
            self = .dialect(route)
        } else {
            self = .none
        }
    }
}

extension RawSpan {
    /// Whether the path is this one.
    func isPath(_ path: StaticString) -> Bool { isEqual(to: path.rawSpan) }

    /// Whether it begins so.
    func begins(with word: StaticString) -> Bool {
        byteCount >= word.utf8CodeUnitCount
            && extracting(0..<word.utf8CodeUnitCount).isEqual(to: word.rawSpan)
    }
}
