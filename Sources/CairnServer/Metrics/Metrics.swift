// Metrics — counters and times of a running server, without locks.
//
// Each thread adds to one of a few lanes, by its slot; a number is the sum over the lanes. Lanes lie apart, so
// that threads do not take each other's cache lines away: an addition is one relaxed atomic one, a time two.
// A snapshot is taken while others count: each number is one that it had, but two numbers need not be of
// the same moment; the count of a histogram is the sum of its buckets, so that at least those agree. Any
// thread.

package import CairnHTTP
internal import CairnSystem
internal import Synchronization

/// The numbers of a server.
package final class Metrics: Sendable {
    private let lanes: [Lane]

    /// All at zero; the lanes are a power of two.
    package init(laneCount: Int = 16) {
        precondition(laneCount > 0 && laneCount.nonzeroBitCount == 1, "lanes are found by a mask")
        lanes = (0..<laneCount).map { _ in Lane() }
    }

    private var lane: Lane { lanes[threadSlot() & (lanes.count - 1)] }

    /// One more, or so many.
    package func count(_ counter: ServerCounter, _ number: UInt64 = 1) {
        lane.add(number, at: Place.counter(counter))
    }

    /// A request was answered with this status.
    package func countRequest(_ method: Method, status: UInt16) {
        lane.add(1, at: Place.request(method, statusClass: Int(status / 100)))
    }

    /// So long it took.
    package func time(_ timer: ServerTimer, nanoseconds: UInt64) {
        let lane = lane
        lane.add(1, at: Place.bucket(timer, TimeBuckets.index(of: nanoseconds)))
        lane.add(nanoseconds, at: Place.sum(timer))
    }

    /// All numbers as they are now.
    package func snapshot() -> MetricsSnapshot {
        var values = [UInt64](repeating: 0, count: Place.count)
        for lane in lanes {
            for place in values.indices { values[place] &+= lane.value(at: place) }
        }
        return MetricsSnapshot(values: values)
    }
}

/// The numbers that some threads add to. Longer than what is used, so that two do not share a cache line.
private final class Lane: Sendable {
    static let capacity = 256

    private let values = InlineArray<256, Atomic<UInt64>> { _ in Atomic(0) }

    func add(_ number: UInt64, at place: Int) {
        values[place].wrappingAdd(number, ordering: .relaxed)
    }

    func value(at place: Int) -> UInt64 { values[place].load(ordering: .relaxed) }
}

/// Where a number stands in a lane. The first 64 bytes and the last are nobody's.
enum Place {
    private static let margin = 8
    private static let requests = margin + ServerCounter.allCases.count
    private static let times = requests + Method.allCases.count * 5
    private static let timeStride = TimeBuckets.bounds.count + 2

    static let count: Int = {
        let count = times + ServerTimer.allCases.count * timeStride
        precondition(count + margin <= Lane.capacity, "a lane has room for every number")
        return count
    }()

    static func counter(_ counter: ServerCounter) -> Int { margin + counter.rawValue }

    /// Classes are 1 to 5; what is none counts as 5.
    static func request(_ method: Method, statusClass: Int) -> Int {
        let row = (1...5).contains(statusClass) ? statusClass - 1 : 4
        return requests + Int(method.rawValue) * 5 + row
    }

    /// The last bucket is that of all that is longer than the bounds.
    static func bucket(_ timer: ServerTimer, _ bucket: Int) -> Int {
        times + timer.rawValue * timeStride + bucket
    }

    static func sum(_ timer: ServerTimer) -> Int { bucket(timer, TimeBuckets.bounds.count + 1) }
}

/// The buckets of all times: from 50 µs, which a cached read takes, to 10 s.
package enum TimeBuckets {
    /// Nanoseconds that are in a bucket at most, and how Prometheus writes them in seconds.
    package static let bounds: [(nanoseconds: UInt64, text: String)] = [
        (50_000, "0.00005"), (100_000, "0.0001"), (250_000, "0.00025"), (500_000, "0.0005"),
        (1_000_000, "0.001"), (2_500_000, "0.0025"), (5_000_000, "0.005"), (10_000_000, "0.01"),
        (25_000_000, "0.025"), (50_000_000, "0.05"), (100_000_000, "0.1"), (250_000_000, "0.25"),
        (500_000_000, "0.5"), (1_000_000_000, "1"), (2_500_000_000, "2.5"), (5_000_000_000, "5"),
        (10_000_000_000, "10"),
    ]

    /// The first bucket that a time fits in.
    static func index(of nanoseconds: UInt64) -> Int {
        bounds.firstIndex { nanoseconds <= $0.nanoseconds } ?? bounds.count
    }
}

/// The numbers of one moment.
package struct MetricsSnapshot: Equatable, Sendable {
    private let values: [UInt64]

    init(values: [UInt64]) { self.values = values }

    /// How many there were.
    package subscript(_ counter: ServerCounter) -> UInt64 { values[Place.counter(counter)] }

    /// Requests with an answer whose status begins with this digit.
    package func requestCount(_ method: Method, statusClass: Int) -> UInt64 {
        values[Place.request(method, statusClass: statusClass)]
    }

    /// How many times are in a bucket, those of smaller ones not counted.
    package func timeCount(_ timer: ServerTimer, bucket: Int) -> UInt64 {
        values[Place.bucket(timer, bucket)]
    }

    /// How many times there are.
    package func timeCount(_ timer: ServerTimer) -> UInt64 {
        (0...TimeBuckets.bounds.count).reduce(0) { $0 + timeCount(timer, bucket: $1) }
    }

    /// All times together.
    package func timeSum(_ timer: ServerTimer) -> UInt64 { values[Place.sum(timer)] }
}
