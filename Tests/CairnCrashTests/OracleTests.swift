// The oracle itself: it accepts what a reboot may leave, and nothing else.

import Cairn
import CairnTestSupport
import Testing

@Suite("Oracle")
struct OracleTests {
    private static let keys: [[UInt8]] = [[1], [2], [3]]

    /// Writes of one byte: key and value; no value: a delete.
    private func oracle(
        _ groups: [([(Int, UInt8?)], Durability)], acknowledged: Set<Int> = []
    ) throws -> Oracle {
        var oracle = Oracle(keys: Self.keys)
        for (number, group) in groups.enumerated() {
            let place = oracle.attempt(
                group.0.map { write in
                    (key: write.0, value: write.1.map { OracleValue(bytes: [$0], metadata: []) })
                }, group.1)
            guard acknowledged.contains(number) else { continue }
            try oracle.acknowledge(place, sequences: group.0.map { sequence(of: $0.1, number) })
        }
        return oracle
    }

    /// A value's version: tests use each value once.
    private func sequence(of value: UInt8?, _ group: Int) -> UInt64 {
        value.map { UInt64($0) } ?? 1000 + UInt64(group)
    }

    private func accepts(
        _ oracle: Oracle, _ values: [UInt8?], afterPowerCut: Bool = true
    ) -> Bool {
        var oracle = oracle
        let readings = values.map { value in
            value.map { OracleReading(bytes: [$0], sequence: UInt64($0)) }
        }
        return (try? oracle.judge(readings, afterPowerCut: afterPowerCut)) != nil
    }

    @Test("what was acknowledged as synced must be there; what was not may be missing")
    func acknowledged() throws {
        let one = try oracle([([(0, 7)], .synced), ([(1, 8)], .synced)], acknowledged: [0])
        #expect(accepts(one, [7, nil, nil]))
        #expect(accepts(one, [7, 8, nil]))
        #expect(!accepts(one, [nil, nil, nil]))
        #expect(!accepts(one, [nil, 8, nil]))
        #expect(!accepts(one, [7, 9, nil]))
    }

    @Test("a suffix may be lost, never a hole")
    func holes() throws {
        let three = try oracle(
            [([(0, 7)], .os), ([(1, 8)], .interval), ([(2, 9)], .os)], acknowledged: [0, 1, 2])
        #expect(accepts(three, [nil, nil, nil]))
        #expect(accepts(three, [7, nil, nil]))
        #expect(accepts(three, [7, 8, 9]))
        #expect(!accepts(three, [7, nil, 9]))
        #expect(!accepts(three, [nil, 8, nil]))
    }

    @Test("a kill loses nothing that was written")
    func kills() throws {
        let two = try oracle([([(0, 7)], .os), ([(1, 8)], .interval)], acknowledged: [0, 1])
        #expect(accepts(two, [7, nil, nil], afterPowerCut: false))
        #expect(!accepts(two, [nil, nil, nil], afterPowerCut: false))
    }

    @Test("a batch is there whole or not at all")
    func batches() throws {
        let batch = try oracle([([(0, 7), (1, 8)], .synced)])
        #expect(accepts(batch, [7, 8, nil]))
        #expect(accepts(batch, [nil, nil, nil]))
        #expect(!accepts(batch, [7, nil, nil]))
    }

    @Test("an acknowledged delete stays deleted, an overwritten value overwritten")
    func deletes() throws {
        let deleted = try oracle(
            [([(0, 7)], .synced), ([(0, nil)], .synced), ([(1, 3)], .synced), ([(1, 4)], .synced)],
            acknowledged: [0, 1, 2, 3])
        #expect(accepts(deleted, [nil, 4, nil]))
        #expect(!accepts(deleted, [7, 4, nil]))
        #expect(!accepts(deleted, [nil, 3, nil]))
    }

    @Test("of a failed write a part may have happened: a beginning of it, batches whole")
    func doubt() throws {
        var some = try oracle([([(0, 7)], .os), ([(1, 8), (2, 9)], .os)])
        some.doubt(0, event: 1)
        some.doubt(1, event: 1)
        #expect(accepts(some, [nil, nil, nil]))
        #expect(accepts(some, [7, nil, nil]))
        #expect(accepts(some, [7, 8, 9]))
        #expect(!accepts(some, [nil, 8, 9]))
        #expect(!accepts(some, [7, 8, nil]))
    }

    @Test("an absent key proves its delete, unless that may have found nothing")
    func absence() throws {
        var certain = try oracle(
            [([(0, 7)], .synced), ([(1, 8)], .os), ([(0, nil)], .os)], acknowledged: [0])
        certain.promiseShown(nil, 0, by: 2)
        #expect(accepts(certain, [nil, 8, nil]))
        #expect(!accepts(certain, [nil, nil, nil]))
        #expect(!accepts(certain, [7, 8, nil]))
        var doubtful = try oracle([([(0, 7)], .os), ([(1, 8)], .os), ([(0, nil)], .os)])
        doubtful.doubt(0, event: 1)
        doubtful.promiseShown(nil, 0, by: 2)
        #expect(accepts(doubtful, [nil, 8, nil]))
        #expect(accepts(doubtful, [nil, nil, nil]))
    }

