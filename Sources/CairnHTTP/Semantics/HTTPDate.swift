// HTTPDate — times as HTTP writes them: RFC 9110, section 5.6.7. Always in GMT, to the second.
//
// The calendar is Gregorian, for all years of four digits. No allocation but the result. Pure.

internal import CairnSystem

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
        var queue = ByteQueue(byteCount: 64)
        append(second, to: &queue)
        return queue.bytes.copyBytes()
    }

    /// Appends the same, in one piece: every answer with a blob has such a line.
    package static func append(_ second: UInt64, to queue: inout ByteQueue) {
        let (day, rest) = second.quotientAndRemainder(dividingBy: 86_400)
        let date = civil(day)
        let form = ("Thu, 01 Jan 1970 00:00:00 GMT" as StaticString).rawSpan
        queue.append(upTo: form.byteCount) { text in
            text.copy(from: form, to: 0)
            text.copy(from: dayNames[Int(day % 7)].rawSpan, to: 0)
            text.store(twoDigits: date.day, at: 5)
            text.copy(from: monthNames[date.month - 1].rawSpan, to: 8)
            text.store(twoDigits: date.year / 100, at: 12)
            text.store(twoDigits: date.year % 100, at: 14)
            text.store(twoDigits: Int(rest / 3600), at: 17)
            text.store(twoDigits: Int(rest / 60 % 60), at: 20)
            text.store(twoDigits: Int(rest % 60), at: 23)
            return form.byteCount
        }
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
}

extension MutableRawSpan {
    fileprivate mutating func store(twoDigits number: Int, at place: Int) {
        let digits = UInt16(truncatingIfNeeded: number / 10 + (number % 10) * 256)
        storeBytes(of: 0x3030 | digits.littleEndian, toByteOffset: place, as: UInt16.self)
    }
}
