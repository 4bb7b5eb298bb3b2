// Options of a store and of a write, and the versions that writes make.
//
// Plain values; nothing is checked here. Opening refuses impossible options of a store, and the
// write itself refuses impossible options of a write, so that the error names the operation.
// Any thread. Spec: Operations.md.

/// When a write is acknowledged.
public enum Durability: UInt8, Sendable, CaseIterable {
    /// After the sync that covers it: survives a power cut.
    case synced
    /// After it was handed to the operating system: survives the process.
    case os
    /// As soon as it is in the buffer; written and synced at the latest after the store's
    /// interval. A kill or a power cut loses a suffix, never a hole.
    case interval
}

/// What a write requires of the blob that is there.
public enum Condition: Equatable, Sendable {
    case none
    /// There is no blob of that key: create only.
    case absent
    /// There is a blob of that key, whatever its version.
    case present
    /// The blob has this version.
    case matches(Version)
    /// There is no blob, or it has another version.
    case differs(from: Version)
}

/// A version of a blob: it changes with every write and survives compaction and restart.
/// No number is ever used twice in a store, not even one that a crash erased.
public struct Version: Hashable, Comparable, Sendable {
    /// The sequence number of the record: a later write of the store has a greater one.
    public let sequence: UInt64

    /// A version whose number was kept outside of the store, for use in a condition.
    public init(sequence: UInt64) { self.sequence = sequence }

    public static func < (left: Version, right: Version) -> Bool { left.sequence < right.sequence }
}

/// How one write is done.
public struct WriteOptions: Sendable {
    /// The most metadata a blob can have.
    public static let metadataByteCountMaximum = 16 * 1024

    /// Nil: as the store's options say.
    public var durability: Durability?
    /// Decided against the newest write of the key, also one that is not yet durable.
    public var condition: Condition
    /// Bytes kept with the blob and returned with it; at most 16 KiB.
    public var metadata: [UInt8]
    /// From this moment on the blob counts as absent; nil: it stays. May have passed already.
    public var expiry: WallTime?

    /// Without arguments: the store's durability, no condition, no metadata, no expiry.
    public init(
        durability: Durability? = nil, condition: Condition = .none, metadata: [UInt8] = [],
        expiry: WallTime? = nil
    ) {
        self.expiry = expiry
        self.durability = durability
        self.condition = condition
        self.metadata = metadata
    }
}

/// How a store is opened.
public struct StoreOptions: Sendable {
    /// What may be done to the directory.
    public enum Access: Sendable, Equatable {
        /// Reading and writing; makes the store when there is none, in a directory that is not there
        /// or is empty.
        case create
        /// Reading and writing; the store must exist.
        case existing
        /// Reading only: no lock, nothing is written or repaired. Works beside a writer and then
        /// shows what the log held at the time of opening.
        case readOnly
    }

    /// Whether the store may be written, and made when there is none.
    public var access: Access
    /// Opens for writing although listed segments are missing or damaged, and strikes what is
    /// lost from the list for ever. Run with it only after reading the report of a plain open.
    public var acceptLoss: Bool
    /// The durability of writes that do not say their own.
    public var durability: Durability
    /// The longest time in milliseconds before an interval write is synced.
    public var intervalMilliseconds: Int
    /// Nil: live bytes / 32, between 16 and 256 MiB.
    public var segmentByteCount: UInt64?
    /// The largest blob accepted, at most 5 TiB.
    public var blobByteCountMaximum: UInt64
    /// Whether values are compressed where it gains something.
    public var compresses: Bool
    /// Whether the space of overwritten and deleted blobs is taken back in the background.
    public var compacts: Bool
    /// Bytes on disk, hints included, for each live one, that compaction keeps the store below. More
    /// than 1; the nearer to 1, the more is copied.
    public var spaceAmplificationTarget: Double
    /// The most that compaction reads and writes in a second; nil: as much as writers leave. With a limit
    /// writers are not slowed when compaction falls behind, and the store may outgrow its target.
    public var compactionBytesPerSecond: UInt64?
    /// Whether segments that have ended are read through maps of their files, which costs less than
    /// system calls. Takes no memory of its own, but what is read counts as resident; a handler of SIGBUS
    /// is installed, which passes on what is not the store's.
    public var mapsSegments = true
    /// How the store is scrubbed in the background while it is open for writing; nil: it is not. A program
    /// that lives for seconds has no use for it.
    public var scrub: ScrubOptions?
    /// Threads that build the index while the store is opened. Nil: as many as there are
    /// processors, four at most.
    public var loadingThreadCount: Int?
    /// Called while the store is opened, at most ten times a second and at the end, on any thread
    /// and one call at a time.
    public var progress: (@Sendable (OpeningProgress) -> Void)?

    /// The largest blob that any store accepts: 5 TiB.
    public static let blobByteCountLimit: UInt64 = 5 << 40

    /// Without arguments: a store that is made when missing and syncs every write.
    public init(
        access: Access = .create, acceptLoss: Bool = false, durability: Durability = .synced,
        intervalMilliseconds: Int = 100, segmentByteCount: UInt64? = nil,
        blobByteCountMaximum: UInt64 = StoreOptions.blobByteCountLimit, compresses: Bool = true,
        compacts: Bool = true, spaceAmplificationTarget: Double = 1.5
    ) {
        self.access = access
        self.acceptLoss = acceptLoss
        self.durability = durability
        self.intervalMilliseconds = intervalMilliseconds
        self.segmentByteCount = segmentByteCount
        self.blobByteCountMaximum = blobByteCountMaximum
        self.compresses = compresses
        self.compacts = compacts
        self.spaceAmplificationTarget = spaceAmplificationTarget
    }
}
