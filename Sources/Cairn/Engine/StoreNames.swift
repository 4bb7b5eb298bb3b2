// StoreNames — what the files of a store are called. Spec: Format.md, "Files".
// The files of a segment are named by `SegmentFileName`.

/// Names within a store's root directory.
package enum StoreNames {
    package static let identity = "STORE"
    package static let manifest = "MANIFEST"
    package static let reserve = "RESERVE"
    package static let lock = "LOCK"
    /// Suffix of a file that will replace another.
    package static let replacement = ".new"
}
