// ProgressLine — how far it is, how fast, how long still: one line that is written over.
//
// Only where standard error is a terminal, only after half a second, four times a second at most; it
// is gone when the work is done. Piped, it writes nothing at all. One thread at a time.

internal import CairnSystem
internal import CairnText
internal import Synchronization

final class ProgressLine: Sendable {
    private struct State {
        var total: UInt64?
        var done: UInt64 = 0
        var shown: UInt64 = 0
        var isShown = false
    }

    private let isVisible = ByteStream.standardError.isTerminal
    private let start = Clock.monotonicNanoseconds()
    private let verb: String
    private let state: Guarded<State>

    /// `total` bytes, if that is known, are to be `verb`.
    init(_ verb: String, total: UInt64? = nil) {
        self.verb = verb
        state = Guarded(State(total: total))
    }

    /// Some more bytes are done.
    func add(_ byteCount: UInt64) { set(done: nil, plus: byteCount, total: nil) }

    /// So much is done, of so much.
    func set(done: UInt64, total: UInt64) { set(done: done, plus: 0, total: total) }

    private func set(done: UInt64?, plus byteCount: UInt64, total: UInt64?) {
        guard isVisible else { return }
        let now = Clock.monotonicNanoseconds()
        let line: String? = state.withLock { state in
            state.done = (done ?? state.done) + byteCount
            state.total = total ?? state.total
            guard now - start > 500_000_000, now - state.shown > 250_000_000 else { return nil }
            state.shown = now
            state.isShown = true
            return text(state, seconds: Double(now - start) / 1e9)
        }
        if let line { show("\r" + line + "\u{1B}[K") }
    }

    private func text(_ state: State, seconds: Double) -> String {
        let rate = Double(state.done) / seconds
        var text = "\(verb) \(Units.bytes(state.done))"
        if let total = state.total, total > 0 {
            let percent = min(100, state.done * 100 / total)
            text += " of \(Units.bytes(total)) (\(percent) %)"
        }
        text += ", \(Units.bytes(UInt64(rate)))/s"
        if let total = state.total, rate > 0, total > state.done {
            text += ", \(Units.duration(seconds: Double(total - state.done) / rate)) left"
        }
        let width = ByteStream.standardError.columnCount ?? 80
        return String(text.prefix(width - 1))
    }

    /// Takes the line away.
    func finish() {
        guard isVisible else { return }
        let wasShown = state.withLock { state in
            defer { state.isShown = false }
            return state.isShown
        }
        if wasShown { show("\r\u{1B}[K") }
    }

    private func show(_ text: String) {
        let bytes = Array(text.utf8)
        try? ByteStream.standardError.write(bytes.rawSpan)
    }
}
