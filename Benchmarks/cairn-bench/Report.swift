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
    var p50Microseconds = 0.0
    var p99Microseconds = 0.0
    var maxMicroseconds = 0.0
    /// What this workload alone has to say, in order.
    var extras: [(name: String, value: Double)] = []
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
        p50Microseconds = histogram.percentile(0.5) / 1e3
        p99Microseconds = histogram.percentile(0.99) / 1e3
        maxMicroseconds = Double(histogram.maximum) / 1e3
    }

    var operationsPerSecond: Double { seconds > 0 ? Double(operationCount) / seconds : 0 }
    var bytesPerSecond: Double { seconds > 0 ? Double(byteCount) / seconds : 0 }

    var json: String {
        let fields: [(name: String, value: Double)] = [
            ("operations", Double(operationCount)), ("seconds", seconds),
            ("opsPerSecond", operationsPerSecond), ("bytesPerSecond", bytesPerSecond),
            ("cpuSeconds", processorSeconds), ("residentBytes", Double(residentByteCount)),
            ("bytesPerKey", bytesPerKey), ("p50Microseconds", p50Microseconds),
            ("p99Microseconds", p99Microseconds), ("maxMicroseconds", maxMicroseconds),
        ]
        let texts = (fields + extras).map { "\"\($0.name)\":\(number($0.value))" }
        return "{\"workload\":\"\(workload.rawValue)\",\(texts.joined(separator: ","))}"
    }

    var line: String {
        var text = "\(workload.rawValue): \(grouped(operationsPerSecond)) operations/s"
        text += ", \(number(bytesPerSecond / 1e6, decimals: 1)) MB/s"
        text += " (\(operationCount) in \(number(seconds)) s, \(number(processorSeconds)) CPU s)"
        text += "; p50 \(number(p50Microseconds)) µs, p99 \(number(p99Microseconds)) µs"
        text += ", max \(number(maxMicroseconds)) µs"
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
