// The random crash driver.

import Cairn
import CairnTestSupport
import Testing

@Suite("Power cuts and kills")
struct CrashTests {
    @Test("nothing acknowledged is lost, nothing else appears: random lives")
    func random() throws {
        let wanted = CrashSettings.pointCount(ordinary: 100_000)
        let marks = MarkBoard()
        var points = 0
        var seed = CrashSettings.firstSeed
        while points < wanted {
            points += try CrashRun(seed: seed, marks: marks).run()
            seed += 1
        }
        print("\(points) crash points, seeds \(CrashSettings.firstSeed)..<\(seed)")
        for (name, count) in marks.sortedCounts() { print("  \(name): \(count)") }
        #expect(marks.missing() == [])
    }
}
