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
    package static let scrub = "SCRUB"
    package static let segments = "segments"
    package static let quarantine = "quarantine"
    /// What a file system has in its root directory: nothing of a store, and nobody's file.
    package static let lostAndFound = "lost+found"
    /// Suffix of a file that will replace another.
    package static let replacement = ".new"
    /// Suffix of a hint that is being written.
    package static let unfinished = ".tmp"
}
