// StoreError — the one error type of the public interface.
//
// `kind` is what a program decides on; the message is for the operator and names the segment,
// offset, file and errno where there are any. A missing key is never an error.

internal import CairnFormat
internal import CairnSystem
internal import Glibc

/// Why an operation on a store failed.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// What a program can decide on.
    public enum Kind: String, Sendable, CaseIterable {
        /// There is no store in the directory.
        case noStore
        /// Another process holds the store, or changes it faster than a reader can follow.
        case inUse
        /// The store was written by a newer program, or uses a feature that this one lacks.
        case unsupportedVersion
        /// The directory holds a backup, which opens for reading only until it is restored.
        case isBackup
        /// A new store, a backup or a restore was pointed at a directory that is not meant for it.
        /// Nothing was touched; the message says what is there.
        case wrongDirectory
        /// STORE or MANIFEST is damaged or missing.
        case storeDamaged
        /// The store takes no writes: opened so, or because listed segments are missing or damaged;
        /// its findings name them, and opened with `acceptLoss` it goes on without what is lost.
        case readOnly
        /// The file system is full; reads and deletes go on, writes resume when space returns.
        case diskFull
        /// A sync failed, or writes failed for good: the operation may or may not survive, later
        /// ones are refused. The store must be reopened.
        case outcomeUnknown
        /// The bytes of the blob do not match their checksum, or some of them are missing.
        case damaged
        /// A damaged span may hide a newer version or a delete of this key.
        case uncertain
        /// The condition of the write does not hold.
        case conditionFailed
        /// The key is empty or longer than 65,535 bytes.
        case invalidKey
        /// More than 16 KiB of metadata.
        case metadataTooLong
        /// The blob is larger than the store allows, or too large to be returned at once.
        case blobTooLarge
        /// The batch is larger than 64 MiB or 65,536 records, or names one key twice.
        case invalidBatch
        /// An option has an impossible value.
        case invalidOption
        /// The operating system refused something.
        case inputOutput
        /// The store, writer or reader was closed.
        case closed
    }

    private final class Detail: Sendable {
        let message: String
        let segmentID: UInt64?
        let offset: UInt64?
        let errno: Int32?
        let currentVersion: Version?

        init(
            _ message: String, segmentID: UInt64?, offset: UInt64?, errno: Int32?,
            currentVersion: Version?
        ) {
            self.message = message
            self.segmentID = segmentID
            self.offset = offset
            self.errno = errno
            self.currentVersion = currentVersion
        }
    }

    /// Which of the failures it is; stable between releases, unlike `message`.
    public let kind: Kind
    private let detail: Detail

    package init(
        _ kind: Kind, _ message: String, segmentID: UInt64? = nil, offset: UInt64? = nil,
        errno: Int32? = nil, currentVersion: Version? = nil
    ) {
        self.kind = kind
        self.detail = Detail(
            message, segmentID: segmentID, offset: offset, errno: errno,
            currentVersion: currentVersion)
    }

    /// What happened, for an operator.
    public var message: String { detail.message }
    /// The segment concerned, if one is.
    public var segmentID: UInt64? { detail.segmentID }
    /// Where in the segment.
    public var offset: UInt64? { detail.offset }
    /// The operating system's error number, if it was asked.
    public var errno: Int32? { detail.errno }
    /// For `conditionFailed`: the version that is there, nil when there is none.
    public var currentVersion: Version? { detail.currentVersion }

    public var description: String { "\(kind.rawValue): \(detail.message)" }
}

extension StoreError {
    /// The error for a failed file operation outside the log.
    init(_ error: FileError, doing task: String) {
        let kind: Kind = error.isOutOfSpace ? .diskFull : .inputOutput
        self.init(kind, "\(task): \(error)", errno: error.code)
    }

    /// The same error, which says more.
    func adding(_ text: String) -> StoreError {
        StoreError(
            kind, "\(message); \(text)", segmentID: segmentID, offset: offset, errno: errno,
            currentVersion: currentVersion)
    }

    /// A write that may not wait for the disk would have to; nothing was done. Not for callers of the store.
    static let wouldWait = StoreError(.inputOutput, "the write would wait for the disk")
    var isOfWaiting: Bool { detail === Self.wouldWait.detail }

    /// There were no file descriptors left.
    var isOutOfDescriptors: Bool { errno == EMFILE || errno == ENFILE }

    static func damagedFile(_ name: String, _ error: FormatError) -> StoreError {
        StoreError(.storeDamaged, "\(name) is damaged: \(error)")
    }
}
