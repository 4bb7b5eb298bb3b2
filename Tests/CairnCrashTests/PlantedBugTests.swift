// Every planted bug is found by the drivers of the ordinary suites, within a minute.
//
// Compiled with CAIRN_PLANTED_BUGS only, and run alone: the switch is one for the whole process.
// CAIRN_BUG=name looks for that one only.

#if CAIRN_PLANTED_BUGS
    import Cairn
    import CairnTestSupport
    import Testing

    @Suite("Planted bugs", .serialized)
    struct PlantedBugTests {
        private static var chosen: [PlantedBug] {
            guard let name = CrashSettings.text("CAIRN_BUG") else { return PlantedBug.allCases }
            return PlantedBug.allCases.filter { "\($0)" == name }
        }

        @Test("nothing is found where nothing is planted")
        func none() {
            PlantedBug.plant(nil)
            var search = CrashSearch(seconds: 5, seed: CrashSettings.firstSeed)
            #expect(search.find() == nil)
        }

        /// Prints the row of README.md's table, and what was found.
        @Test("each is found within a minute", arguments: chosen)
        func found(_ bug: PlantedBug) {
            PlantedBug.plant(bug)
            defer { PlantedBug.plant(nil) }
            var search = CrashSearch(seconds: 60, seed: CrashSettings.firstSeed)
            guard let finding = search.find() else {
                Issue.record("\(bug) was not found")
                return
            }
            #expect(!finding.failure.history.isEmpty, "a failure tells what was done")
            print("| `\(bug)` | \(finding.row) |")
            let what = finding.failure.message.split(separator: "\n").first ?? ""
            print("\(bug): \(what.prefix(300))")
        }
    }

    extension CrashFinding {
        /// Found by, seed, seconds, points before.
        fileprivate var row: String {
            let hundredths = (milliseconds + 5) / 10
            let seconds = "\(hundredths / 100).\(hundredths / 10 % 10)\(hundredths % 10)"
            let text = hundredths == 0 ? "< 0.01" : seconds
            return "\(driver) | \(failure.seed) | \(text) | \(points)"
        }
    }
#endif
