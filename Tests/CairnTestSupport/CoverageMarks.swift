// CoverageMarks — proof that a random run went where it claims to have gone.
//
// A simulation that never tore a tail proves nothing about torn tails. Tests note on a `MarkBoard`
// what they have seen (`torn tail seen`, `cut between commit and unlink`), and at their end require
// that no mark of their list stayed at zero. Safe from any thread; one lock guards the counts.

internal import CairnSystem

// Sendable because `counts` is only touched while `lock` is held,
// and nothing else is mutable.
/// Counts named marks.
package final class MarkBoard: @unchecked Sendable {
    private let lock = AdaptiveLock()
    private var counts: [String: Int] = [:]

    /// A board without marks.
    package init() {}

    /// Counts one sight of `name`.
    package func hit(_ name: String, times: Int = 1) {
        lock.lock()
        defer { lock.unlock() }
        counts[name, default: 0] += times
    }

    /// How often `name` was seen.
    package func count(of name: String) -> Int {
        lock.lock()
        defer { lock.unlock() }
        return counts[name] ?? 0
    }

    /// Those of `names` that were never seen, in their order: empty is what a test wants.
    package func require(_ names: [String]) -> [String] {
        lock.lock()
        defer { lock.unlock() }
        return names.filter { (counts[$0] ?? 0) == 0 }
    }

    /// Adds what another board has seen, for runs that are spread over threads.
    package func merge(_ other: MarkBoard) {
        for (name, count) in other.sortedCounts() { hit(name, times: count) }
    }

    /// All counts by name, for a report.
    package func sortedCounts() -> [(name: String, count: Int)] {
        lock.lock()
        defer { lock.unlock() }
        return counts.map { (name: $0.key, count: $0.value) }.sorted { $0.name < $1.name }
    }
}
