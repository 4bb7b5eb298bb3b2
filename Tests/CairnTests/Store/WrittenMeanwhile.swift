// A writer that writes in the midst of what another one reads.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

/// Runs `look` on a store whose writer puts four more records at the `number`-th read, after a, b and c
/// in a segment that began with zeros, which who reads it takes for its end. Returns whether there were
/// so many reads.
func whileWritten(
    atRead number: Int, _ look: (SimulatedDisk, Tuning) throws -> Void
) throws -> Bool {
    var tuning = Tuning.small
    tuning.scanByteCount = 512
    let disk = SimulatedDisk()
    let writer = try Engine.open(disk, tuning: tuning)
    func put(_ names: String...) throws {
        for name in names {
            _ = try writer.put(Key(name).bytes.rawSpan, sampleBytes(300).rawSpan)
        }
    }
    while writer.statistics().segmentCount < 2 { try put("older") }
    try writer.doUrgentUntilIdle()
    while writer.statistics().segmentCount < 3 { try put("older") }
    try put("a", "b", "c")
    #expect(disk.byteCount(of: SegmentFileName(3).description, in: .segments) == 8192)
    disk.countsReads = true
    var readsLeft = number
    disk.stepObserver = { _ in
        readsLeft -= 1
        guard readsLeft == 0 else { return }
        do { try put("d", "e", "f", "g") } catch { Issue.record("\(error)") }
    }
    try look(disk, tuning)
    disk.stepObserver = nil
    try writer.close()
    return readsLeft <= 0
}
