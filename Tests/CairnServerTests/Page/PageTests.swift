// The status page as it is served, without a browser: what comes with it, and what it asks for.

import Cairn
import CairnCrypto
import CairnHTTP
import CairnServer
import CairnSystem
import CairnTestSupport
import CairnText
import Glibc
import Testing

@Suite("Status page")
struct PageTests {
    private let served: ServedStore

    init() throws { served = try ServedStore.prompt() }

    private func json(_ target: String, _ fields: [String] = []) throws -> JSONObject {
        let answer = try served.request("GET", target, fields)
        #expect(answer.status == 200, "\(target): \(answer.text)")
        let limits = JSONLimits(byteCountMaximum: 1 << 24)
        return try #require(try JSONValue(reading: answer.body.rawSpan, limits: limits).object)
    }

    private func source(of element: String, in text: String) throws -> String {
        let start = try #require(text.firstRange(of: "<\(element)>"))
        let end = try #require(text.firstRange(of: "</\(element)>"))
        let digest = DigestAlgorithm.sha256.digest(
            of: Array(text[start.upperBound..<end.lowerBound].utf8).rawSpan)
        return "'sha256-\(String(decoding: Base64.encoded(digest.rawSpan), as: UTF8.self))'"
    }

    @Test("it lets nothing run but its own script, and is framed by nobody")
    func policy() throws {
        let answer = try served.request("GET", "/")
        #expect(answer.status == 200)
        #expect(answer.field("Content-Type") == "text/html; charset=utf-8")
        #expect(answer.field("X-Content-Type-Options") == "nosniff")
        #expect(answer.field("Referrer-Policy") == "no-referrer")
        let policy = try #require(answer.field("Content-Security-Policy"))
        let rules = Dictionary(
            uniqueKeysWithValues: policy.split(separator: ";").map { rule in
                let words = rule.split(separator: " ")
                return (String(words[0]), words.dropFirst().joined(separator: " "))
            })
        #expect(rules["default-src"] == "'none'" && rules["frame-ancestors"] == "'none'")
        #expect(rules["connect-src"] == "'self'" && rules["base-uri"] == "'none'")
        #expect(rules["form-action"] == "'none'" && rules["trusted-types"] == "'none'")
        #expect(rules["script-src"] == (try source(of: "script", in: answer.text)))
        #expect(rules["style-src"] == (try source(of: "style", in: answer.text)))
        #expect(!policy.contains("unsafe"))
    }

    @Test("it is one small file that wants nothing from elsewhere and turns no text into code")
    func selfContained() throws {
        let text = try served.request("GET", "/").text
        #expect(text.utf8.count < 60_000)
        let addresses = text.split(separator: "://").dropLast().compactMap {
            $0.split(whereSeparator: { !$0.isLetter }).last
        }
        #expect(addresses == ["http", "http"])
        #expect(text.ranges(of: "http://www.w3.org/2000/svg").count == 2)
        for word in [
            "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(",
            "localStorage", "document.cookie", "<script src", "<iframe", "<form action",
            " onclick=", " onload=", " style=", "javascript:",
        ] {
            #expect(!text.contains(word), "\(word)")
        }
        #expect(text.ranges(of: "<script").count == 1 && text.ranges(of: "<style").count == 1)
    }

