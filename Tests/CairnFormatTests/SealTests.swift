// SealTests — the sums and bounds that end a segment.

import CairnFormat
import CairnSystem
import Testing

@Suite("Seal") struct SealTests {
    private func field(_ seal: Seal, patch: (inout MutableRawSpan) -> Void) -> String? {
        var bytes = seal.encoded()
        bytes.withMutableRawSpan { patch(&$0) }
        let error = formatError { () throws(FormatError) in try Seal(decoding: bytes.rawSpan) }
        guard case .invalidField(let name) = error?.kind else { return error.map(\.description) }
        return name
    }

    @Test("totals count records by type and add up their bytes")
    func totals() {
        let totals = Fixture.totals
        #expect(totals.recordCount == 8 && totals.putCount == 5)
        #expect(totals.deleteCount == 1 && totals.chunkCount == 1)
        #expect(totals.minSequence == 1_000 && totals.maxSequence == 1_007)
        let parts = RecordParts.ordinary
        #expect(totals.keyByteTotal == UInt64(parts.map(\.key.count).reduce(0, +)))
        #expect(totals.storedByteTotal == UInt64(parts.map(\.payload.count).reduce(0, +)))
        let raw = parts.map(\.header.rawByteCount).reduce(0, +)
        #expect(totals.rawByteTotal == UInt64(raw))
    }

    @Test("the lowest sequence is right also when records come in another order")
    func sequences() {
        var totals = SegmentTotals()
        for sequence in [5, 0, 9] as [UInt64] {
            totals.add(
                RecordHeader(sequence: sequence, type: .mark, keyByteCount: 0), headerCRC: 0)
        }
        #expect(totals.minSequence == 0 && totals.maxSequence == 9)
    }

    @Test("the seal of a segment without records reads as it was written")
    func empty() throws {
        let seal = Seal(totals: SegmentTotals())
        #expect(try Seal(decoding: seal.encoded().rawSpan) == seal)
    }

    @Test("the longest keys fit, and so do the longest lists")
    func longest() throws {
        let key = [UInt8](repeating: 0xFF, count: FormatLimits.keyByteCountMaximum)
        let buckets = (0..<UInt64(FormatLimits.expiryBucketCountMaximum)).map {
            ExpiryBucket(upperBoundSeconds: $0, recordByteTotal: $0)
        }
        let seal = Seal(
            totals: Fixture.totals, expiryBuckets: buckets,
            replacedIDs: Array(0..<UInt64(FormatLimits.replacedCountMaximum)), minKey: key,
            maxKey: key)
        let bytes = seal.encoded()
        #expect(bytes.count == Seal.byteCountMaximum)
        #expect(bytes.count <= FormatLimits.payloadByteCountMaximum)
        #expect(try Seal(decoding: bytes.rawSpan) == seal)
    }

    @Test("fields that contradict each other are refused")
    func conditions() {
        let seal = Fixture.seal
        #expect(field(seal) { _ in } == nil)
        #expect(field(seal) { $0.store(UInt64(6), at: 0) } == "counts")
        #expect(field(seal) { $0.store(UInt64.max, at: 8) } == "counts")
        #expect(field(seal) { $0.store(UInt64.max, at: 0) } == "counts")
        #expect(field(seal) { $0.store(UInt64.max, at: 56) } == "sequence bounds")
        #expect(field(seal) { $0.store(UInt32.max, at: 76) } == "replaced count")
        #expect(field(seal) { $0.store(UInt32.max, at: 80) } == "expiry bucket count")
        #expect(field(seal) { $0.store(UInt64.max, at: 88) } == "order of expiry buckets")
        #expect(field(seal) { $0.store(UInt64.max, at: 120) } == "order of replaced ids")
        #expect(field(seal) { $0.store(UInt8(0xFF), at: 136) } == "key bounds")
        #expect(field(seal) { $0.store(UInt32(13) << 16, at: 84) } == "key bounds")
    }
}
