// SimulatedDisk — a disk in memory that forgets what a real one may forget.
//
// What reads see and what survives are kept apart: bytes per file, names per directory. Everything
// that changes the disk or makes changes durable is a numbered step, at which a test may cut the
// power (`crash(atStep:)`): from then on each call fails, until `powerCut` or `kill` boots the disk
// again. The same seed and the same calls give the same result. Spec: RELIABILITY, "The simulated
// disk"; Engine.md, "What a disk may forget".
// Threads: any; one lock, held for the length of a call, guards `state`. A single thread pays some
// 20 ns for it. Only the observers run outside; set them before other threads come in.
// Reboot only when the engine of the last boot makes no more calls that name files by name: those
// with handles of an earlier boot fail by themselves.

internal import Cairn
internal import CairnSystem

/// An in-memory `Storage` with power cuts, faults and rot: a view of one of the disk's two roots.
package final class SimulatedDisk: Storage, Sendable {
    /// An open file; `file` is negative once it is closed.
    struct OpenFile: Sendable {
        var file: Int
        var isWritable: Bool
    }

    /// All that the disk is.
    struct State: Sendable {
        var files: [SimulatedFile] = []
        var freeFiles: [Int] = []
        /// Of each root.
        var roots = [SimulatedNames(), SimulatedNames()]
        /// Which of them the call that has the lock is about.
        var root = 0
        var openFiles: [OpenFile] = []
        var firstHandle: Int32 = 1
        /// Roots whose lock is held.
        var lockedRoots: Set<Int> = []

        var stepCount = 0
        var order: UInt64 = 0
        var isDead = false
        var crash: (step: Int, position: CrashPosition)?
        var countsReads = false
        var faults: [Fault] = []
        var capacityPageCount: Int?
        /// A disk without a limit has a pebibyte.
        var totalPageCount = 1 << 38
        var usedPageCount = 0
        var directoryFailuresStayPending = false

        var random: TestRandom
        var engineRandom: TestRandom
        var wallNanoseconds: UInt64 = 1_750_000_000_000_000_000
        var monotonicNanoseconds: UInt64 = 1_000_000_000
        var nanosecondsPerStep: UInt64 = 1000

        var isTracing = false
        var trace: [String] = []

        /// Of the root that the call is about.
        var names: SimulatedNames {
            _read { yield roots[root] }
            _modify { yield &roots[root] }
        }
    }

    /// What the views of one disk share.
    // Sendable because `state` is only touched while `lock` is held, and the observers are set before
    // the disk is shared.
    final class Core: @unchecked Sendable {
        let lock = AdaptiveLock()
        var state: State
        var stepObserver: ((Int) -> Void)?
        var readObserver: (() -> Void)?
        var isNothingCached = false

        init(_ state: State) { self.state = state }
    }

    /// A disk at one moment; cheap, for bytes are shared until they change.
    package struct Snapshot: Sendable {
        let state: State
    }

    let core: Core
    /// Whose names this view shows.
    let root: Int

    var stateLock: AdaptiveLock { core.lock }
    var state: State {
        _read { yield core.state }
        _modify { yield &core.state }
    }

    /// Called before each step, with its number, outside the lock: a test that wants to fork the
    /// disk there takes a `snapshot()`.
    package var stepObserver: ((Int) -> Void)? {
        get { core.stepObserver }
        set { core.stepObserver = newValue }
    }

    /// Another directory on the same disk, for a backup: steps, faults, space and power are shared.
    package var otherRoot: SimulatedDisk { SimulatedDisk(core, root: 1 - root) }

    private init(_ core: Core, root: Int) {
        self.core = core
        self.root = root
    }

    /// Called before each read, outside the lock: a test that wants something done in the midst of
    /// another's read does it there. A read through a handle that this closed fails, as on a real disk.
    package var readObserver: (() -> Void)? {
        get { core.readObserver }
        set { core.readObserver = newValue }
    }

    /// Whether a read that may not wait for the disk finds nothing.
    package var isNothingCached: Bool {
        get { stateLock.withLock { core.isNothingCached } }
        set { stateLock.withLock { core.isNothingCached = newValue } }
    }

    /// An empty disk; `seed` decides its dice and the engine's random numbers.
    package init(seed: UInt64 = 1) {
        var dice = TestRandom(seed: seed)
        let engineRandom = dice.fork()
        core = Core(State(random: dice, engineRandom: engineRandom))
        root = 0
    }

    /// A disk of its own that is as `other` is now, open handles included.
    package convenience init(copying other: SimulatedDisk) {
        self.init(other.snapshot())
    }

    /// A disk as it was when the snapshot was taken.
    package init(_ snapshot: Snapshot) {
        core = Core(snapshot.state)
        root = 0
    }

    /// The disk as it is now.
    package func snapshot() -> Snapshot {
        withLock { Snapshot(state: $0) }
    }

    /// Turns the disk back to a snapshot, dice, clocks and step count included, but with every handle
    /// closed and the lock free: a process cannot be turned back. `powerCut` or `kill` may follow.
    package func restore(_ snapshot: Snapshot) {
        withLock { state in
            let firstHandle = state.nextHandle
            state = snapshot.state
            state.endProcess()
            state.firstHandle = max(firstHandle, state.firstHandle)
        }
    }

    func withLock<Result>(_ body: (inout State) -> Result) -> Result {
        stateLock.lock()
        defer { stateLock.unlock() }
        state.root = root
        return body(&state)
    }
}

