// Amounts that an operator types, and how they are written back.

import CairnTestSupport
import CairnText
import Testing

@Suite("Amounts")
struct AmountTests {
    @Test(
        "bytes are read with any unit that means one thing",
        arguments: [
            ("0", 0), ("1048576", 1 << 20), ("64MiB", 64 << 20), ("64mib", 64 << 20),
            ("64M", 64 << 20), ("1k", 1024), ("5TiB", 5 << 40), ("12B", 12),
            ("18446744073709551615", .max), ("16777215TiB", 16_777_215 << 40),
        ] as [(String, UInt64)])
    func bytes(text: String, count: UInt64) { #expect(Amount.byteCount(text) == count) }

    @Test(
        "what is no number of bytes is nothing",
        arguments: [
            "", "B", "MiB", "-1", "+1", "1.5GiB", "1 MiB", " 1", "1MB", "1kB", "1KiBs", "0x10",
            "1e3", "16777216TiB", "18446744073709551616", "\u{0661}",
        ])
    func noBytes(text: String) { #expect(Amount.byteCount(text) == nil) }

    @Test(
        "times are read with their unit",
        arguments: [
            ("0", .zero), ("10s", .seconds(10)), ("500ms", .milliseconds(500)),
            ("5min", .seconds(300)), ("2h", .seconds(7200)), ("1d", .seconds(86_400)),
            ("250us", .microseconds(250)), ("7ns", .nanoseconds(7)),
        ] as [(String, Duration)])
    func times(text: String, duration: Duration) { #expect(Amount.duration(text) == duration) }

    @Test(
        "what is no time is nothing",
        arguments: [
            "", "10", "s", "1m", "1.5s", "-1s", "1 s", "1S", "1sec", "99999999999d", "106752d",
        ])
    func noTimes(text: String) { #expect(Amount.duration(text) == nil) }

    @Test("what is written reads back as the same")
    func roundTrip() {
        var random = TestRandom.reported("what is written reads back as the same")
        #expect(Amount.text(byteCount: 0) == "0B" && Amount.text(.zero) == "0s")
        #expect(
            Amount.text(byteCount: 64 << 20) == "64MiB" && Amount.text(byteCount: 1000) == "1000B")
        #expect(Amount.text(.seconds(90)) == "90s" && Amount.text(.seconds(120)) == "2min")
        for _ in 0..<2000 {
            let count = (random.next() >> UInt64(random.below(64))) << UInt64(random.below(40))
            #expect(Amount.byteCount(Amount.text(byteCount: count)) == count)
            let time = Duration.nanoseconds(Int64(random.next() >> UInt64(1 + random.below(62))))
            #expect(Amount.duration(Amount.text(time)) == time)
        }
    }
}
