// What is compacted, and when that ends: plans are made and carried out on figures alone.

import Cairn
import CairnTestSupport
import Testing

@Suite("Compaction policy")
struct CompactionPolicyTests {
    private let policy = CompactionPolicy()
    private let mebibyte: UInt64 = 1 << 20

    private func segment(
        _ id: UInt64, live: UInt64, dead: UInt64, maxSequence: UInt64? = nil
    ) -> SegmentShape {
        var shape = SegmentShape(
            id: id, logicalByteCount: 4096 + live + dead, liveByteCount: live)
        shape.recordCount = 100
        shape.minSequence = id * 100
        shape.maxSequence = maxSequence ?? id * 100 + 99
        return shape
    }

    private func store(_ segments: [SegmentShape]) -> StoreShape {
        var store = StoreShape()
        store.segments = segments
        store.nextSequence = 1_000_000
        return store
    }

    @Test("nothing is done where nothing is dead")
    func nothing() {
        #expect(policy.plan(store([])) == nil)
        let full = (1...8).map { segment($0, live: 15 * mebibyte, dead: 0) }
        #expect(policy.plan(store(full)) == nil)
    }

    @Test("dead space below the target stays, above it goes")
    func target() {
        let below = (1...8).map { segment($0, live: 10 * mebibyte, dead: 3 * mebibyte) }
        #expect(policy.plan(store(below)) == nil)
        let above = (1...8).map { segment($0, live: 10 * mebibyte, dead: 5 * mebibyte) }
        let plan = policy.plan(store(above))
        #expect(plan?.reason == .deadSpace)
        #expect(plan?.inputIDs.count == 1)
        #expect(CompactionPolicy(target: 1.2).plan(store(below))?.reason == .deadSpace)
    }

    @Test("hints count as space taken")
    func hints() {
        var segments = (1...8).map { segment($0, live: 10 * mebibyte, dead: 3 * mebibyte) }
        for place in segments.indices { segments[place].hintByteCount = 2 * mebibyte }
        #expect(policy.plan(store(segments))?.reason == .deadSpace)
    }

