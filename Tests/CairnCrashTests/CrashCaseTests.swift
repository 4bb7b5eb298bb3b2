// What went wrong once, or was judged wrongly: fixed scripts instead of the seeds that found it.

import CairnTestSupport
import Testing

@Suite("Seen once")
struct CrashCaseTests {
    @Test("a failed sync proves nothing of deletes that may have found nothing", arguments: 1...4)
    func failedSyncs(seed: Int) throws {
        let variants = PowerCutVariant.variants(randomCount: 4, seed: UInt64(seed))
        for item in CrashExhaustive.cases(seed: UInt64(seed)) {
            let marks = MarkBoard()
            try item.runWhole(variants: variants, marks: marks)
            #expect(marks.count(of: .syncFailed) > 0, "\(item)")
        }
    }
}
