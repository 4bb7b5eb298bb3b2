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
    case health
    case readiness
    case none

    /// The route of a path.
    init(_ path: RawSpan) {
        if path.starts(with: "/store/") {
            let key = 7..<path.byteCount
            self = key.isEmpty ? .store : .blob(key)
        } else if path.isEqual(to: ("/healthz" as StaticString).rawSpan) {
            self = .health
        } else if path.isEqual(to: ("/readyz" as StaticString).rawSpan) {
            self = .readiness
        } else {
            self = .none
        }
    }
}

extension RawSpan {
    fileprivate func starts(with word: StaticString) -> Bool {
        byteCount >= word.utf8CodeUnitCount
            && extracting(0..<word.utf8CodeUnitCount).isEqual(to: word.rawSpan)
    }
}
