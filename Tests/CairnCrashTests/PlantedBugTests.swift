// Every planted bug is found by the drivers of the ordinary suites, within a minute.
//
// Compiled with CAIRN_PLANTED_BUGS only, and run alone: the switch is one for the whole process.

#if CAIRN_PLANTED_BUGS
    import Cairn
    import CairnTestSupport
    import Testing

    @Suite("Planted bugs", .serialized)
    struct PlantedBugTests {
        @Test("nothing is found where nothing is planted")
        func none() {
            PlantedBug.plant(nil)
            var search = CrashSearch(seconds: 5, seed: CrashSettings.firstSeed)
            #expect(search.find() == nil)
        }

        @Test("each is found within a minute", arguments: PlantedBug.allCases)
        func found(_ bug: PlantedBug) {
            PlantedBug.plant(bug)
            defer { PlantedBug.plant(nil) }
            var search = CrashSearch(seconds: 60, seed: CrashSettings.firstSeed)
            guard let finding = search.find() else {
                Issue.record("\(bug) was not found")
                return
            }
            let what = finding.failure.message.split(separator: "\n").first ?? ""
            print(
                "\(bug): \(finding.milliseconds) ms, \(finding.points) points, by \(finding.driver), "
                    + "SEED=\(finding.failure.seed): \(what.prefix(200))")
        }
    }
#endif
