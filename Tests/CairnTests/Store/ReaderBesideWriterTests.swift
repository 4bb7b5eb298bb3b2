// Opening for reading while a writer takes files away: what the list of a moment ago names and the
// list of now does not is not missing.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Opening for reading beside a writer")
struct ReaderBesideWriterTests {
    private let disk = SimulatedDisk()

    /// A writer with one segment that holds a record and one that waits empty.
    private func writer() throws -> Engine<SimulatedDisk> {
        let engine = try Engine.open(disk, tuning: .small)
        _ = try engine.put(Key("key").bytes.rawSpan, [1].rawSpan)
        try engine.workUntilIdle()
        #expect(segmentNames.count == 2)
        return engine
    }

    private var segmentNames: [String] {
        disk.fileNames(in: .segments).filter { $0.hasSuffix(".seg") }
    }

    private func openReader() throws -> Engine<SimulatedDisk> {
        disk.countsReads = true
        defer {
            disk.countsReads = false
            disk.stepObserver = nil
        }
        return try Engine.open(disk, options: StoreOptions(access: .readOnly), tuning: .small)
    }

    @Test("a file that the writer took away after the list was read is not missed")
    func vanished() throws {
        let writer = try writer()
        var readCount = 0
        disk.stepObserver = { _ in
            // STORE, MANIFEST, then the header of the first segment: the second is still to come.
            readCount += 1
            if readCount == 3 {
                do { try writer.close() } catch { Issue.record("\(error)") }
            }
        }
        let reader = try openReader()
        #expect(readCount > 3)
        #expect(segmentNames.count == 1)
        #expect(reader.findings == [])
        #expect(try reader.get(Key("key").bytes.rawSpan)?.bytes == [1])
        #expect(try reader.get(Key("other").bytes.rawSpan) == nil)
        let handleCount = disk.openHandleCount
        try reader.close()
        #expect(handleCount == 1 && disk.openHandleCount == 0)
    }

    @Test("records that are written while their segment is read are no damage, whenever they come")
    func writtenMeanwhile() throws {
        var metCount = 0
        for readNumber in 1..<20 {
            let isMet = try whileWritten(atRead: readNumber) { disk, tuning in
                let reader = try Engine.open(
                    disk, options: StoreOptions(access: .readOnly), tuning: tuning)
                disk.stepObserver = nil
                #expect(reader.findings == [], "read \(readNumber)")
                for name in ["a", "b", "c"] {
                    let blob = try reader.get(Key(name).bytes.rawSpan)
                    #expect(blob?.bytes == sampleBytes(300), "read \(readNumber)")
                }
                try reader.close()
            }
            if isMet { metCount += 1 }
        }
        #expect(metCount > 4)
    }

    @Test("a file that the list of now names is missing")
    func missing() throws {
        try writer().close()
        disk.deleteFile(segmentNames[0], in: .segments)
        let reader = try openReader()
        #expect(reader.findings.contains { $0.contains("is missing") })
        expectError(.uncertain) { _ = try reader.get(Key("key").bytes.rawSpan) }
        try reader.close()
    }

    @Test("a list that is another one at each look is given up, with an error that says so")
    func restless() throws {
        try writer().close()
        let name = segmentNames[0]
        disk.deleteFile(name, in: .segments)
        disk.stepObserver = { [disk] _ in
            do {
                let bytes = disk.bytes(of: "MANIFEST", in: .root) ?? []
                var manifest = try Manifest(decoding: bytes.rawSpan)
                manifest.generation += 1
                disk.replaceBytes(of: "MANIFEST", in: .root, with: manifest.encoded())
            } catch {
                Issue.record("\(error)")
            }
        }
        expectError(.inUse, naming: "try again") { _ = try openReader() }
        #expect(disk.openHandleCount == 0)
    }
}