    @Test("a segment without anything live goes at once, whatever the target")
    func allDead() {
        var segments = (1...8).map { segment($0, live: 15 * mebibyte, dead: 0) }
        segments[4] = segment(5, live: 0, dead: mebibyte)
        #expect(
            policy.plan(store(segments))
                == CompactionPlan(inputIDs: [5], reason: .allDead, copyByteCount: 0))
        segments[4].keptByteCount = mebibyte
        #expect(policy.plan(store(segments)) == nil)
    }

    @Test("the most dead, the oldest and the least to copy come first")
    func choice() {
        var segments = (1...8).map { segment($0, live: 12 * mebibyte, dead: 6 * mebibyte) }
        segments[2] = segment(3, live: 6 * mebibyte, dead: 12 * mebibyte)
        #expect(policy.plan(store(segments))?.inputIDs == [3])
        segments[2] = segments[3]
        segments[2].id = 3
        segments[6].maxSequence = 999_999
        segments[5].maxSequence = 1
        #expect(policy.plan(store(segments))?.inputIDs == [6])
    }

    @Test("small segments are merged when there are four")
    func small() {
        let three = (1...3).map { segment($0, live: 10_000, dead: 0) }
        let large = (10...20).map { segment($0, live: 15 * mebibyte, dead: 0) }
        #expect(policy.plan(store(large + three)) == nil)
        let four = three + [segment(4, live: 10_000, dead: 0)]
        #expect(
            policy.plan(store(large + four))
                == CompactionPlan(
                    inputIDs: [1, 2, 3, 4], reason: .smallSegments, copyByteCount: 40_000))
    }

    @Test("damaged, open and resting segments are left alone")
    func leftOut() {
        var segments = (1...8).map { segment($0, live: mebibyte, dead: 14 * mebibyte) }
        for place in segments.indices { segments[place].canBeInput = false }
        #expect(policy.plan(store(segments)) == nil)
        segments[3].canBeInput = true
        #expect(policy.plan(store(segments))?.inputIDs == [4])
    }

    @Test("what has expired counts as space to get back")
    func expired() {
        var segments = (1...8).map { segment($0, live: 15 * mebibyte, dead: 0) }
        segments[1].expiredByteCount = segments[1].liveByteCount
        #expect(policy.plan(store(segments))?.inputIDs == [2])
        // A large blob that expired is a small record, and chunks elsewhere.
        segments[1].expiredByteCount = 100
        #expect(policy.plan(store(segments)) == nil)
        segments[1].expiredChunkByteCount = 80 * mebibyte
        #expect(policy.plan(store(segments))?.inputIDs == [2])
    }

    @Test("only what is expired for certain counts: a dead record may be what expired")
    func surelyExpired() {
        var shape = segment(1, live: 5 * mebibyte, dead: 3 * mebibyte)
        for (due, expired) in [(2, 0), (3, 0), (4, 1), (8, 5), (20, 5)] {
            var due = ExpiringBytes(recordByteCount: UInt64(due) * mebibyte)
            due.chunkByteCount = 7
            shape.noteExpired(due)
            #expect(shape.expiredByteCount == UInt64(expired) * mebibyte)
            #expect(shape.expiredChunkByteCount == 7)
            shape.noteExpired(due, replacedChunkByteCount: 5)
            #expect(shape.expiredChunkByteCount == 2)
        }
    }

    @Test("a full disk is compacted by what fits")
    func full() {
        var segments = (1...8).map { segment($0, live: 10 * mebibyte, dead: 9 * mebibyte) }
        segments[7] = segment(8, live: mebibyte, dead: mebibyte)
        var store = store(segments)
        store.freeByteCount = 2 * mebibyte
        #expect(policy.plan(store)?.inputIDs == [8])
        store.freeByteCount = mebibyte
        #expect(policy.plan(store) == nil)
    }

    @Test("segments without anything live need no room, and go one by one, the oldest first")
    func noRoom() {
        var segments = (1...4).map { segment($0, live: 0, dead: 9 * mebibyte) }
        segments[0] = segment(1, live: mebibyte, dead: mebibyte)
        for place in segments.indices {
            segments[place].keptByteCount = 200
            segments[place].minSequence = UInt64(10 - place)
        }
        var store = store(segments)
        for freeByteCount in [0, 4095] as [UInt64] {
            store.freeByteCount = freeByteCount
            #expect(policy.plan(store)?.inputIDs == [4])
        }
        store.freeByteCount = 4096 + 400
        #expect(policy.plan(store)?.inputIDs == [3, 4])
        segments = [segment(1, live: mebibyte, dead: 9 * mebibyte)]
        store.segments = segments
        #expect(policy.plan(store) == nil)
    }

    @Test("planning ends, below the target, and never asks for more room than there is")
    func ends() {
        var random = TestRandom.reported("compaction policy")
        for _ in 0..<300 {
            var store = store([])
            store.segmentByteCount = [1 << 14, 1 << 20, 16 << 20][random.below(3)]
            store.segmentRecordCount = [200, 1_000_000][random.below(2)]
            let size = Int(store.segmentByteCount)
            for id in 1...UInt64(1 + random.below(60)) {
                let body = random.below(size)
                let live = random.chance(1, in: 5) ? 0 : random.below(body + 1)
                var segment = segment(id, live: UInt64(live), dead: UInt64(body - live))
                segment.hintByteCount = UInt64(live / 50)
                store.segments.append(segment)
            }
            // A whole segment fits, with its header.
            store.freeByteCount = UInt64(size + 4096) * UInt64(1 + random.below(3))
            let policy = CompactionPolicy(target: [1.1, 1.5, 3][random.below(3)])
            var count = 0
            while let plan = policy.plan(store) {
                let next = store.after(plan)
                #expect(
                    plan.copyByteCount + 4096 <= store.freeByteCount || plan.reason == .allDead)
                #expect(next.byteCount < store.byteCount)
                #expect(next.neededByteCount == store.neededByteCount)
                store = next
                count += 1
                if count > 1000 { break }
            }
            #expect(count <= 1000)
            let bodies = store.segments.reduce(0) { $0 + $1.logicalByteCount - 4096 }
            let live = Double(store.neededByteCount)
            #expect(Double(bodies) + Double(store.hintByteCount) <= live * policy.target)
        }
    }
}

