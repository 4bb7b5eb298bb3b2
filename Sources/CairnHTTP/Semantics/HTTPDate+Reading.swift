// HTTPDate+Reading — the three forms of a time that a recipient takes: RFC 9110, section 5.6.7.
//
// Strict in form, case and calendar: what is read has one meaning. Only the day's name is not compared with
// the date: it adds nothing, and a time that is not read is a condition that is not kept. No allocation. Pure.

internal import CairnSystem

extension HTTPDate {
    private static let longDayNames: [7 of StaticString] = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]

    /// Seconds since 1970, negative before; nil when the text is of none of the three forms, or names a
    /// day that no calendar has. A year of two digits is at most fifty years from `now` on, or past.
    package static func second(of text: RawSpan, now: UInt64) -> Int64? {
        switch text.byteCount {
        case 29: fixed(text)
        case 24: ofC(text)
        default: withLongDay(text, now)
        }
    }

    /// As in `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func fixed(_ text: RawSpan) -> Int64? {
        guard text.hasShape("___, __ ___ ____ __:__:__ GMT"),
            place(of: text.extracting(0..<3), in: dayNames.span) != nil,
            let day = number(text, 5..<7), let month = month(text.extracting(8..<11)),
            let year = number(text, 12..<16), let clock = clock(text.extracting(17..<25))
        else { return nil }
        return second(year, month, day, clock)
    }

    /// As asctime() of C has it: `Sun Nov  6 08:49:37 1994`.
    private static func ofC(_ text: RawSpan) -> Int64? {
        let dayStart = text.byte(at: 8) == UInt8(ascii: " ") ? 9 : 8
        guard text.hasShape("___ ___ __ __:__:__ ____"),
            place(of: text.extracting(0..<3), in: dayNames.span) != nil,
            let month = month(text.extracting(4..<7)), let day = number(text, dayStart..<10),
            let clock = clock(text.extracting(11..<19)), let year = number(text, 20..<24)
        else { return nil }
        return second(year, month, day, clock)
    }

    /// As RFC 850 has it: `Sunday, 06-Nov-94 08:49:37 GMT`.
    private static func withLongDay(_ text: RawSpan, _ now: UInt64) -> Int64? {
        guard let comma = text.firstIndex(of: UInt8(ascii: ",")),
            place(of: text.extracting(0..<comma), in: longDayNames.span) != nil
        else { return nil }
        let rest = text.extracting(comma..<text.byteCount)
        guard rest.hasShape(", __-___-__ __:__:__ GMT"),
            let day = number(rest, 2..<4), let month = month(rest.extracting(5..<8)),
            let digits = number(rest, 9..<11), let clock = clock(rest.extracting(12..<20))
        else { return nil }
        return second(year(digits, month, day, clock, now), month, day, clock)
    }

    /// The last year with these two digits in which the time is not more than fifty years ahead.
    private static func year(
        _ digits: Int, _ month: Int, _ day: Int, _ clock: Int, _ now: UInt64
    ) -> Int {
        let today = civil(now / 86_400)
        let last = today.year + 50
        let year = last - (last % 100 - digits + 100) % 100
        let time = (month, day, clock)
        let isBeyond = year == last && time > (today.month, today.day, Int(now % 86_400))
        return isBeyond ? year - 100 : year
    }

    private static func month(_ name: RawSpan) -> Int? {
        place(of: name, in: monthNames.span).map { $0 + 1 }
    }

    private static func place(of name: RawSpan, in names: Span<StaticString>) -> Int? {
        for place in 0..<names.count where name.isEqual(to: names[place].rawSpan) { return place }
        return nil
    }

    private static func number(_ text: RawSpan, _ range: Range<Int>) -> Int? {
        text.extracting(range).decimal.map { Int($0) }
    }

    /// The second of the day; a leap second is that behind the day's last one.
    private static func clock(_ text: RawSpan) -> Int? {
        guard let hour = number(text, 0..<2), let minute = number(text, 3..<5),
            let second = number(text, 6..<8), hour < 24, minute < 60
        else { return nil }
        guard second < 60 || (hour, minute, second) == (23, 59, 60) else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private static func second(_ year: Int, _ month: Int, _ day: Int, _ clock: Int) -> Int64? {
        guard day >= 1, day <= dayCount(year, month) else { return nil }
        return Int64(dayNumber(year, month, day) * 86_400 + clock)
    }

    private static func dayCount(_ year: Int, _ month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970: what `civil` takes apart. Four centuries more keep the year 0 above zero.
    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = (month <= 2 ? year - 1 : year) + 400
        let part = month <= 2 ? month + 9 : month - 3
        let leapDays = shifted / 4 - shifted / 100 + shifted / 400
        return 365 * shifted + leapDays + (153 * part + 2) / 5 + day - 1 - 719_468 - 146_097
    }
}

extension RawSpan {
    /// Whether these bytes are those of the shape, in which `_` stands for any.
    fileprivate func hasShape(_ shape: StaticString) -> Bool {
        let bytes = shape.rawSpan
        guard byteCount == bytes.byteCount else { return false }
        for place in 0..<byteCount where bytes.byte(at: place) != UInt8(ascii: "_") {
            if byte(at: place) != bytes.byte(at: place) { return false }
        }
        return true
    }
}
