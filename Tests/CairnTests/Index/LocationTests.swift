// LocationTests — what goes into a location comes out, and the length bound holds for every size.

import Cairn
import CairnTestSupport
import Testing

@Suite("Location") struct LocationTests {
    private func location(byteCount: Int) -> Location {
        Location(segmentOrdinal: 1, offset: 4096, recordByteCount: byteCount, kind: .put)
    }

    private func isBounded(_ byteCount: Int) -> Bool {
        let excess = location(byteCount: byteCount).byteCountBound - byteCount
        return excess >= 0 && excess % 8 == 0 && excess * 32 < byteCount
    }

    @Test("the bound holds a record of every size and is less than 1/32 over it")
    func sizeClasses() {
        var failed: [Int] = []
        for byteCount in stride(from: 8, through: 1 << 21, by: 8) where !isBounded(byteCount) {
            failed.append(byteCount)
        }
        for power in 21...32 {
            for step in 0...32 {
                let boundary = (1 << power) + (1 << power) / 32 * step
                for byteCount in [boundary - 8, boundary, boundary + 8]
                where byteCount <= 1 << 32 && !isBounded(byteCount) {
                    failed.append(byteCount)
                }
            }
        }
        #expect(failed.isEmpty)
    }

    @Test("the bound of random sizes up to 4 GiB holds")
    func randomSizeClasses() {
        var random = TestRandom.reported("the bound of random sizes up to 4 GiB holds")
        for _ in 0..<100_000 {
            let byteCount = (random.below((1 << 29) >> random.below(29)) + 1) * 8
            #expect(isBounded(byteCount), "\(byteCount)")
        }
    }

    @Test("the bound is exact up to 512 bytes and at 4 GiB")
    func exactSizeClasses() {
        for byteCount in stride(from: 8, through: 512, by: 8) {
            #expect(location(byteCount: byteCount).byteCountBound == byteCount)
        }
        #expect(location(byteCount: 1 << 32).byteCountBound == 1 << 32)
    }

    @Test("segment, offset and kind come back as they went in")
    func roundTrip() {
        var random = TestRandom.reported("segment, offset and kind come back as they went in")
        for _ in 0..<50_000 {
            let ordinal = random.below(1 << 22)
            let offset = UInt64(512 + random.below((1 << 29) - 512)) * 8
            let kind = Location.Kind.allCases[random.below(Location.Kind.allCases.count)]
            let byteCount = (random.below(1 << 29) + 1) * 8
            let location = Location(
                segmentOrdinal: ordinal, offset: offset, recordByteCount: byteCount, kind: kind)
            #expect(location.segmentOrdinal == ordinal)
            #expect(location.offset == offset)
            #expect(location.kind == kind)
            #expect(location.isRecord)
            #expect(location == Location(rawValue: location.rawValue))
        }
    }

    @Test("the greatest values of all fields fit beside each other")
    func greatest() {
        let location = Location(
            segmentOrdinal: (1 << 22) - 1, offset: (1 << 32) - 8, recordByteCount: 1 << 32,
            kind: .tombstone)
        #expect(location.segmentOrdinal == (1 << 22) - 1)
        #expect(location.offset == (1 << 32) - 8)
        #expect(location.byteCountBound == 1 << 32)
        #expect(location.kind == .tombstone)
    }

    @Test("the special values are no records, and the least record is far above them")
    func special() {
        for special in [Location.empty, .deleted, .overflow] {
            #expect(!special.isRecord)
            #expect(special.kind == nil)
        }
        let least = Location(segmentOrdinal: 0, offset: 4096, recordByteCount: 8, kind: .put)
        #expect(least.rawValue > 1 << 43)
    }
}