    @Test("of deletes in a row an absent key proves the first")
    func absenceInARow() throws {
        var some = try oracle(
            [([(0, 7)], .synced), ([(0, nil)], .os), ([(1, 8)], .os), ([(0, nil)], .os)],
            acknowledged: [0])
        some.promiseShown(nil, 0, by: 3)
        #expect(accepts(some, [nil, nil, nil]))
        #expect(!accepts(some, [7, nil, nil]))
    }

    @Test("nor does a key that may have expired", arguments: [false, true])
    func absenceByExpiry(isOfThisLife: Bool) throws {
        var oracle = Oracle(keys: Self.keys)
        let value = OracleValue(bytes: [7], metadata: [], expiry: 100)
        let first = oracle.attempt([(key: 0, value: value)], .synced)
        try oracle.acknowledge(first, sequences: [7])
        if !isOfThisLife {
            var shown = OracleReading(bytes: [7], sequence: 7)
            shown.value.expiry = 100
            _ = try oracle.judge([shown, nil, nil], afterPowerCut: true)
        }
        _ = oracle.attempt([(key: 1, value: OracleValue(bytes: [8], metadata: []))], .os)
        let delete = oracle.attempt([(key: 0, value: nil)], .os)
        var late = oracle
        late.now = 100
        late.promiseShown(nil, 0, by: delete)
        #expect(accepts(late, [nil, nil, nil]))
        oracle.promiseShown(nil, 0, by: delete)
        #expect(!accepts(oracle, [nil, nil, nil]))
    }

    @Test("after a failed sync a kill may take what was answered from the cache")
    func cacheAfterFailedSync() throws {
        var one = try oracle([([(0, 7)], .os)], acknowledged: [0])
        #expect(!accepts(one, [nil, nil, nil], afterPowerCut: false))
        one.forgetWritten()
        one.answered(.os, restingOn: 1)
        #expect(accepts(one, [nil, nil, nil], afterPowerCut: false))
        one.answered(.synced, restingOn: 1)
        #expect(!accepts(one, [nil, nil, nil], afterPowerCut: false))
    }

    @Test("what an opening has shown stays")
    func shown() throws {
        var oracle = try oracle([([(0, 7)], .os)], acknowledged: [0])
        let seven = OracleReading(bytes: [7], sequence: 7)
        _ = try oracle.judge([seven, nil, nil], afterPowerCut: true)
        #expect(throws: OracleViolation.self) {
            var copy = oracle
            _ = try copy.judge([nil, nil, nil], afterPowerCut: true)
        }
        _ = try oracle.judge([seven, nil, nil], afterPowerCut: true)
    }

    @Test("no sequence number names two writes, not even one that a crash erased")
    func sequences() throws {
        var oracle = try oracle([([(0, 7)], .os)], acknowledged: [0])
        _ = try oracle.judge([nil, nil, nil], afterPowerCut: true)
        let place = oracle.attempt(
            [(key: 1, value: OracleValue(bytes: [8], metadata: []))], .synced)
        #expect(throws: OracleViolation.self) { try oracle.acknowledge(place, sequences: [7]) }
    }

    @Test("a delete of what has expired leaves a record, unless compaction may have been quicker")
    func deleteOfExpired() throws {
        var oracle = Oracle(keys: Self.keys)
        let second: UInt64 = 1_000_000_000
        for key in 0..<2 {
            let value = OracleValue(bytes: [1], metadata: [], expiry: second)
            let group = oracle.attempt([(key: key, value: value)], .interval)
            if key == 0 { try oracle.acknowledge(group, sequences: [1]) }
        }
        #expect(!oracle.deletesExpired(0) && !oracle.deletesExpired(1))
        (oracle.now, oracle.rightNow) = (2 * second, 2 * second)
        #expect(oracle.deletesExpired(0) && oracle.deletesExpired(1))
        // What waits for its commit cannot be compacted.
        (oracle.now, oracle.rightNow) = (7200 * second, 7200 * second)
        #expect(!oracle.deletesExpired(0) && oracle.deletesExpired(1))
    }

    @Test("what has expired must read as absent, never as an older value")
    func expired() throws {
        var oracle = try oracle([([(0, 7)], .synced)], acknowledged: [0])
        let value = OracleValue(bytes: [8], metadata: [], expiry: 100)
        let place = oracle.attempt([(key: 0, value: value)], .synced)
        try oracle.acknowledge(place, sequences: [8])
        var shown = OracleReading(bytes: [8], sequence: 8)
        shown.value.expiry = 100
        oracle.now = 99
        func accepts(_ reading: OracleReading?) -> Bool {
            var copy = oracle
            return (try? copy.judge([reading, nil, nil], afterPowerCut: true)) != nil
        }
        #expect(accepts(shown) && !accepts(nil) && !oracle.hasExpired(0))
        oracle.now = 100
        #expect(accepts(nil) && !accepts(shown) && oracle.hasExpired(0))
        #expect(!accepts(OracleReading(bytes: [7], sequence: 7)))
    }
}
