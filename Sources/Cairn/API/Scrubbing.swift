// Scrubbing — how a store's segments are read again in the background, and what is told of it.
//
// Plain values; any thread. Spec: Engine.md, "Scrub".

/// How a store is scrubbed: every byte of it read and verified, again and again.
public struct ScrubOptions: Sendable {
    /// Bytes read in a second, at the most.
    public var bytesPerSecond: UInt64
    /// From the beginning of one pass to that of the next; at once, if the pass took longer.
    public var interval: Duration
    /// Told what happens, on the scrub's own thread, which it may hold up.
    public var report: @Sendable (ScrubEvent) -> Void

    /// Without arguments: 8 MiB a second, every seven days.
    public init(
        bytesPerSecond: UInt64 = 8 << 20, interval: Duration = .seconds(7 * 86_400),
        report: @escaping @Sendable (ScrubEvent) -> Void = { _ in }
    ) {
        self.bytesPerSecond = bytesPerSecond
        self.interval = interval
        self.report = report
    }
}

/// What happens to a scrub.
public enum ScrubEvent: Sendable {
    /// A pass begins, or one is gone on with that was under way when the store was closed.
    case begun(isContinued: Bool)
    /// Something is damaged: the error that a read of it would throw.
    case damaged(StoreError)
    /// A pass came to its end and had found so much damage.
    case ended(damageCount: UInt64)
    /// Where the scrub is could not be read or kept; it may begin anew after a restart.
    case placeLost(StoreError)
}

/// What is known of the scrub of a store.
public struct ScrubStatistics: Equatable, Sendable {
    /// Whether a pass is under way.
    public var isUnderWay = false
    /// When that pass began, or the last one did; nil: there never was one.
    public var beganAt: WallTime?
    /// Bytes read in that pass.
    public var passByteCount: UInt64 = 0
    /// Bytes to read in that pass, about: compaction may spare it some.
    public var passByteTotal: UInt64 = 0
    /// When a pass last came to its end; nil: none did.
    public var lastFullPass: WallTime?
    /// Damage that it had found.
    public var lastFullPassDamageCount: UInt64 = 0
    /// Bytes read since the store was opened.
    public var byteCount: UInt64 = 0
    /// Damage found since the store was opened.
    public var damageCount: UInt64 = 0

    /// Of a store that was never scrubbed.
    package init() {}
}
