// Tags: which are the store's, which are others', and what is none.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Entity tags") struct EntityTagTests {
    private func tag(_ text: String) -> EntityTag? { EntityTag(Array(text.utf8).rawSpan) }

    @Test("the store's tag is its number in quotes, and is read back", arguments: [0, 5, .max])
    func own(_ sequence: UInt64) {
        var queue = ByteQueue(byteCount: 8)
        EntityTag.append(sequence, to: &queue)
        #expect(text(queue) == "\"\(sequence)\"")
        #expect(tag(text(queue)) == .strong(sequence))
        #expect(tag("W/" + text(queue)) == .weak(sequence))
        #expect(tag("\(sequence)") == .strong(sequence))
    }

    @Test(
        "tags of others are legal, and so are numbers that the store would not write",
        arguments: [
            #""xyzzy""#, #"W/"xyzzy""#, #""""#, #"W/"""#, #""a,b""#, #""007""#, #""00""#, #""+5""#,
            #""18446744073709551616""#, #""99999999999999999999999""#, "\"\u{E9}\"", #""W/5""#,
            #""!#~\""#, #""-1""#,
        ])
    func foreign(_ text: String) { #expect(tag(text) == .foreign) }

    @Test(
        "what is neither in quotes nor a number is no tag",
        arguments: [
            "", "\"", "\"5", "5\"", "'5'", "xyzzy", #"w/"5""#, "W/5", "W/", "W", #"W"5""#,
            #"W/ "5""#,
            #"/"5""#, "007", "00", "-1", "+5", "5.0", "0x5", "18446744073709551616", #""a b""#,
            "\"a\u{7F}\"", "\"a\tb\"", #""5""6""#, #""5" "#, #" "5""#, #""5","#, "*", "5 6",
        ])
    func noTag(_ text: String) { #expect(tag(text) == nil) }
}

@Suite("Lists of tags") struct TagConditionTests {
    typealias Comparison = TagCondition.Comparison

    /// Which of the versions 0 to 9 are named; nil without the field.
    private func named(_ fields: [String], _ comparison: Comparison) throws -> [UInt64]? {
        try withRequest(.get, fields) { request in
            try TagCondition(request, "if-match", comparison).map { condition in
                #expect(!condition.matches(nil))
                return (0..<10).filter { condition.matches($0) }
            }
        }
    }

    @Test(
        "the versions that are named match, weak tags when they are compared weakly",
        arguments: [
            ([#""5""#], [5], [5]), (["5"], [5], [5]), ([#"W/"5""#], [], [5]), (["*"], nil, nil),
            ([#""1", "2""#], [1, 2], [1, 2]), ([#""1","2" ,3"#], [1, 2, 3], [1, 2, 3]),
            ([#""1", W/"2", "3""#], [1, 3], [1, 2, 3]), ([#""xyzzy""#], [], []),
            ([#""xyzzy", "r2d2xxxx", "c3piozzzz""#], [], []), ([#""a,5,b", "4""#], [4], [4]),
            ([#"W/"xyzzy", W/"r2d2xxxx", W/"c3piozzzz""#], [], []),
            ([#", "1",, ,"2" ,"#], [1, 2], [1, 2]), (["\"1\"\t,\t\"2\""], [1, 2], [1, 2]),
            ([#""1""#, #""2", "3""#], [1, 2, 3], [1, 2, 3]), (["", #""2""#], [2], [2]),
            ([#""1""#, ""], [1], [1]), ([#""05""#], [], []), (["9,8,7"], [7, 8, 9], [7, 8, 9]),
        ] as [([String], [UInt64]?, [UInt64]?)])
    func matches(_ values: [String], _ strong: [UInt64]?, _ weak: [UInt64]?) throws {
        let fields = values.map { "If-Match: \($0)" }
        #expect(try named(fields, .strong) == strong ?? Array(0..<10))
        #expect(try named(fields, .weak) == weak ?? Array(0..<10))
    }

    @Test("without the field there is no condition") func none() throws {
        #expect(try named([], .strong) == nil)
        #expect(try named(["If-None-Match: \"5\"", "If-Matc: 5"], .strong) == nil)
    }

    @Test(
        "what cannot be read is an error, not the lack of a condition",
        arguments: [
            [""], [","], [" , ,"], ["", ""], ["xyzzy"], ["\"5"], ["5\""], ["'5'"], ["* *"],
            ["*, *"], ["*, \"5\""], ["\"5\", *"], ["\"5\"", "*"], ["*", "*"], ["**"], ["*5"],
            ["\"1\" \"2\""], ["\"1\"\"2\""], ["1 2"], ["\"1\";\"2\""], ["\"1\", x"],
            ["\"1\"", "x"],
            ["w/\"5\""], ["W/5"], ["W/*"], ["\"*\"*"], ["\"a", "b\""], ["007"],
            ["18446744073709551616"], ["-1"], ["\"a b\""], ["\"5\"\u{B}"],
        ])
    func malformed(_ values: [String]) {
        for comparison in [Comparison.strong, .weak] {
            #expect(throws: MalformedTags()) {
                try named(values.map { "If-Match: \($0)" }, comparison)
            }
        }
    }

    @Test("no bytes trap, and a tag in front of a list that is read always matches") func fuzz()
        throws
    {
        var random = TestRandom.reported("no bytes of a list of tags trap")
        let samples = [#""5""#, #"W/"5", "x""#, "*", "5, 6", #""1","2", W/"3""#, ""]
        let pieces = ["\"", "*", ",", "W/", " ", "18446744073709551616", "\t"]
        var (readCount, malformedCount) = (0, 0)
        for _ in 0..<10_000 {
            let field =
                Array("If-Match: \"7\",".utf8) + random.mutated(random.pick(samples), pieces)
            try withRequest(.get, [field]) { request in
                do {
                    let condition = try TagCondition(request, "if-match", .strong)
                    readCount += 1
                    #expect(condition?.matches(7) == true)
                } catch {
                    malformedCount += 1
                }
            }
        }
        #expect(readCount > 500)
        #expect(malformedCount > 500)
    }
}
