// Steps of the background's work until there is nothing left to do, with a bound: a step that always
// finds something fails the test, and does not hang it.

import Cairn
import CairnTestSupport
import Testing

/// Some step says for ever that there is more to do.
struct NeverIdle: Error {}

extension Engine {
    /// More than any test needs.
    private static var stepCountMaximum: Int { 100_000 }

    /// Compacts until nothing is left to compact.
    func compactUntilIdle() throws { try repeatUntilIdle { try compactionStep() } }

    /// Makes hints until none is wanted.
    func makeHintsUntilIdle() throws { try repeatUntilIdle { try hintStep() } }

    /// Does what writers would else do themselves, until none of that is left.
    func doUrgentUntilIdle() throws { try repeatUntilIdle { try urgentStep() } }

    /// Does everything that is done in the background.
    func workUntilIdle() throws { try repeatUntilIdle { try backgroundStep() } }

    /// Compacts until `isTime`, which must come before there is nothing left to compact.
    func compact(until isTime: () throws -> Bool) throws {
        var goesOn = true
        try repeatUntilIdle {
            if try isTime() { return false }
            goesOn = try compactionStep()
            return goesOn
        }
        #expect(goesOn, "nothing was left to compact before it was time")
    }

    /// Compacts until one compaction is done that was not before.
    func compactOnce() throws {
        let count = statistics().compaction.compactionCount
        try compact { statistics().compaction.compactionCount > count }
    }

    /// Does such steps until there is nothing left to do, whatever goes wrong; returns what did.
    func errorsUntilIdle(
        _ step: (Engine<S>) throws -> Bool = { try $0.backgroundStep() }
    ) throws -> [StoreError] {
        var errors: [StoreError] = []
        try repeatUntilIdle {
            var goesOn = true
            if let error = try storeError({ goesOn = try step(self) }) { errors.append(error) }
            return goesOn
        }
        return errors
    }

    private func repeatUntilIdle(_ step: () throws -> Bool) throws {
        for _ in 0..<Self.stepCountMaximum {
            guard try step() else { return }
        }
        throw NeverIdle()
    }
}
