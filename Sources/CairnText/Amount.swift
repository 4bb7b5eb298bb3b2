// Amount — bytes and times as an operator writes them: "64MiB", "500ms", "1h".
//
// Whole numbers and one unit, without a blank. What is read is exact or nothing; what is written reads
// back as the same. "64M" is 64 MiB; "MB" is not taken, which some hold for another number. A time has
// always a unit, for nobody knows which one was meant. Pure.

/// Amounts that are typed.
package enum Amount {
    private static let byteUnits: [(name: String, shift: UInt64)] = [
        ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0),
        ("T", 40), ("G", 30), ("M", 20), ("K", 10), ("", 0),
    ]

    private static let timeUnits: [(name: String, nanoseconds: UInt64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("min", 60_000_000_000),
        ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000), ("ns", 1),
    ]

    /// The bytes that a text stands for: "1048576", "1MiB" or "1M"; letters may be small. Nil for any other.
    package static func byteCount(_ text: String) -> UInt64? {
        guard let (number, unit) = parts(of: text),
            let shift = byteUnits.first(where: { $0.name.lowercased() == unit.lowercased() })?.shift
        else { return nil }
        let (count, isTooLarge) = number.multipliedReportingOverflow(by: 1 << shift)
        return isTooLarge ? nil : count
    }

    /// The shortest of the exact forms: "64MiB", "1000B".
    package static func text(byteCount: UInt64) -> String {
        for unit in byteUnits where byteCount > 0 && byteCount % (1 << unit.shift) == 0 {
            return "\(byteCount >> unit.shift)\(unit.name)"
        }
        return "\(byteCount)B"
    }

    /// The time that a text stands for: "500ms", "10s", "5min", "1h"; "0" needs no unit. Nil for any other,
    /// and beyond five hundred years.
    package static func duration(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        guard let (number, unit) = parts(of: text),
            let factor = timeUnits.first(where: { $0.name == unit })?.nanoseconds
        else { return nil }
        let (nanoseconds, isTooLong) = number.multipliedReportingOverflow(by: factor)
        guard !isTooLong, nanoseconds < 1 << 63 else { return nil }
        return .nanoseconds(Int64(nanoseconds))
    }

    /// The shortest of the exact forms: "90s", "1min". For times that `duration` gives.
    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        for unit in timeUnits where nanoseconds > 0 && nanoseconds % unit.nanoseconds == 0 {
            return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
        }
        return "0s"
    }

    /// Digits, and letters behind them.
    private static func parts(of text: String) -> (number: UInt64, unit: String)? {
        let digits = text.prefix { ("0"..."9").contains($0) && $0.isASCII }
        guard let number = UInt64(digits) else { return nil }
        return (number, String(text.dropFirst(digits.count)))
    }
}
