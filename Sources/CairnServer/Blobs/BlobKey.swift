// BlobKey — keys in targets: what is behind the route, decoded once, and nothing else.
//
// An escaped slash is a slash, a dot is a dot; no key becomes a path of files. Keys of clients are texts of 1
// to 1,024 bytes; the engine takes others, which are seen in listings only. Pure.

internal import CairnSystem
internal import CairnHTTP

/// Keys that clients may use.
package enum BlobKey {
    /// The longest one.
    package static let byteCountMaximum = 1024

    /// The key that an escaped text names.
    package static func decode(_ text: RawSpan) throws(Problem) -> [UInt8] {
        guard let key = PercentCoding.decoded(text) else {
            throw Problem(.invalidKey, "an escape of the key is malformed")
        }
        try check(key)
        return key
    }

    /// Whether a client may use it.
    package static func check(_ key: [UInt8]) throws(Problem) {
        guard !key.isEmpty else { throw Problem(.invalidKey, "a key has at least one byte") }
        guard key.count <= byteCountMaximum else {
            throw Problem(
                .invalidKey, "a key has at most \(byteCountMaximum) bytes, not \(key.count)")
        }
        guard isText(key) else { throw Problem(.invalidKey, "a key is text in UTF-8") }
        guard !key.contains(0) else { throw Problem(.invalidKey, "a key holds no zero byte") }
    }

    /// Whether it is UTF-8.
    static func isText(_ key: [UInt8]) -> Bool {
        do {
            _ = try UTF8Span(validating: key.span)
            return true
        } catch {
            return false
        }
    }
}
