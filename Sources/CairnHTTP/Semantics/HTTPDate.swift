// HTTPDate — times as HTTP writes them: RFC 9110, section 5.6.7. Always in GMT, to the second.
//
// The calendar is Gregorian, for all years of four digits. No allocation but the result. Pure.

/// Formats and reads times.
package enum HTTPDate {
    static let dayNames: [7 of StaticString] = [
        "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed",
    ]
    static let monthNames: [12 of StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Twenty-nine bytes, as in `Sun, 06 Nov 1994 08:49:37 GMT`; seconds since 1970.
    package static func text(_ second: UInt64) -> [UInt8] {
        let (day, rest) = second.quotientAndRemainder(dividingBy: 86_400)
        let date = civil(day)
        let dayName = dayNames[Int(day % 7)]
        let month = monthNames[date.month - 1]
        let clock = [rest / 3600, rest / 60 % 60, rest % 60].map { twoDigits(Int($0)) }
        let text =
            "\(dayName), \(twoDigits(date.day)) \(month) \(fourDigits(date.year)) "
            + clock.joined(separator: ":") + " GMT"
        return Array(text.utf8)
    }

    /// Year, month and day of a number of days since 1970: years begin in March, so that the odd day
    /// is the last one.
    static func civil(_ day: UInt64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(min(day, 2_932_896)) + 719_468
        let era = shifted / 146_097
        let ofEra = shifted % 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * ofYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * part + 2) / 5 + 1
        )
    }

    private static func twoDigits(_ number: Int) -> String {
        (number < 10 ? "0" : "") + String(number)
    }

    private static func fourDigits(_ number: Int) -> String {
        String(repeating: "0", count: max(0, 4 - String(number).count)) + String(number)
    }
}
