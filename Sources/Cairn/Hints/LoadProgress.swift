// LoadProgress — tells whoever opens a store how far it has come.
//
// Any thread adds what it did; one at a time calls back, at most every tenth of a second and once at
// the end. Without a callback it costs nothing worth counting.

internal import CairnSystem

/// How far opening has come.
public struct OpeningProgress: Sendable, Equatable {
    /// Bytes of hints and segments that were read.
    public let byteCount: UInt64
    /// Bytes to read in all, as far as is known.
    public let byteTotal: UInt64
    /// Keys that were found.
    public let keyCount: UInt64
    /// If it goes on as it did so far; nil while nobody can tell.
    public let secondsLeft: Double?
}

// Sendable because `state` is only touched while its lock is held; the rest is constant.
final class LoadProgress: Sendable {
    private struct State {
        var byteCount: UInt64 = 0
        var byteTotal: UInt64 = 0
        var keyCount: UInt64 = 0
        var lastCall: UInt64
    }

    private static let nanosecondsBetweenCalls: UInt64 = 100_000_000

    private let report: (@Sendable (OpeningProgress) -> Void)?
    private let clock: @Sendable () -> UInt64
    private let start: UInt64
    private let state: Guarded<State>

    init(
        _ report: (@Sendable (OpeningProgress) -> Void)?, clock: @escaping @Sendable () -> UInt64
    ) {
        self.report = report
        self.clock = clock
        start = clock()
        state = Guarded(State(lastCall: start))
    }

    /// What is to be read, more than was known so far.
    func expect(byteCount: UInt64) {
        state.withLock { state in state.byteTotal += byteCount }
    }

    /// What was read and found.
    func add(byteCount: Int = 0, keyCount: Int = 0) {
        guard let report else { return }
        state.withLock { state in
            state.byteCount += UInt64(byteCount)
            state.keyCount += UInt64(keyCount)
            let now = clock()
            guard now - min(now, state.lastCall) >= Self.nanosecondsBetweenCalls else { return }
            state.lastCall = now
            report(progress(state, now))
        }
    }

    /// What was found before counts no more: the load begins again.
    func forgetKeys() { state.withLock { state in state.keyCount = 0 } }

    /// Opening is done.
    func finish(keyCount: UInt64) {
        guard let report else { return }
        state.withLock { state in
            state.keyCount = keyCount
            state.byteTotal = state.byteCount
            report(progress(state, clock()))
        }
    }

    private func progress(_ state: State, _ now: UInt64) -> OpeningProgress {
        let total = max(state.byteTotal, state.byteCount)
        let seconds = Double(now - min(now, start)) / 1e9
        let left = Double(total - state.byteCount)
        return OpeningProgress(
            byteCount: state.byteCount, byteTotal: total, keyCount: state.keyCount,
            secondsLeft: state.byteCount > 0 ? seconds * left / Double(state.byteCount) : nil)
    }
}
