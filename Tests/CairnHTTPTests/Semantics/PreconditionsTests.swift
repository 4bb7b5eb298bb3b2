// Conditions: the order of RFC 9110, section 13.2.2, row by row.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

/// Fields, and what becomes of a request of which the blob is as `blob` says.
struct ConditionSample: CustomTestStringConvertible, Sendable {
    let fields: [String]
    let reading: Preconditions.Outcome
    let writing: Preconditions.Outcome

    init(
        _ fields: [String], _ reading: Preconditions.Outcome, _ writing: Preconditions.Outcome
    ) {
        self.fields = fields
        self.reading = reading
        self.writing = writing
    }

    var testDescription: String { fields.joined(separator: " | ") }

    /// A second before the blob's last change, the same, and a second behind.
    static let before = "Sun, 06 Nov 1994 08:49:36 GMT"
    static let same = "Sun, 06 Nov 1994 08:49:37 GMT"
    static let behind = "Sunday, 06-Nov-94 08:49:38 GMT"

    static let ofBlob: [ConditionSample] = [
        .init([], .proceed, .proceed),
        // Step 1
        .init([#"If-Match: "5""#], .proceed, .proceed),
        .init(["If-Match: 5"], .proceed, .proceed),
        .init(["If-Match: *"], .proceed, .proceed),
        .init([#"If-Match: "4""#], .failed, .failed),
        .init([#"If-Match: "4", "5""#], .proceed, .proceed),
        .init([#"If-Match: "4""#, #"If-Match: "5""#], .proceed, .proceed),
        .init([#"If-Match: W/"5""#], .failed, .failed),
        .init([#"If-Match: "xyzzy""#], .failed, .failed),
        // Step 2, and that it is passed over behind If-Match
        .init(["If-Unmodified-Since: \(before)"], .failed, .failed),
        .init(["If-Unmodified-Since: \(same)"], .proceed, .proceed),
        .init(["If-Unmodified-Since: \(behind)"], .proceed, .proceed),
        .init(["If-Unmodified-Since: Wed, 31 Dec 1969 23:59:59 GMT"], .failed, .failed),
        .init([#"If-Match: "5""#, "If-Unmodified-Since: \(before)"], .proceed, .proceed),
        .init([#"If-Match: "4""#, "If-Unmodified-Since: \(behind)"], .failed, .failed),
        .init(["If-Unmodified-Since: soon"], .proceed, .proceed),
        .init(["If-Unmodified-Since:"], .proceed, .proceed),
        .init(["If-Unmodified-Since: \(before), \(before)"], .proceed, .proceed),
        .init(
            ["If-Unmodified-Since: \(before)", "If-Unmodified-Since: \(before)"],
            .proceed, .proceed),
        // Step 3
        .init([#"If-None-Match: "5""#], .notModified, .failed),
        .init(["If-None-Match: 5"], .notModified, .failed),
        .init([#"If-None-Match: W/"5""#], .notModified, .failed),
        .init(["If-None-Match: *"], .notModified, .failed),
        .init([#"If-None-Match: "4""#], .proceed, .proceed),
        .init([#"If-None-Match: "4", "5""#], .notModified, .failed),
        .init([#"If-None-Match: "4""#, #"If-None-Match: "5""#], .notModified, .failed),
        .init([#"If-None-Match: "xyzzy""#], .proceed, .proceed),
        // Step 4, and that it is passed over behind If-None-Match, and by what does not read
        .init(["If-Modified-Since: \(before)"], .proceed, .proceed),
        .init(["If-Modified-Since: \(same)"], .notModified, .proceed),
        .init(["If-Modified-Since: \(behind)"], .notModified, .proceed),
        .init([#"If-None-Match: "4""#, "If-Modified-Since: \(behind)"], .proceed, .proceed),
        .init([#"If-None-Match: "5""#, "If-Modified-Since: \(before)"], .notModified, .failed),
        .init(["If-Modified-Since: 0"], .proceed, .proceed),
        .init(
            ["If-Modified-Since: \(same)", "If-Modified-Since: \(same)"], .proceed, .proceed),
        // What comes first is told, and what holds lets the next be looked at
        .init([#"If-Match: "4""#, #"If-None-Match: "5""#], .failed, .failed),
        .init([#"If-Match: "5""#, #"If-None-Match: "5""#], .notModified, .failed),
        .init(["If-Unmodified-Since: \(before)", #"If-None-Match: "5""#], .failed, .failed),
        .init(["If-Unmodified-Since: \(same)", #"If-None-Match: "5""#], .notModified, .failed),
        .init([#"If-Match: "5""#, "If-Modified-Since: \(same)"], .notModified, .proceed),
        .init([#"If-Match: "4""#, "If-Modified-Since: \(same)"], .failed, .failed),
    ]

    static let ofNone: [ConditionSample] = [
        .init([], .proceed, .proceed),
        .init([#"If-Match: "5""#], .failed, .failed),
        .init(["If-Match: *"], .failed, .failed),
        .init([#"If-Match: "xyzzy""#], .failed, .failed),
        .init(["If-Unmodified-Since: \(before)"], .proceed, .proceed),
        .init(["If-None-Match: *"], .proceed, .proceed),
        .init([#"If-None-Match: "5""#], .proceed, .proceed),
        .init(["If-Modified-Since: \(behind)"], .proceed, .proceed),
        .init(["If-Match: *", "If-None-Match: *"], .failed, .failed),
    ]
}

@Suite("Preconditions") struct PreconditionsTests {
    private static let blob = Validators(sequence: 5, lastModified: 784_111_777)

    private func outcome(
        _ method: CairnHTTP.Method, _ fields: [String], _ blob: Validators?
    ) throws -> Preconditions.Outcome {
        try withRequest(method, fields) { request in
            try Preconditions(request, now: 800_000_000).evaluate(blob)
        }
    }

    @Test("a blob is read or written as the conditions say", arguments: ConditionSample.ofBlob)
    func ofBlob(_ sample: ConditionSample) throws {
        for method in [CairnHTTP.Method.get, .head] {
            #expect(try outcome(method, sample.fields, Self.blob) == sample.reading)
        }
        for method in [CairnHTTP.Method.put, .post, .delete, .patch] {
            #expect(try outcome(method, sample.fields, Self.blob) == sample.writing)
        }
    }

    @Test("so is one that is not there", arguments: ConditionSample.ofNone)
    func ofNone(_ sample: ConditionSample) throws {
        for method in [CairnHTTP.Method.get, .head] {
            #expect(try outcome(method, sample.fields, nil) == sample.reading)
        }
        for method in [CairnHTTP.Method.put, .post, .delete] {
            #expect(try outcome(method, sample.fields, nil) == sample.writing)
        }
    }

    @Test(
        "tags that cannot be read are refused, whatever else is asked",
        arguments: [
            ["If-Match: xyzzy"], ["If-None-Match: xyzzy"], ["If-Match:"], ["If-None-Match:"],
            ["If-Match: \"4\"", "If-None-Match: x"], ["If-None-Match: *", "If-Match: *, *"],
        ])
    func malformed(_ fields: [String]) {
        for method in [CairnHTTP.Method.get, .head, .put, .post, .delete] {
            #expect(throws: MalformedTags()) { try outcome(method, fields, Self.blob) }
        }
    }

    @Test("methods that neither read nor write have no conditions") func others() throws {
        for method in [CairnHTTP.Method.options, .trace] {
            #expect(try outcome(method, ["If-Match: \"4\""], Self.blob) == .proceed)
            #expect(try outcome(method, ["If-Match: x"], Self.blob) == .proceed)
        }
    }

    @Test(
        "there is nothing to evaluate where nothing is asked that can be read",
        arguments: [
            ([], true), (["If-Modified-Since: 0"], true), (["If-Match: *"], false),
            (["If-None-Match: *"], false),
            (["If-Unmodified-Since: \(ConditionSample.same)"], false),
            (["If-Modified-Since: \(ConditionSample.same)"], false),
        ] as [([String], Bool)])
    func empty(_ fields: [String], _ expected: Bool) throws {
        try withRequest(.get, fields) { request in
            let isEmpty = try Preconditions(request, now: 0).isEmpty
            #expect(isEmpty == expected)
        }
    }

    @Test("a blob of a far year is later than any time that is asked for") func farYear() throws {
        let blob = Validators(sequence: 5, lastModified: .max)
        let far = "Fri, 31 Dec 9999 23:59:59 GMT"
        #expect(try outcome(.get, ["If-Modified-Since: \(far)"], blob) == .proceed)
        #expect(try outcome(.put, ["If-Unmodified-Since: \(far)"], blob) == .failed)
    }

    @Test("no bytes trap, and a write is never told that nothing was modified") func fuzz() throws {
        var random = TestRandom.reported("no bytes of conditions trap")
        let samples = (ConditionSample.ofBlob + ConditionSample.ofNone).flatMap(\.fields)
        let values = samples.map {
            $0.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init)
        }
        var counts = [0, 0, 0, 0]
        for _ in 0..<10_000 {
            let method = random.pick([CairnHTTP.Method.get, .put])
            let fields = (0..<random.below(4)).map { _ in
                let field = random.pick(values)
                return Array((field[0] + ":").utf8) + random.mutated(field[1], ["\"", ",", "*"])
            }
            let blob = random.coin() ? Self.blob : nil
            try withRequest(method, fields) { request in
                do {
                    let outcome = try Preconditions(request, now: random.next()).evaluate(blob)
                    counts[outcome == .proceed ? 0 : outcome == .failed ? 1 : 2] += 1
                    #expect(method == .get || outcome != .notModified)
                } catch {
                    counts[3] += 1
                }
            }
        }
        #expect(counts.allSatisfy { $0 > 100 })
    }
}
