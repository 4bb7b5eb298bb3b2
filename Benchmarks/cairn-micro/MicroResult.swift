// MicroResult — what was measured of one case, as a line for people or one JSON object.
//
// Plain values. Benchmarks/README.md says what the fields mean.

internal import BenchSupport

struct MicroResult {
    let name: String
    private(set) var operationCount = 0
    /// Nanoseconds for an operation, one of each round.
    private var times: [Double] = []
    private var allocations = AllocationCount()

    init(name: String) { self.name = name }

    var roundCount: Int { times.count }

    mutating func add(
        elapsed: UInt64, count: Int, before: AllocationCount, after: AllocationCount
    ) {
        allocations.add(from: before, to: after)
        times.append(Double(elapsed) / Double(count))
        operationCount += count
    }

    private var median: Double { times.sorted()[times.count / 2] }
    private var best: Double { times.min() ?? 0 }
    private func perOperation(_ count: UInt64) -> Double { Double(count) / Double(operationCount) }

    var json: String {
        let fields: [(name: String, value: Double)] = [
            ("operations", Double(operationCount)), ("rounds", Double(roundCount)),
            ("nsPerOp", median), ("bestNsPerOp", best),
            ("allocationsPerOp", perOperation(allocations.count)),
            ("allocatedBytesPerOp", perOperation(allocations.byteCount)),
        ]
        let texts = fields.map { "\"\($0.name)\":\(number($0.value, decimals: 4))" }
        return "{\"case\":\"\(name)\",\(texts.joined(separator: ","))}"
    }

    static let heading = row("case", ["ns/op", "best", "allocations/op", "bytes/op"])

    var line: String {
        Self.row(
            name,
            [
                number(median, decimals: 1), number(best, decimals: 1),
                number(perOperation(allocations.count), decimals: 4),
                number(perOperation(allocations.byteCount), decimals: 1),
            ])
    }

    private static func row(_ name: String, _ columns: [String]) -> String {
        let start = name + String(repeating: " ", count: max(1, 27 - name.count))
        return columns.reduce(start) { line, column in
            line + String(repeating: " ", count: max(1, 15 - column.count)) + column
        }
    }
}
