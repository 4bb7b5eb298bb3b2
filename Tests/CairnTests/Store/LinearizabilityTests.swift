// Histories of concurrent writes, conditional writes and reads are linearizable, failed syncs
// included.
//
// CAIRN_HISTORIES says how many; SEED repeats one run's histories (the schedule of threads is the
// system's, so a failure may need several runs).

import Cairn
import CairnTestSupport
import Testing

@Suite("Linearizability", .serialized)
struct LinearizabilityTests {
    private func check(
        _ title: String, count: Int, _ run: (UInt64) throws -> HistoryResult
    ) throws -> (failed: Int, operations: Int) {
        var random = TestRandom.reported(title)
        var failedCount = 0
        var operationCount = 0
        for number in 0..<count {
            let seed = number == 0 ? random.seed : random.next()
            let result = try run(seed)
            failedCount += result.hasFailed ? 1 : 0
            operationCount += result.operations.count
            try #require(result.strange.isEmpty, "SEED=\(seed): \(result.strange)")
            do {
                try LinearizabilityChecker.check(result.operations)
            } catch {
                Issue.record("SEED=\(seed) of history \(number): \(error)")
                break
            }
        }
        print(
            "\(title): \(count) histories, \(operationCount) operations, "
                + "\(failedCount) with a failed sync")
        return (failedCount, operationCount)
    }

    @Test("histories on the simulated disk are linearizable, failed syncs included")
    func simulated() throws {
        let count = scaled("CAIRN_HISTORIES", ordinary: 1200, quick: 60)
        let (failed, _) = try check("histories on the simulated disk", count: count) { seed in
            try HistoryRun.simulated(HistoryPlan(seed: seed, canFail: true))
        }
        if count >= 50 { #expect(failed > 0) }
    }

    @Test("histories in a directory are linearizable")
    func system() throws {
        let count = scaled("CAIRN_HISTORIES", ordinary: 200, quick: 8) / 4 + 1
        _ = try check("histories in a directory", count: count) { seed in
            let directory = try StoreTestDirectory()
            return try HistoryRun.system(HistoryPlan(seed: seed, canFail: false), directory)
        }
    }

    #if CAIRN_PLANTED_BUGS
        @Test(
            "a planted fault of the answers is found",
            arguments: [PlantedBug.deleteOfNothingAnsweredEarly, .supersededPublishedLate])
        func planted(_ bug: PlantedBug) throws {
            PlantedBug.plant(bug)
            defer { PlantedBug.plant(nil) }
            var random = TestRandom.reported("planted \(bug)")
            for number in 0..<20_000 {
                let seed = random.next()
                let result = try HistoryRun.simulated(HistoryPlan(seed: seed, canFail: true))
                do {
                    try LinearizabilityChecker.check(result.operations)
                } catch {
                    print("\(bug) found by history \(number)")
                    return
                }
            }
            Issue.record("\(bug) was not found")
        }
    #endif
}
