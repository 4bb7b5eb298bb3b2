// Times: three forms in, one form out, and nothing else is taken for one.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Times") struct HTTPDateTests {
    /// 2026-11-28 12:00:00.
    private let now: UInt64 = 1_795_867_200

    private func second(_ text: String, now: UInt64? = nil) -> Int64? {
        HTTPDate.second(of: Array(text.utf8).rawSpan, now: now ?? self.now)
    }

    private func text(_ second: UInt64) -> String {
        String(decoding: HTTPDate.text(second), as: UTF8.self)
    }

    @Test(
        "all three forms of the specification's example are the same second",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994", "Sun Nov 06 08:49:37 1994",
        ])
    func forms(_ text: String) { #expect(second(text) == 784_111_777) }

    @Test(
        "known seconds are read and written",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ])
    func known(_ number: UInt64, _ form: String) {
        #expect(text(number) == form)
        #expect(second(form) == Int64(number))
    }

    @Test(
        "times before 1970 are negative, back to the year 0",
        arguments: [
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200),
            ("Tue, 29 Feb 0000 00:00:00 GMT", -62_162_121_600),
            ("Mon, 01 Jan 0001 00:00:00 GMT", -62_135_596_800),
        ])
    func early(_ text: String, _ expected: Int64) { #expect(second(text) == expected) }

    @Test("a day's name must be one, but need not be that of the date") func dayNames() {
        #expect(second("Mon, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(second("Friday, 06-Nov-94 08:49:37 GMT") == 784_111_777)
        #expect(second("Sat Nov  6 08:49:37 1994") == 784_111_777)
    }

    @Test("a leap second is the one behind the day's last") func leapSeconds() {
        #expect(second("Sat, 31 Dec 2016 23:59:60 GMT") == 1_483_228_800)
        #expect(second("Sun, 01 Jan 2017 00:00:00 GMT") == 1_483_228_800)
    }

    @Test(
        "a year of two digits is at most fifty years ahead, to the second",
        arguments: [
            ("Saturday, 28-Nov-26 12:00:00 GMT", "Sat, 28 Nov 2026 12:00:00 GMT"),
            ("Saturday, 28-Nov-76 12:00:00 GMT", "Sat, 28 Nov 2076 12:00:00 GMT"),
            ("Saturday, 28-Nov-76 12:00:01 GMT", "Sun, 28 Nov 1976 12:00:01 GMT"),
            ("Sunday, 29-Nov-76 00:00:00 GMT", "Mon, 29 Nov 1976 00:00:00 GMT"),
            ("Sunday, 31-Oct-76 23:59:59 GMT", "Sat, 31 Oct 2076 23:59:59 GMT"),
            ("Friday, 01-Jan-77 00:00:00 GMT", "Sat, 01 Jan 1977 00:00:00 GMT"),
            ("Tuesday, 31-Dec-75 00:00:00 GMT", "Tue, 31 Dec 2075 00:00:00 GMT"),
            ("Saturday, 01-Jan-00 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"),
            ("Thursday, 31-Dec-99 00:00:00 GMT", "Fri, 31 Dec 1999 00:00:00 GMT"),
        ])
    func twoDigits(_ short: String, _ long: String) {
        #expect(second(short) == second(long))
        #expect(second(short) != nil)
    }

    @Test("of the year 1999 the years to 49 are the next century's") func otherCentury() {
        let now = UInt64(second("Fri, 31 Dec 1999 23:59:59 GMT") ?? 0)
        let of49 = second("Friday, 31-Dec-49 23:59:59 GMT", now: now)
        #expect(of49 == second("Fri, 31 Dec 2049 23:59:59 GMT"))
        let of50 = second("Sunday, 01-Jan-50 00:00:00 GMT", now: now)
        #expect(of50 == second("Sun, 01 Jan 1950 00:00:00 GMT"))
        #expect(second("Sunday, 01-Jan-50 00:00:00 GMT", now: .max) != nil)
    }

    @Test(
        "what is of no form, or no day, is no time",
        arguments: [
            "", "0", "784111777", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 1994 08:49:37 gmt",
            "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
            "Son, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Mai 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT", "Sun,  6 Nov 1994 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 32 Dec 1994 08:49:37 GMT", "Tue, 29 Feb 2100 00:00:00 GMT",
            "Tue, 29 Feb 2023 00:00:00 GMT", "Tue, 30 Feb 2024 00:00:00 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 23:60:00 GMT",
            "Sun, 06 Nov 1994 08:49:60 GMT", "Sun, 06 Nov 1994 23:59:61 GMT",
            "Sun, 06 Nov 1994 -8:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 UTC", "sunday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 31-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT ",
            "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "Sun Nov   08:49:37 1994",
            "Sun Nov  0 08:49:37 1994", "Sun Feb 30 08:49:37 1994", "Sun Nov 6  08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", ",",
        ])
    func refused(_ text: String) { #expect(second(text) == nil) }

    @Test("what is written is read back, and is read in the other forms too") func roundTrip() {
        var random = TestRandom.reported("what is written is read back")
        for _ in 0..<3000 {
            let bound: UInt64 = random.coin() ? 253_402_300_800 : 4_000_000_000
            let number = random.below(bound)
            let form = text(number)
            #expect(second(form) == Int64(number))
            let parts = form.split(separator: " ").map(String.init)
            let day = parts[1].hasPrefix("0") ? " \(parts[1].dropFirst())" : parts[1]
            let other = "\(form.prefix(3)) \(parts[2]) \(day) \(parts[4]) \(parts[3])"
            #expect(second(other) == Int64(number))
            let short = "Monday, \(parts[1])-\(parts[2])-\(parts[3].suffix(2)) \(parts[4]) GMT"
            #expect(second(short, now: number) == Int64(number))
        }
    }

    @Test("no bytes trap") func fuzz() {
        var random = TestRandom.reported("no bytes of a time trap")
        let samples = [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ]
        var (readCount, latest) = (0, Int64.min)
        for _ in 0..<20_000 {
            let bytes = random.mutated(random.pick(samples), [" ", "29", ",", "Feb", "-"])
            guard let second = HTTPDate.second(of: bytes.rawSpan, now: random.next()) else {
                continue
            }
            readCount += 1
            latest = max(latest, second)
        }
        #expect(readCount > 1000)
        #expect(latest < 400_000_000_000)
    }
}
