// Resource — all that the server has, by the form of its path, and what each of them understands.
//
// The one list of paths and methods: what OPTIONS and refusals say is made from it, and the document that
// describes the server to programs (openapi.json) is held to it by a test. Plain values.

internal import CairnHTTP
internal import CairnSystem

/// What stands at one path, or at all paths of one form.
package enum Resource: CaseIterable, Sendable {
    case blob, store, health, readiness, status, metrics, admin, document, page
    /// Of other systems; see `DialectRoute`.
    case files, file, upload, node, putValue, value

    /// The path, in which braces stand for what varies.
    package var path: String {
        switch self {
        case .blob: "/store/{key}"
        case .store: "/store/"
        case .health: "/healthz"
        case .readiness: "/readyz"
        case .status: "/status"
        case .metrics: "/metrics"
        case .admin: "/admin/{job}"
        case .document: "/openapi.json"
        case .page: "/"
        case .files: "/files"
        case .file: "/file"
        case .upload: "/upload"
        case .node: "/blob/{key}"
        case .putValue: "/put/"
        case .value: "/get/{key}"
        }
    }

    /// The methods that it knows, as they stand in `Allow`.
    package var methods: StaticString {
        switch self {
        case .blob: "GET, HEAD, PUT, POST, DELETE, OPTIONS"
        case .store: "GET, HEAD, POST, OPTIONS"
        case .health, .readiness, .status, .metrics, .document, .page, .node, .value:
            "GET, HEAD, OPTIONS"
        case .admin, .files, .upload, .putValue: "POST, OPTIONS"
        case .file: "GET, HEAD, PUT, OPTIONS"
        }
    }

    /// Whether a method is among them.
    func knows(_ method: CairnHTTP.Method) -> Bool {
        let (list, word) = (methods.rawSpan, method.text.rawSpan)
        var start = 0
        while start < list.byteCount {
            let end = list.firstIndex(of: UInt8(ascii: ","), from: start) ?? list.byteCount
            if list.extracting(start..<end).isEqual(to: word) { return true }
            start = end + 2
        }
        return false
    }
}

extension Route {
    /// What it is about; nil when there is nothing.
    var resource: Resource? {
        switch self {
        case .blob: .blob
        case .store: .store
        case .health: .health
        case .readiness: .readiness
        case .status: .status
        case .metrics: .metrics
        case .admin: .admin
        case .document: .document
        case .page: .page
        case .dialect(let route): route.resource
        case .server, .none: nil
        }
    }
}

extension DialectRoute {
    /// What it is about.
    var resource: Resource {
        switch self {
        case .files: .files
        case .file: .file
        case .upload: .upload
        case .node: .node
        case .putValue: .putValue
        case .value: .value
        }
    }
}
