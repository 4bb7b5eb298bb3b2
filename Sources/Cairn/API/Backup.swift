// Options of a backup, how far one has come, and what it did.
//
// Plain values. A backup is a directory that opens for reading only, until it is restored: then it is
// a store of its own. Any thread. Spec: Engine.md, "Backup"; Operations.md, "Backup and restore".

/// How a backup or a restore is made.
public struct BackupOptions: Sendable {
    /// Whether segments may share their bytes with the original, as hard links or clones, where the
    /// file system can do that: no byte is copied then, and rot of a shared byte hits both. Without it
    /// every segment is copied.
    public var sharesBytes: Bool

    /// Without arguments: bytes of its own.
    public init(sharesBytes: Bool = false) { self.sharesBytes = sharesBytes }
}

/// How far a backup has come.
public struct BackupProgress: Equatable, Sendable {
    /// Segments that are there.
    public internal(set) var segmentCount = 0
    /// Segments in all.
    public internal(set) var segmentTotal = 0
    /// Bytes that are there.
    public internal(set) var byteCount: UInt64 = 0
    /// Bytes in all, hints not among them.
    public internal(set) var byteTotal: UInt64 = 0
}

/// What a backup did.
public struct BackupResult: Equatable, Sendable {
    /// Segments of the backup.
    public internal(set) var segmentCount = 0
    /// Their bytes, hints not among them.
    public internal(set) var byteCount: UInt64 = 0
    /// Segments that an earlier backup into this directory had brought.
    public internal(set) var reusedSegmentCount = 0
    /// Segments that were copied.
    public internal(set) var copiedSegmentCount = 0
    /// Bytes that were copied, hints among them.
    public internal(set) var copiedByteCount: UInt64 = 0
    /// Segments that share their bytes with the original: rot of such a byte hits both, and nothing
    /// else than a second disk helps. Not told: clones that an earlier backup made.
    public internal(set) var sharedSegmentCount = 0
    /// Files of earlier backups that were removed.
    public internal(set) var removedFileCount = 0
    /// The newest version that may be in it: everything written before is, nothing written later.
    public internal(set) var newestVersion: Version?
    /// What was wrong with the original and is so with the backup, one line each.
    public internal(set) var findings: [String] = []
}