    @Test("it is cached until it changes, and asks for no token")
    func validators() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/tokens"
        let line = BearerToken.line(of: "t", name: "t", .read, prefix: [])
        try ByteStream.writing(path).write(Array((line + "\n").utf8).rawSpan)
        #expect(unsafe chmod(path, 0o600) == 0)
        let guarded = try ServedStore { $0.tokenPath = path }
        let answer = try guarded.request("GET", "/")
        #expect(answer.status == 200 && answer.field("Cache-Control") == "no-cache")
        let tag = try #require(answer.field("ETag"))
        let again = try guarded.request("GET", "/", ["If-None-Match: \(tag)"])
        #expect(again.status == 304 && again.body.isEmpty && again.field("ETag") == tag)
        #expect(again.field("Content-Security-Policy") == answer.field("Content-Security-Policy"))
        #expect(try guarded.request("GET", "/", ["If-None-Match: \"1\""]).status == 200)
        #expect(try guarded.request("GET", "/", ["If-None-Match: rubbish"]).status == 200)
        let head = try guarded.request("HEAD", "/")
        #expect(head.status == 200 && head.field("ETag") == tag)
        #expect(head.field("Content-Length") == "\(answer.body.count)")
        #expect(try guarded.request("POST", "/").status == 405)
        #expect(try guarded.request("GET", "/status?segments=9").status == 401)
    }

    @Test("segments come in as many groups as are wanted, each in one of them")
    func segmentGroups() throws {
        // Nothing changes between two looks.
        let served = try ServedStore(
            StoreOptions(durability: .os, segmentByteCount: 65_536, compacts: false))
        for number in 0..<60 {
            try served.store.put(Key("k\(number % 50)"), bodyBytes(9000, salt: number))
        }
        let statistics = served.store.statistics()
        try #require(statistics.segmentCount > 5)
        for wanted in [1, 2, 5, 1000] {
            let answer = try served.request("GET", "/status?segments=\(wanted)")
            let limits = JSONLimits(byteCountMaximum: 1 << 20)
            let status = try JSONValue(reading: answer.body.rawSpan, limits: limits).object
            let groups = try #require(status?["segment_groups"]?.array).map { group in
                group.array?.compactMap(\.integer) ?? []
            }
            #expect(groups.allSatisfy { $0.count == 4 })
            #expect(groups.count == min(wanted, statistics.segmentCount))
            #expect(groups.reduce(0) { $0 + $1[1] } == Int64(statistics.segmentCount))
            let live = groups.reduce(0) { $0 + $1[3] }
            #expect(live == Int64(statistics.liveByteCount))
            #expect(groups.map { $0[0] } == groups.map { $0[0] }.sorted())
            let lengths = groups.map { $0[1] }
            #expect((lengths.max() ?? 0) - (lengths.min() ?? 0) <= 1)
        }
        for wrong in ["0", "-1", "x", ""] {
            #expect(
                try served.request("GET", "/status?segments=\(wrong)").status == 400, "\(wrong)")
        }
        #expect(try json("/status")["segment_groups"] == nil)
    }

    @Test("a sample has keys that are there, none twice, and all of a few")
    func sample() throws {
        for number in 0..<300 { try served.store.put(Key("p\(number % 3)/k\(number)"), [1, 2]) }
        for number in 0..<100 { try served.store.delete(Key("p0/k\(number * 3)")) }
        let all = try json("/store/?sample=1000")
        #expect(all["keys"]?.integer == 200)
        let keys = try #require(all["items"]?.array).compactMap { $0.object?["key"]?.string }
        #expect(Set(keys).count == keys.count && keys.count == 200)
        #expect(keys.allSatisfy { $0.hasPrefix("p1/") || $0.hasPrefix("p2/") })
        let some = try #require(try json("/store/?sample=40")["items"]?.array)
        #expect(some.count == 40 && some.allSatisfy { $0.object?["size"]?.integer == 2 })
        let other = try json("/store/?sample=40")["items"]?.array
        #expect(other != some)
        for query in ["sample=0", "sample=x", "sample=9&prefix=p1", "sample=9&delimiter=/"] {
            #expect(try served.request("GET", "/store/?\(query)").status == 400, "\(query)")
        }
    }

    @Test("a stored document that could run scripts is put in a sandbox, others are as they are")
    func sandbox() throws {
        let types: [(key: String, type: String?, isMarkup: Bool)] = [
            ("a", "text/html", true), ("b", "TEXT/HTML; charset=utf-8", true),
            ("c", "application/xhtml+xml", true), ("d", "image/svg+xml", true),
            ("e", "text/xml", true), ("f", "application/xml;x=y", true), ("g.html", nil, true),
            ("h.svg", nil, true), ("i", "text/plain", false), ("j", "image/png", false),
            ("k.jpg", nil, false), ("l", nil, false), ("m", "application/json", false),
        ]
        for (key, type, isMarkup) in types {
            let fields = type.map { ["Content-Type: \($0)"] } ?? []
            #expect(try served.request("PUT", "/store/\(key)", fields, body: [60]).status == 201)
            for target in ["/store/\(key)", "/file?path=\(key)", "/blob/\(key)"] {
                let policy = try served.request("GET", target).field("Content-Security-Policy")
                #expect(policy == (isMarkup ? "sandbox" : nil), "\(target) \(type ?? "")")
            }
        }
    }
}