// MARK: Steps and crashes

extension SimulatedDisk {
    /// How many steps there have been. The first is step 1.
    package var stepCount: Int { withLock { $0.stepCount } }

    /// Whether the power is gone: every call fails until the next boot.
    package var isDead: Bool { withLock { $0.isDead } }

    /// Whether reads are steps too.
    package var countsReads: Bool {
        get { withLock { $0.countsReads } }
        set { withLock { $0.countsReads = newValue } }
    }

    /// Lets the power go at a step to come.
    package func crash(atStep step: Int, position: CrashPosition = .before) {
        withLock { $0.crash = (step, position) }
    }

    /// Takes `crash(atStep:)` back.
    package func cancelCrash() {
        withLock { $0.crash = nil }
    }

    /// The power goes now; call `powerCut` or `kill` next.
    package func die() {
        withLock { $0.isDead = true }
    }
}

// MARK: Faults, space, clock, trace

extension SimulatedDisk {
    /// Makes a call to come fail.
    package func inject(_ fault: Fault) {
        withLock { $0.faults.append(fault) }
    }

    /// Forgets all faults, those that struck and those to come.
    package func clearFaults() {
        withLock { $0.faults.removeAll() }
    }

    /// The faults, those that struck and those to come; a test may set them aside for a while.
    package var pendingFaults: [Fault] {
        get { withLock { $0.faults } }
        set { withLock { $0.faults = newValue } }
    }

    /// How many bytes all files together may occupy, in pages of 4 KiB; nil: no limit.
    package var capacity: UInt64? {
        get { withLock { $0.capacityPageCount.map { UInt64($0) * 4096 } } }
        set { withLock { $0.capacityPageCount = newValue.map { Int($0 / 4096) } } }
    }

    /// How long the disk is: what goes beyond `capacity` is full of somebody else's files.
    package var size: UInt64 {
        get { withLock { UInt64($0.totalPageCount) * 4096 } }
        set { withLock { $0.totalPageCount = Int(newValue / 4096) } }
    }

    /// How many bytes the files occupy.
    package var usedByteCount: UInt64 { withLock { UInt64($0.usedPageCount) * 4096 } }

    /// Whether names that a failed directory sync did not write are written by the next one. By
    /// default they are lost for good, and the next sync succeeds without them.
    package var directoryFailuresStayPending: Bool {
        get { withLock { $0.directoryFailuresStayPending } }
        set { withLock { $0.directoryFailuresStayPending = newValue } }
    }

    /// Both clocks go on.
    package func advance(nanoseconds: UInt64) {
        withLock {
            $0.wallNanoseconds &+= nanoseconds
            $0.monotonicNanoseconds &+= nanoseconds
        }
    }

    /// The wall clock jumps; the monotonic one does not.
    package func setWallClock(_ nanoseconds: UInt64) {
        withLock { $0.wallNanoseconds = nanoseconds }
    }

    /// How long each step takes; 1 µs unless told.
    package var nanosecondsPerStep: UInt64 {
        get { withLock { $0.nanosecondsPerStep } }
        set { withLock { $0.nanosecondsPerStep = newValue } }
    }

    /// Whether calls are written down.
    package var isTracing: Bool {
        get { withLock { $0.isTracing } }
        set { withLock { $0.isTracing = newValue } }
    }

    /// The calls since tracing began: "12 write 0000000000000001.seg [4096, 4196)".
    package var trace: [String] { withLock { $0.trace } }

    /// Begins the trace anew.
    package func clearTrace() {
        withLock { $0.trace.removeAll() }
    }
}
