// Completion — how the caller of a write learns its result.
//
// A blocking caller sleeps on its own `Waiter`; nobody else is woken for it. A callback runs on
// the thread that committed, without any lock held. Results are handed over in log order.

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

    func finish(_ outcome: WriteOutcome) {
        slot.outcome = outcome
        call.store(Call.finished.rawValue, ordering: .releasing)
        parker.unpark()
    }

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
    case callback(@Sendable (WriteOutcome) -> Void)

    func complete(_ outcome: WriteOutcome) {
        switch self {
        case .none: break
        case .waiter(let waiter): waiter.finish(outcome)
        case .callback(let call): call(outcome)
        }
    }
}

/// A completion whose time has come; delivered after the lock is released.
struct Completed {
    let completion: Completion
    let outcome: WriteOutcome
}
