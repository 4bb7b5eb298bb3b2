// The checker checked: it accepts what is legal and rejects what is not.

import Cairn
import CairnTestSupport
import Testing

@Suite("Linearizability checker")
struct LinearizabilityCheckerTests {
    /// An operation on key 0 that is called and answered at these times.
    private func at(
        _ call: Int, _ end: Int, _ request: HistoryRequest, _ answer: HistoryAnswer
    ) -> HistoryOperation {
        HistoryOperation(
            thread: 0, key: 0, request: request, answer: answer, call: call, end: end)
    }

    private func put(
        _ call: Int, _ end: Int, _ value: UInt64, _ condition: Condition = .none,
        replaced: Bool = false
    ) -> HistoryOperation {
        at(
            call, end, .put(value: value, condition),
            .written(version: value + 100, replaced: replaced))
    }

    private func get(_ call: Int, _ end: Int, _ value: UInt64?) -> HistoryOperation {
        at(call, end, .get, value.map { .found(value: $0, version: $0 + 100) } ?? .absent)
    }

    private func isLegal(_ history: HistoryOperation...) -> Bool {
        do {
            try LinearizabilityChecker.check(history)
            return true
        } catch {
            return false
        }
    }

    @Test("legal histories are accepted")
    func legal() {
        #expect(isLegal())
        #expect(isLegal(get(1, 2, nil), put(3, 4, 1), get(5, 6, 1)))
        // Concurrent: either order.
        #expect(isLegal(put(1, 10, 1), get(2, 3, nil), get(4, 5, 1)))
        #expect(isLegal(put(1, 10, 1, replaced: true), put(2, 9, 2), get(11, 12, 1)))
        #expect(isLegal(put(1, 10, 1), put(2, 9, 2, replaced: true), get(11, 12, 2)))
        // A doubtful write that never happened, that happened, and that happened late.
        let doubtful = at(1, 2, .put(value: 1, .none), .unknown)
        #expect(isLegal(doubtful, get(3, 4, nil)))
        #expect(isLegal(doubtful, get(3, 4, 1)))
        #expect(isLegal(doubtful, get(3, 4, nil), get(5, 6, 1)))
        #expect(
            isLegal(
                put(1, 2, 1), at(3, 4, .delete(.none), .deleted),
                at(5, 6, .delete(.none), .absent),
                at(7, 8, .put(value: 2, .present), .conditionFailed(current: nil))))
    }

    @Test("a stale read is rejected")
    func staleRead() {
        #expect(!isLegal(put(1, 2, 1), get(3, 4, nil)))
        #expect(!isLegal(put(1, 2, 1), put(3, 4, 2, replaced: true), get(5, 6, 1)))
        // Two reads one after the other, of a write that is not yet answered.
        #expect(!isLegal(put(1, 10, 1), get(2, 3, 1), get(4, 5, nil)))
    }

    @Test("a value that comes back is rejected, and so is a revived delete")
    func revived() {
        #expect(
            !isLegal(
                put(1, 2, 1), put(3, 4, 2, replaced: true), get(5, 6, 2), get(7, 8, 1)))
        #expect(!isLegal(put(1, 2, 1), at(3, 4, .delete(.none), .deleted), get(5, 6, 1)))
        // Once a doubtful write was seen, it stays.
        #expect(
            !isLegal(at(1, 2, .put(value: 1, .none), .unknown), get(3, 4, 1), get(5, 6, nil)))
    }

    @Test("a lost write is rejected, and so is one from nowhere")
    func lost() {
        #expect(!isLegal(put(1, 2, 1), at(3, 4, .delete(.none), .absent)))
        #expect(!isLegal(get(1, 2, 7)))
        #expect(!isLegal(put(1, 2, 1), put(3, 4, 2, replaced: false)))
    }

    @Test("two creators that both win are rejected")
    func twoCreators() {
        #expect(!isLegal(put(1, 10, 1, .absent), put(2, 9, 2, .absent)))
        #expect(
            isLegal(
                put(1, 10, 1, .absent),
                at(2, 9, .put(value: 2, .absent), .conditionFailed(current: 101))))
        // Refused in favour of a version that was not there yet.
        #expect(
            !isLegal(
                at(1, 2, .put(value: 2, .absent), .conditionFailed(current: 101)),
                put(3, 4, 1, .absent)))
    }

    @Test("a condition that was decided on another version is rejected")
    func wrongVersion() {
        let first = Version(sequence: 101)
        #expect(
            isLegal(put(1, 2, 1), put(3, 4, 2, .matches(first), replaced: true), get(5, 6, 2)))
        #expect(
            !isLegal(
                put(1, 2, 1), put(3, 4, 2, replaced: true),
                put(5, 6, 3, .matches(first), replaced: true)))
        #expect(!isLegal(put(1, 2, 1), put(3, 4, 2, .differs(from: first), replaced: true)))
        #expect(
            !isLegal(
                put(1, 2, 1),
                at(3, 4, .put(value: 2, .matches(first)), .conditionFailed(current: 101))))
        #expect(
            !isLegal(
                put(1, 2, 1),
                at(3, 4, .put(value: 2, .absent), .conditionFailed(current: 999))))
    }

    @Test("two versions of one value, and two values of one version, are rejected")
    func versions() {
        #expect(!isLegal(put(1, 2, 1), at(3, 4, .get, .found(value: 1, version: 5))))
        #expect(
            !isLegal(
                put(1, 2, 1),
                at(3, 4, .put(value: 2, .none), .written(version: 101, replaced: true))))
    }

    @Test("a long history of many overlapping writes is decided in time")
    func long() {
        var history: [HistoryOperation] = []
        for round in 0..<8 {
            for thread in 0..<7 {
                let value = UInt64(round * 10 + thread + 1)
                history.append(
                    put(
                        round * 100 + thread, round * 100 + 50 + thread, value,
                        replaced: round + thread > 0))
            }
            history.append(get(round * 100 + 60, round * 100 + 61, UInt64(round * 10 + 4)))
        }
        #expect(throws: Never.self) { try LinearizabilityChecker.check(history) }
    }
}
