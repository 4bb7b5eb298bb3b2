// Batch — writes that happen all or not at all, also across a power cut.
//
// Not a snapshot for readers: while a batch is published, a reader may see some of it. Records are
// applied in the order in which they were added; one key may appear once.

/// Writes that are applied whole or not at all.
public struct Batch: Sendable {
    /// The most records of a batch.
    public static let recordCountMaximum = 65_536
    /// The most bytes of a batch: its values and their metadata; keys are not counted.
    public static let byteCountMaximum = 64 << 20

    enum Action: Sendable {
        case put([UInt8], metadata: [UInt8], expiry: WallTime?)
        case delete
    }

    struct Member: Sendable {
        let key: Key
        let action: Action
        let condition: Condition
    }

    private(set) var members: [Member] = []

    /// A batch without writes; to apply it is legal and does nothing.
    public init() {}

    /// How many writes were added, deletes included.
    public var count: Int { members.count }

    /// Adds a write of `value`. Nothing is checked here: a batch that is too large, or that names
    /// a key twice, fails when it is applied.
    public mutating func put(
        _ key: Key, _ value: [UInt8], metadata: [UInt8] = [], expiry: WallTime? = nil,
        condition: Condition = .none
    ) {
        members.append(
            Member(
                key: key, action: .put(value, metadata: metadata, expiry: expiry),
                condition: condition))
    }

    /// Deletes `key`; a key that is not there is no failure unless `condition` says so.
    public mutating func delete(_ key: Key, condition: Condition = .none) {
        members.append(Member(key: key, action: .delete, condition: condition))
    }
}
