// Ranges: one is served, what is beyond the blob is told, and all else is the whole blob.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Byte ranges") struct ByteRangeTests {
    private let blob = Validators(sequence: 5, lastModified: 784_111_777)

    private func range(_ value: String, of byteCount: UInt64) -> ByteRange {
        ByteRange(Array(value.utf8).rawSpan, byteCount: byteCount)
    }

    @Test(
        "one range is a part of the blob, cut to its size",
        arguments: [
            ("bytes=0-499", 10000, 0..<500), ("bytes=500-999", 10000, 500..<1000),
            ("bytes=-500", 10000, 9500..<10000), ("bytes=9500-", 10000, 9500..<10000),
            ("bytes=0-0", 10000, 0..<1), ("bytes=-1", 10000, 9999..<10000),
            ("bytes=0-4", 10, 0..<5), ("bytes=5-", 10, 5..<10), ("bytes=-5", 10, 5..<10),
            ("bytes=0-", 10, 0..<10), ("bytes=9-9", 10, 9..<10), ("bytes=9-", 10, 9..<10),
            ("bytes=0-9", 10, 0..<10), ("bytes=0-10", 10, 0..<10), ("bytes=5-999", 10, 5..<10),
            ("bytes=-10", 10, 0..<10), ("bytes=-11", 10, 0..<10), ("bytes=0-0", 1, 0..<1),
            ("BYTES=0-4", 10, 0..<5), ("bytes= 0-4", 10, 0..<5), ("bytes=\t0-4 ", 10, 0..<5),
            ("bytes=0-4,", 10, 0..<5), ("bytes=, ,0-4", 10, 0..<5), ("bytes=00-04", 10, 0..<5),
            ("bytes=5-18446744073709551615", 10, 5..<10),
            ("bytes=5-18446744073709551616", 10, 5..<10),
            ("bytes=5-99999999999999999999999999", 10, 5..<10),
            ("bytes=-18446744073709551616", 10, 0..<10),
            ("bytes=1-", .max, 1 ..< .max),
            ("bytes=18446744073709551614-", .max, 18_446_744_073_709_551_614 ..< .max),
            ("bytes=0-18446744073709551615", .max, 0 ..< .max),
        ] as [(String, UInt64, Range<UInt64>)])
    func parts(_ value: String, _ byteCount: UInt64, _ expected: Range<UInt64>) {
        #expect(range(value, of: byteCount) == .part(expected))
    }

    @Test(
        "a range that has no bytes is told, and so is any of an empty blob",
        arguments: [
            ("bytes=10-", 10), ("bytes=10-10", 10), ("bytes=11-20", 10), ("bytes=-0", 10),
            ("bytes=18446744073709551615-", 10), ("bytes=18446744073709551616-", 10),
            ("bytes=99999999999999999999-99999999999999999999", 10), ("bytes=-000", 10),
            ("bytes=0-", 0), ("bytes=0-0", 0), ("bytes=-5", 0), ("bytes=-0", 0), ("bytes=5-9", 0),
            ("bytes=18446744073709551615-", .max), ("bytes=18446744073709551616-", .max),
        ] as [(String, UInt64)])
    func unsatisfiable(_ value: String, _ byteCount: UInt64) {
        #expect(range(value, of: byteCount) == .unsatisfiable)
    }

    @Test(
        "several ranges, other units and what cannot be read are the whole blob",
        arguments: [
            "bytes=0-0,-1", "bytes= 0-999, 4500-5499, -1000", "bytes=500-600,601-999",
            "bytes=500-700,601-999", "bytes=99-,0-1", "bytes=99-,98-", "items=0-4", "exampleunit=1",
            "byte=0-4", "bytess=0-4", "", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=--5",
            "bytes=5", "bytes=4-0", "bytes=9-8", "bytes=0-4-5", "bytes=0 -4", "bytes=0- 4",
            "bytes=- 5", "bytes =0-4", " bytes=0-4", "bytes:0-4", "bytes 0-4", "bytes 0-4/10",
            "bytes=a-b", "bytes=0-b", "bytes=a-4", "bytes=-a", "bytes=+0-4", "bytes=0x0-0x4",
            "bytes=0-4;", "bytes=0-4 5-6", "bytes=0-4,x", "bytes=1.0-2", "bytes=*",
            "bytes=0-4\u{B}", "0-4", "bytes=99999999999999999999-5",
        ])
    func whole(_ value: String) {
        #expect(range(value, of: 10) == .whole)
        #expect(range(value, of: 0) == .whole)
    }

    private func range(
        _ fields: [String], _ method: CairnHTTP.Method = .get, isDateStrong: Bool = true
    ) throws -> ByteRange {
        let blob = Validators(
            sequence: blob.sequence, lastModified: blob.lastModified, isDateStrong: isDateStrong)
        return try withRequest(method, fields) { request in
            RangeRequest(request, now: 800_000_000).range(of: blob, byteCount: 10)
        }
    }

    @Test("a GET with one Range has a range, and no other request has") func requests() throws {
        #expect(try range(["Range: bytes=0-4"]) == .part(0..<5))
        #expect(try range(["rANGE: bytes=10-"]) == .unsatisfiable)
        #expect(try range([]) == .whole)
        #expect(try range(["Range: bytes=0-4", "Range: bytes=0-4"]) == .whole)
        for method in CairnHTTP.Method.allCases where method != .get {
            #expect(try range(["Range: bytes=0-4"], method) == .whole)
        }
    }

    @Test(
        "a range of this very version is served, and else the whole blob",
        arguments: [
            ([#"If-Range: "5""#], true), (["If-Range: 5"], true), ([#"If-Range: "4""#], false),
            ([#"If-Range: W/"5""#], false), ([#"If-Range: "xyzzy""#], false),
            ([#"If-Range: "5", "5""#], false), (["If-Range: *"], false), (["If-Range:"], false),
            ([#"If-Range: "5""#, #"If-Range: "5""#], false),
            (["If-Range: Sun, 06 Nov 1994 08:49:37 GMT"], true),
            (["If-Range: Sunday, 06-Nov-94 08:49:37 GMT"], true),
            (["If-Range: Sun, 06 Nov 1994 08:49:36 GMT"], false),
            (["If-Range: Sun, 06 Nov 1994 08:49:38 GMT"], false),
            (["If-Range: soon"], false),
        ] as [([String], Bool)])
    func conditional(_ fields: [String], _ isServed: Bool) throws {
        let expected = isServed ? ByteRange.part(0..<5) : .whole
        #expect(try range(fields + ["Range: bytes=0-4"]) == expected)
        #expect(try range(["Range: bytes=10-"] + fields) == (isServed ? .unsatisfiable : .whole))
        #expect(try range(fields) == .whole)
    }

    @Test("a time that two versions might share names none") func weakDates() throws {
        let fields = ["If-Range: Sun, 06 Nov 1994 08:49:37 GMT", "Range: bytes=0-4"]
        #expect(try range(fields, isDateStrong: false) == .whole)
    }

    @Test(
        "the answer says which bytes it has, and of how many",
        arguments: [
            (.part(0..<500), 1234, "bytes 0-499/1234"), (.part(0..<1), 1, "bytes 0-0/1"),
            (.part(734..<1234), 1234, "bytes 734-1233/1234"),
            (.unsatisfiable, 47022, "bytes */47022"), (.unsatisfiable, 0, "bytes */0"),
            (.whole, 10, ""),
            (
                .part(1 ..< .max), .max,
                "bytes 1-18446744073709551614/18446744073709551615"
            ),
        ] as [(ByteRange, UInt64, String)])
    func contentRange(_ range: ByteRange, _ byteCount: UInt64, _ expected: String) {
        var queue = ByteQueue(byteCount: 8)
        range.appendContentRange(byteCount: byteCount, to: &queue)
        #expect(text(queue) == expected)
    }

    @Test("no bytes trap, and a part is never empty or beyond the blob") func fuzz() {
        var random = TestRandom.reported("no bytes of a range trap")
        let samples = [
            "bytes=0-4", "bytes=-5", "bytes=5-", "bytes=18446744073709551615-", "bytes=",
        ]
        let pieces = ["-", ",", "9", "18446744073709551615", " ", "="]
        var counts = [0, 0, 0]
        for _ in 0..<30_000 {
            let bytes = random.mutated(random.pick(samples), pieces)
            let byteCount = random.pick([0, 1, 10, 1 << 40, UInt64.max - 1, .max])
            switch ByteRange(bytes.rawSpan, byteCount: byteCount) {
            case .whole: counts[0] += 1
            case .unsatisfiable: counts[1] += 1
            case .part(let range):
                counts[2] += 1
                #expect(!range.isEmpty && range.upperBound <= byteCount)
            }
        }
        #expect(counts.allSatisfy { $0 > 1000 })
    }
}
