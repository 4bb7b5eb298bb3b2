// Conditions as adversaries write them: RFC 9110, section 13, method by method. `T` stands for the blob's tag,
// `X` for that of another version, `L` for the blob's time and `E` for the second before it.

import Cairn
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

/// Fields, and the statuses of GET, HEAD, PUT, POST and DELETE with them.
struct ConditionRow: CustomStringConvertible, Sendable {
    let fields: [String]
    let present: [Int]
    let absent: [Int]

    var description: String { fields.joined(separator: " | ") }

    init(_ fields: String..., present: [Int], absent: [Int] = ConditionRow.free) {
        self.fields = fields
        self.present = present
        self.absent = absent
    }

    /// Of a blob that is there, when the condition holds.
    static let holds = [200, 200, 204, 409, 204]
    /// When the client has it, or does not want it to be there.
    static let known = [304, 304, 412, 412, 412]
    /// When it is not what the client takes it for.
    static let lost = [412, 412, 412, 412, 412]
    /// Of a blob that is not there.
    static let free = [404, 404, 201, 201, 404]
    /// The same when one was expected: a read has nothing to read, whatever else it says.
    static let missing = [404, 404, 412, 412, 412]
    static let malformed = [400, 400, 400, 400, 400]
}

@Suite("Hostile conditions")
struct HostileConditionTests {
    private static let methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]

    private let served: ServedStore

    init() throws { served = try ServedStore.prompt() }

    private static let rows: [ConditionRow] = [
        ConditionRow("Accept: */*", present: ConditionRow.holds),
        ConditionRow("If-Match: \"T\"", present: ConditionRow.holds, absent: ConditionRow.missing),
        ConditionRow("If-Match: T", present: ConditionRow.holds, absent: ConditionRow.missing),
        ConditionRow("If-Match: *", present: ConditionRow.holds, absent: ConditionRow.missing),
        ConditionRow("If-Match: \"X\"", present: ConditionRow.lost, absent: ConditionRow.missing),
        ConditionRow("If-Match: X", present: ConditionRow.lost, absent: ConditionRow.missing),
        ConditionRow("If-Match: 0", present: ConditionRow.lost, absent: ConditionRow.missing),
        ConditionRow("If-Match: W/\"T\"", present: ConditionRow.lost, absent: ConditionRow.missing),
        ConditionRow("If-Match: \"0T\"", present: ConditionRow.lost, absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: \" T\"", present: ConditionRow.malformed, absent: ConditionRow.malformed),
        ConditionRow("If-Match: \"\"", present: ConditionRow.lost, absent: ConditionRow.missing),
        ConditionRow("If-Match: \"T,\"", present: ConditionRow.lost, absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: \"a,\\\", \"T\"", present: ConditionRow.holds, absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: \"X\", \"T\"", present: ConditionRow.holds, absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: ,, X ,T,", present: ConditionRow.holds, absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: \"X\", W/\"T\"", present: ConditionRow.lost, absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: \"X\"", "If-Match: \"T\"", present: ConditionRow.holds,
            absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: \"foreign\"", present: ConditionRow.lost, absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: \"18446744073709551616\"", present: ConditionRow.lost,
            absent: ConditionRow.missing),
        ConditionRow("If-None-Match: *", present: ConditionRow.known),
        ConditionRow("If-None-Match: \"T\"", present: ConditionRow.known),
        ConditionRow("If-None-Match: T", present: ConditionRow.known),
        ConditionRow("If-None-Match: W/\"T\"", present: ConditionRow.known),
        ConditionRow("If-None-Match: \"X\", W/\"T\"", present: ConditionRow.known),
        ConditionRow("If-None-Match: \"X\"", "If-None-Match: \"T\"", present: ConditionRow.known),
        ConditionRow("If-None-Match: \"X\"", present: ConditionRow.holds),
        ConditionRow("If-None-Match: \"0T\"", present: ConditionRow.holds),
        ConditionRow("If-None-Match: W/\"X\", \"foreign\"", present: ConditionRow.holds),
        ConditionRow("If-Modified-Since: L", present: [304, 304, 204, 409, 204]),
        ConditionRow("If-Modified-Since: E", present: ConditionRow.holds),
        ConditionRow("If-Modified-Since: yesterday", present: ConditionRow.holds),
        ConditionRow("If-Unmodified-Since: L", present: ConditionRow.holds),
        ConditionRow("If-Unmodified-Since: E", present: ConditionRow.lost),
        ConditionRow(
            "If-Match: T", "If-Unmodified-Since: E", present: ConditionRow.holds,
            absent: ConditionRow.missing),
        ConditionRow(
            "If-None-Match: X", "If-Modified-Since: L", present: ConditionRow.holds),
        ConditionRow(
            "If-None-Match: T", "If-Modified-Since: E", present: ConditionRow.known),
        ConditionRow(
            "If-Match: T", "If-None-Match: T", present: ConditionRow.known,
            absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: T", "If-None-Match: X", present: ConditionRow.holds,
            absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: X", "If-None-Match: T", present: ConditionRow.lost,
            absent: ConditionRow.missing),
        ConditionRow(
            "If-Match: *", "If-None-Match: *", present: ConditionRow.known,
            absent: ConditionRow.missing),
        ConditionRow(
            "If-Unmodified-Since: L", "If-None-Match: T", present: ConditionRow.known),
        ConditionRow(
            "If-Unmodified-Since: E", "If-None-Match: T", present: ConditionRow.lost),
    ]

    @Test("a condition decides as the standard has it, for every method")
    func table() throws {
        for row in Self.rows { try judge(row) }
    }

    private static let malformed: [String] = ["If-Match", "If-None-Match"].flatMap { name in
        [
            "", ",", " , ,", "\"T", "T\"", "\"", "'T'", "abc", "\"T\" \"X\"", "T X", "\"T\"x",
            "x\"T\"",
            "*, \"T\"", "\"T\", *", "**", "*, *", "\"*", "0T", "+T", "-T", "T.0", "0xT", "W/T",
            "w/\"T\"",
            "W\"T\"", "W /\"T\"", "W/", "W/*", "\"T\";x", "18446744073709551616", "\"T\", abc",
            "\"a\"b\"", "\"T\"\"X\"",
        ]
        .map { "\(name): \($0)" }
    }

    @Test("a condition on tags that cannot be read is 400, and nothing is done")
    func unreadable() throws {
        for field in Self.malformed {
            try judge(
                ConditionRow(
                    field, present: ConditionRow.malformed, absent: ConditionRow.malformed))
        }
    }

    @Test("stars and tags do not stand in two lines of one field either")
    func linesTogether() throws {
        for name in ["If-Match", "If-None-Match"] {
            try judge(
                ConditionRow(
                    "\(name): *", "\(name): \"T\"", present: ConditionRow.malformed,
                    absent: ConditionRow.malformed))
            try judge(
                ConditionRow(
                    "\(name): \"T\"", "\(name): abc", present: ConditionRow.malformed,
                    absent: ConditionRow.malformed))
        }
    }

    /// Asks with every method for a blob that is there, and for one that is not.
    private func judge(
        _ row: ConditionRow, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let client = try served.client()
        for (place, method) in Self.methods.enumerated() {
            try client.send("PUT", "/store/k", body: [1])
            let tag = try #require(try client.answer().tagNumber)
            try client.send("HEAD", "/store/k")
            let time = try #require(try client.answer(hasBody: false).field("Last-Modified"))
            let fields = try row.fields.map { try filled($0, tag: tag, time: time) }
            for (key, expected) in [("k", row.present[place]), ("absent", row.absent[place])] {
                try client.send(
                    method, "/store/\(key)", fields,
                    body: method == "PUT" || method == "POST" ? [2] : [])
                let answer = try client.answer(hasBody: method != "HEAD")
                #expect(
                    answer.status == expected, "\(method) \(key) \(fields): \(answer.text)",
                    sourceLocation: sourceLocation)
                if answer.status >= 400, method != "HEAD" {
                    expectProblem(answer, expected, nil, method, sourceLocation: sourceLocation)
                }
                let was: [UInt8]? = key == "k" ? [1] : nil
                let isDone = expected == 201 || expected == 204
                let now: [UInt8]? = !isDone ? was : method == "DELETE" ? nil : [2]
                #expect(
                    try served.stored(key) == now, "\(method) \(key) \(fields)",
                    sourceLocation: sourceLocation)
            }
            _ = try served.store.delete(Key("absent"))
        }
    }

    private func filled(_ field: String, tag: UInt64, time: String) throws -> String {
        if !field.contains("Since") {
            let colon = try #require(field.firstIndex(of: ":"))
            let value = field[colon...].replacing("T", with: "\(tag)")
            return field[..<colon] + String(value.replacing("X", with: "\(tag + 1000)"))
        }
        let read = HTTPDate.second(of: Array(time.utf8).rawSpan, now: 0)
        let second = try #require(read)
        let earlier = String(decoding: HTTPDate.text(UInt64(second - 1)), as: UTF8.self)
        return field.replacing(": L", with: ": \(time)").replacing(": E", with: ": \(earlier)")
    }

    @Test("304 has what a cache wants to know, and no body")
    func notModified() throws {
        let tag = try served.put("k", [1, 2, 3], ["Cache-Control: max-age=60"])
        let client = try served.client()
        for method in ["GET", "HEAD"] {
            try client.send(method, "/store/k", ["If-None-Match: \"\(tag)\""])
            let answer = try client.answer()
            #expect(answer.status == 304 && answer.tagNumber == tag)
            #expect(answer.field("Cache-Control") == "max-age=60")
            #expect(answer.field("Date") != nil)
            #expect([nil, "3"].contains(answer.field("Content-Length")))
        }
        // Had there been a body, this would read it as a head.
        try client.send("GET", "/store/k")
        #expect(try client.answer().body == [1, 2, 3])
    }

    @Test("an expired blob is none to a condition either")
    func expired() throws {
        for (fields, status) in [
            (["If-None-Match: *"], 201), (["If-Match: *"], 412), ([], 201),
            (["If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"], 201),
        ] {
            let old = try served.put("k", [1], ["Cairn-Expires-In: 0"])
            let put = try served.request("PUT", "/store/k", fields, body: [2])
            #expect(put.status == status, "\(fields): \(put.text)")
            if status == 201 { #expect(try served.request("DELETE", "/store/k").status == 204) }
            try served.put("k", [1], ["Cairn-Expires-In: 0"])
            #expect(
                try served.request("PUT", "/store/k", ["If-Match: \(old)"], body: [2]).status == 412
            )
            #expect(try served.request("POST", "/store/k", body: [3]).status == 201)
            #expect(try served.request("DELETE", "/store/k").status == 204)
        }
        try served.put("k", [1], ["Cairn-Expires-In: 0"])
        #expect(try served.request("DELETE", "/store/k").status == 404)
    }

    @Test(
        "a write that is to be synced is refused by nothing that a power cut may take back",
        arguments: [
            ("POST", []), ("PUT", ["If-None-Match: *"]), ("PUT", ["If-Match: \"1000\""]),
            ("DELETE", ["If-Match: \"1000\""]),
        ])
    func refusedByWhatIsDurable(method: String, fields: [String]) throws {
        try served.put("k", [1], ["Cairn-Durability: os"])
        let answer = try served.request(
            method, "/store/k", fields + ["Cairn-Durability: synced"], body: [2])
        expectProblem(answer, method == "POST" ? 409 : 412)
        #expect(served.store.isSettled(for: .synced))
    }

    @Test(
        "a tag is never that of another version, of another key, or of the blob before its delete")
    func tagsAreUnique() throws {
        var tags: Set<UInt64> = []
        for round in 0..<4 {
            for key in ["a", "b"] {
                #expect(tags.insert(try served.put(key, [1])).inserted)
                if round % 2 == 1 { try served.request("DELETE", "/store/\(key)") }
            }
        }
    }
}
