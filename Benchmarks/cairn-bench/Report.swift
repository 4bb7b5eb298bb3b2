// Report — what was measured, as one line for people or one JSON object.
//
// `Measurement` brackets the measured part: its clock and its processor seconds. The named fields
// of the JSON object are always there; fields of a single workload follow them. Plain values.

internal import BenchSupport
internal import CairnSystem

/// Wall and processor time from its making on.
struct Measurement {
    private let startNanoseconds = Clock.monotonicNanoseconds()
    private let startProcessorSeconds = Clock.processorSeconds()

    var seconds: Double { Double(Clock.monotonicNanoseconds() - startNanoseconds) / 1e9 }
    var processorSeconds: Double { Clock.processorSeconds() - startProcessorSeconds }
}

struct Report {
    let workload: WorkloadName
    var operationCount = 0
    var seconds = 0.0
    /// Key and value bytes that went through.
    var byteCount = 0
    var processorSeconds = 0.0
    var residentByteCount = 0
    var bytesPerKey = 0.0
    /// 50, 90, 99 and 99.9 percent.
    private var percentiles: [(name: String, microseconds: Double)] = Self.percentiles(
        of: Histogram())
    private var maxMicroseconds = 0.0
    /// What this workload alone has to say, in order.
    var extras: [(name: String, value: Double)] = []
    /// Figures over time, for programs.
    var series: [(name: String, values: [Double])] = []
    /// What went wrong although it was measured.
    var complaint: String?

    init(_ workload: WorkloadName) { self.workload = workload }

    /// Takes the times; call it when the measured part ends.
    mutating func finish(_ measurement: Measurement) {
        seconds = measurement.seconds
        processorSeconds = measurement.processorSeconds
        residentByteCount = (try? ResourceLimits.residentByteCount()) ?? 0
    }

    mutating func take(_ histogram: Histogram) {
        percentiles = Self.percentiles(of: histogram)
        maxMicroseconds = Double(histogram.maximum) / 1e3
    }

    /// Of writes that are timed apart.
    mutating func takeWrites(_ outcome: WorkerOutcome) {
        for (name, microseconds) in Self.percentiles(of: outcome.writeHistogram) {
            extras.append(("\(name)WriteMicroseconds", microseconds))
        }
    }

    private static func percentiles(
        of histogram: Histogram
    ) -> [(name: String, microseconds: Double)] {
        [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)].map { name, part in
            (name, histogram.percentile(part) / 1e3)
        }
    }

    var operationsPerSecond: Double { seconds > 0 ? Double(operationCount) / seconds : 0 }
    var bytesPerSecond: Double { seconds > 0 ? Double(byteCount) / seconds : 0 }

    var json: String {
        let fields: [(name: String, value: Double)] = [
            ("operations", Double(operationCount)), ("seconds", seconds),
            ("opsPerSecond", operationsPerSecond), ("bytesPerSecond", bytesPerSecond),
            ("cpuSeconds", processorSeconds), ("residentBytes", Double(residentByteCount)),
            ("bytesPerKey", bytesPerKey),
        ]
        let latencies = percentiles.map { ("\($0.name)Microseconds", $0.microseconds) }
        let all = fields + latencies + [("maxMicroseconds", maxMicroseconds)] + extras
        var texts = all.map { "\"\($0.0)\":\(number($0.1))" }
        for (name, values) in series {
            let list = values.map { number($0) }.joined(separator: ",")
            texts.append("\"\(name)\":[\(list)]")
        }
        return "{\"workload\":\"\(workload.rawValue)\",\(texts.joined(separator: ","))}"
    }

    var line: String {
        var text = "\(workload.rawValue): \(grouped(operationsPerSecond)) operations/s"
        text += ", \(number(bytesPerSecond / 1e6, decimals: 1)) MB/s"
        text += " (\(operationCount) in \(number(seconds)) s, \(number(processorSeconds)) CPU s)"
        text += ";"
        for (name, microseconds) in percentiles { text += " \(name) \(number(microseconds)) µs," }
        text += " max \(number(maxMicroseconds)) µs"
        text += "; \(number(Double(residentByteCount) / 1e6, decimals: 1)) MB resident"
        text += ", \(number(bytesPerKey, decimals: 1)) bytes/key"
        for extra in extras { text += "; \(extra.name) \(number(extra.value))" }
        if let complaint { text += "; WRONG: \(complaint)" }
        return text
    }
}

/// A whole number with commas.
private func grouped(_ value: Double) -> String {
    var digits = Array(String(Int(value.rounded())))
    var place = digits.count - 3
    while place > 0 {
        digits.insert(",", at: place)
        place -= 3
    }
    return String(digits)
}
