// AllocationCheck — whether an operation that must not allocate does.
//
// After a warm-up, which makes a thread's scratch and opens files, the calls of this thread are counted
// over a fixed number of operations, so that the outcome does not depend on the machine's speed. What
// the store's own threads do meanwhile is not the caller's path: they write hints and compact, which
// allocates for each segment.

internal import BenchSupport

struct AllocationCheck {
    private static let warmUpCount = 20_000
    private static let operationCount = 100_000
    /// A share for what comes once in thousands of operations on the caller's thread. While 100,000 keys
    /// are new, each of the index's 256 shards replaces its table once or twice: 530 calls, 0.0053. A
    /// rotation, one in 15,000 puts of 1 KiB, makes some dozen. A path that allocates is at 1 as a rule, and
    /// beyond the bound if it does in one of a hundred operations.
    static let shareMaximum = 0.01

    private let one: MicroCase

    init(_ one: MicroCase) { self.one = one }

    struct Verdict {
        fileprivate let name: String
        fileprivate let share: Double

        var isFine: Bool { share <= shareMaximum }

        var line: String {
            let text = "\(name): \(number(share, decimals: 5)) allocations/op"
            if isFine { return text }
            return "\(text), MORE THAN \(number(shareMaximum)): it must not allocate"
        }
    }

    func run(in directory: MicroDirectory) throws(BenchFailure) -> Verdict {
        let subject = try one.make(directory)
        try subject.renew(for: Self.warmUpCount)
        _ = try subject.run(Self.warmUpCount)
        try subject.renew(for: Self.operationCount)
        let before = AllocationCount.ofThisThread()
        _ = try subject.run(Self.operationCount)
        let count = AllocationCount.ofThisThread() - before
        try subject.end()
        return Verdict(name: one.name, share: Double(count) / Double(Self.operationCount))
    }
}
