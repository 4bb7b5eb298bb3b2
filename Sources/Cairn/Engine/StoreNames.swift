// StoreNames — what the files of a store are called.
//
// Part of the format: a name never changes its meaning. The files of a segment are named by
// `SegmentFileName`. Constants, for any thread. Spec: Format.md, "Files".

/// Names within a store's root directory.
package enum StoreNames {
    package static let identity = "STORE"
    package static let manifest = "MANIFEST"
    package static let reserve = "RESERVE"
    package static let lock = "LOCK"
    /// Suffix of a file that will replace another.
    package static let replacement = ".new"
    /// Suffix of a hint that is being written.
    package static let unfinished = ".tmp"
}
