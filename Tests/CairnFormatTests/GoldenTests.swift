// GoldenTests — the bytes of format version 1 stay what they were on the day of its release.
//
// A golden file of a released version never changes. CAIRN_UPDATE_GOLDEN=1 writes them anew.

import CairnFormat
import CairnSystem
import Testing

@Suite("Golden files") struct GoldenTests {
    @Test("a structure is written as it always was", arguments: Sample.all)
    func encoding(sample: Sample) throws {
        let path = TestFiles.goldenPath(sample.name)
        if TestFiles.isUpdating { try TestFiles.write(sample.bytes, to: path) }
        #expect(try TestFiles.read(path) == sample.bytes)
    }

    @Test("a structure of version 1 is readable for ever", arguments: Sample.all)
    func decoding(sample: Sample) throws {
        let stored = try TestFiles.read(TestFiles.goldenPath(sample.name))
        #expect(try sample.decode(stored) == sample.decode(sample.bytes))
    }

    @Test("files decode to exactly what was encoded")
    func roundTrip() throws {
        #expect(try StoreIdentity(decoding: Sample.named("store").bytes.rawSpan) == Sample.identity)
        #expect(try Manifest(decoding: Sample.named("manifest").bytes.rawSpan) == Sample.manifest)
        #expect(
            try SegmentHeader(decoding: Sample.named("segment-header").bytes.rawSpan)
                == Sample.header)
        #expect(try Seal(decoding: Sample.named("seal").bytes.rawSpan) == Fixture.seal)
        #expect(
            try Composite(decoding: Sample.named("composite").bytes.rawSpan) == Fixture.composite)
    }
}
