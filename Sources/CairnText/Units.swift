// Units — numbers as people read them: bytes, times, counts with commas, bars.
//
// Only for people; what programs read is exact. Pure.

internal import CairnSystem

/// Numbers for people.
package enum Units {
    /// "512 B", "1.5 KiB", "20 GiB": three digits or so.
    package static func bytes(_ count: UInt64) -> String {
        let names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(count)
        var place = 0
        while value >= 1024, place < names.count - 1 {
            value /= 1024
            place += 1
        }
        return decimal(value, places: place > 0 && value < 100 ? 1 : 0) + " " + names[place]
    }

    /// A number with so many decimals.
    package static func decimal(_ value: Double, places: Int) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "0" }
        let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((value.magnitude * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        let whole = sign + String(scaled / scale)
        return places == 0
            ? whole : whole + "." + String(String(scaled % scale + scale).dropFirst())
    }

    /// "1,234,567".
    package static func grouped(_ value: some BinaryInteger) -> String {
        var digits = Array(String(value))
        var place = digits.count - 3
        while place > (value < 0 ? 1 : 0) {
            digits.insert(",", at: place)
            place -= 3
        }
        return String(digits)
    }

    /// "1 blob", "1,234 blobs".
    package static func counted(_ count: some BinaryInteger, _ noun: String) -> String {
        grouped(count) + " " + inflected(noun, for: count)
    }

    /// "8 s", "3 min", "2 h 10 min".
    package static func duration(seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e9)).rounded())
        if whole < 100 { return "\(whole) s" }
        if whole < 6000 { return "\((whole + 30) / 60) min" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    /// Nanoseconds since 1970 as a UTC date and time.
    package static func date(nanoseconds: UInt64) -> String {
        let seconds = nanoseconds / 1_000_000_000
        let (year, month, day) = civil(days: Int(seconds / 86_400))
        let rest = Int(seconds % 86_400)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year)-\(two(month))-\(two(day))T"
            + "\(two(rest / 3600)):\(two(rest % 3600 / 60)):\(two(rest % 60))Z"
    }

    /// The date so many days after 1970-01-01, counted in years that begin in March.
    private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthOfYear = (5 * dayOfYear + 2) / 153
        let month = monthOfYear < 10 ? monthOfYear + 3 : monthOfYear - 9
        let day = dayOfYear - (153 * monthOfYear + 2) / 5 + 1
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    /// A bar of `width` columns, filled as far as `part` of `total`.
    package static func bar(_ part: UInt64, of total: UInt64, width: Int) -> String {
        let share = total > 0 ? Double(part) / Double(total) : 0
        let full = max(0, min(width, Int((share * Double(width)).rounded())))
        return String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
    }
}
