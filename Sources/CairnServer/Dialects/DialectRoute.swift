// DialectRoute — paths of other systems, which people come from, over the same blobs.
//
// The key is what they call path, name or key, verbatim. Each dialect stands in a file of its own. Pure.

internal import CairnHTTP
internal import CairnSystem

/// A request as another system would have it.
enum DialectRoute: Equatable {
    /// `POST /files?path=P`: a file service creates.
    case files
    /// `PUT` and `GET /file?path=P`: it replaces and reads.
    case file
    /// `POST /upload`: a storage node takes the form's field `file`.
    case upload
    /// `GET /blob/<name>`: it reads. The name is this part of the path.
    case node(Range<Int>)
    /// `POST /put/`: a service of JSON values takes one.
    case putValue
    /// `GET /get/<key>`: it reads one.
    case value(Range<Int>)

    /// Nil: no dialect's.
    init?(_ path: RawSpan) {
        if path.isPath("/files") {
            self = .files
        } else if path.isPath("/file") {
            self = .file
        } else if path.isPath("/upload") {
            self = .upload
        } else if path.isPath("/put/") || path.isPath("/put") {
            self = .putValue
        } else if path.begins(with: "/blob/"), path.byteCount > 6 {
            self = .node(6..<path.byteCount)
        } else if path.begins(with: "/get/"), path.byteCount > 5 {
            self = .value(5..<path.byteCount)
        } else {
            return nil
        }
    }
}