@Suite("Expiry clock")
struct ExpiryClockTests {
    private static let hour: UInt64 = 3_600_000_000_000
    private static let start = 100_000 * hour

    /// A clock whose last run ended an hour after the machine started, looked at so much later.
    private func clock(wall: Int, monotonic: Int) -> ExpiryClock {
        var clock = ExpiryClock(lastRunWall: Self.start, lastRunMonotonic: Self.hour)
        look(&clock, wall: wall, monotonic: monotonic)
        return clock
    }

    /// Hours since the last run; a negative `monotonic`: since the machine was started anew.
    private func look(_ clock: inout ExpiryClock, wall: Int, monotonic: Int) {
        let uptime = monotonic < 0 ? 0 : Self.hour + UInt64(monotonic) * Self.hour
        clock.look(
            wall: UInt64(Int(Self.start) + wall * Int(Self.hour)), monotonic: uptime)
    }

    @Test("what expired is destroyed an hour later at the earliest")
    func anHourLater() {
        #expect(clock(wall: 2, monotonic: 2).destroyable == Self.start + Self.hour)
        #expect(clock(wall: 24 * 365, monotonic: 24 * 365).isTrusted)
        let never = ExpiryClock(lastRunWall: Self.start, lastRunMonotonic: 0)
        #expect(never.destroyable == 0)
    }

    @Test("and not while the clocks disagree", arguments: [400 * 24, 2])
    func disagreeing(hours: Int) {
        #expect(clock(wall: hours, monotonic: 0).destroyable == 0)
        #expect(clock(wall: 0, monotonic: hours).destroyable == 0)
        #expect(clock(wall: -hours, monotonic: 0).destroyable == 0)
        #expect(clock(wall: hours, monotonic: -1).destroyable == 0)
        // A machine that was only started anew, or corrected a little, does not disagree.
        #expect(clock(wall: 1, monotonic: -1).isTrusted)
        #expect(clock(wall: 49, monotonic: 48).isTrusted)
    }

    @Test("a jump is believed after a quarter of its length, in which the clocks go evenly")
    func jump() {
        var clock = clock(wall: 0, monotonic: 0)
        let days = 400 * 24
        look(&clock, wall: days, monotonic: 0)
        for hour in 1..<days / 4 {
            look(&clock, wall: days + hour, monotonic: hour)
            #expect(clock.destroyable == 0)
        }
        look(&clock, wall: days + days / 4, monotonic: days / 4)
        #expect(clock.isTrusted)
    }

    @Test("a jump back is believed at once when it ends where the clock should be")
    func back() {
        var clock = clock(wall: 0, monotonic: 0)
        look(&clock, wall: 9600, monotonic: 1)
        look(&clock, wall: 9601, monotonic: 2)
        #expect(!clock.isTrusted)
        look(&clock, wall: 3, monotonic: 3)
        look(&clock, wall: 4, monotonic: 4)
        #expect(clock.destroyable == Self.start + 3 * Self.hour)
    }

    @Test("opening a store again and again under a wrong clock proves nothing")
    func reopened() {
        var wall = Self.start
        for hour in 0..<500 {
            // Nobody watched in between.
            var clock = ExpiryClock(
                lastRunWall: wall, lastRunMonotonic: UInt64(hour) * Self.hour)
            for second in UInt64(0)..<3 {
                clock.look(
                    wall: Self.start + UInt64(9600 + hour + 1) * Self.hour + second,
                    monotonic: UInt64(hour + 1) * Self.hour + second)
                #expect(clock.destroyable == 0)
            }
            wall = clock.believed
        }
        #expect(wall < Self.start + 501 * Self.hour)
    }
}
