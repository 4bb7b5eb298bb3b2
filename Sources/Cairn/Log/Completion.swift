// Completion — how the caller of a write learns its result.
//
// A blocking caller sleeps on its own `Waiter`; nobody else is woken for it. A callback runs on
// a thread that committed, when it holds no lock and no role any more, so it may write itself.
// Results are handed over in log order.

internal import CairnSystem
internal import Synchronization

/// The result of a write.
package typealias WriteOutcome = Result<WriteReceipt, StoreError>

/// One blocked writer. Reused by its thread; `outcome` is written before `finish` publishes it
/// and read only after `wait` saw that.
final class Waiter: Sendable {
    enum Call: Int {
        case sleeping = 0
        /// The caller is to commit: nobody else will.
        case lead = 1
        case finished = 2
    }

    private let parker = Parker()
    private let call = Atomic<Int>(Call.sleeping.rawValue)
    private let slot = OutcomeSlot()

    /// Makes the waiter ready for one write.
    func reset() {
        call.store(Call.sleeping.rawValue, ordering: .relaxed)
    }

    /// Hands the result over. True when the caller had been asked to lead and had not begun to:
    /// then the lead is back with whoever finishes the write.
    func finish(_ outcome: WriteOutcome) -> Bool {
        slot.outcome = outcome
        let last = call.exchange(Call.finished.rawValue, ordering: .acquiringAndReleasing)
        parker.unpark()
        return last == Call.lead.rawValue
    }

    /// Hands the lead over. Called under the log lock, while the write is not finished.
    func askToLead() {
        let (isAsked, _) = call.compareExchange(
            expected: Call.sleeping.rawValue, desired: Call.lead.rawValue,
            ordering: .acquiringAndReleasing)
        if isAsked { parker.unpark() }
    }

    /// Sleeps until the write is finished or the caller is to lead.
    func wait() -> Call {
        while true {
            switch call.load(ordering: .acquiring) {
            case Call.finished.rawValue: return .finished
            case Call.lead.rawValue:
                let (isMine, _) = call.compareExchange(
                    expected: Call.lead.rawValue, desired: Call.sleeping.rawValue,
                    ordering: .acquiringAndReleasing)
                if isMine { return .lead }
            default: parker.park()
            }
        }
    }

    /// The result; only after `wait` returned `finished`.
    func takeOutcome() -> WriteOutcome {
        guard let outcome = slot.outcome else {
            preconditionFailure("a finished waiter has an outcome")
        }
        slot.outcome = nil
        return outcome
    }
}

/// Written by the committer before it releases the waiter's `call`, read by the waiter after it
/// acquired it: never by both at once.
private final class OutcomeSlot: @unchecked Sendable {
    var outcome: WriteOutcome?
}

/// Whom to tell.
enum Completion: Sendable {
    case none
    case waiter(Waiter)
    /// A chunk of a large blob: its upload must know before the lead is laid down.
    case chunk(UploadFailure)
    case callback(@Sendable (WriteOutcome) -> Void)
}

/// A completion whose time has come; delivered after the lock is released.
struct Completed {
    let completion: Completion
    let outcome: WriteOutcome
}
