// The store's own routes: pages of keys, deleting many, the history of a key, whether the server is well.

import Cairn
import CairnSystem
import CairnTestSupport
import CairnText
import Testing

@Suite("Routes of the store")
struct StoreRouteTests {
    private let served: ServedStore

    init() throws { served = try ServedStore() }

    private func json(_ answer: HTTPAnswer) throws -> JSONObject {
        #expect(answer.field("Content-Type") == "application/json")
        let limits = JSONLimits(byteCountMaximum: 10 << 20)
        return try #require(try JSONValue(reading: answer.body.rawSpan, limits: limits).object)
    }

    private func keys(_ page: JSONObject) -> [String] {
        (page["items"]?.array ?? []).compactMap { $0.object?["key"]?.string }
    }

    @Test("pages list every key once, in bytewise order, with what is known of each")
    func pages() throws {
        let names = ["a", "a/b", "a/c d", "b", "ü", "z"]
        for name in names.shuffled() {
            try served.store.put(Key(name), [1, 2, 3])
        }
        try served.request("PUT", "/store/a%2Fb", ["Content-Type: text/x-mine"], body: [1])
        var (listed, target) = ([String](), "/store/?limit=4")
        while true {
            let page = try json(try served.request("GET", target))
            listed += keys(page)
            for item in page["items"]?.array ?? [] where item.object?["key"]?.string == "a/b" {
                #expect(item.object?["size"]?.integer == 1)
                #expect(item.object?["contentType"]?.string == "text/x-mine")
                let tag = try served.request("HEAD", "/store/a/b").field("ETag")
                #expect(item.object?["etag"]?.string == tag)
                #expect(item.object?["lastModified"]?.string?.hasSuffix("Z") == true)
            }
            guard let next = page["next"]?.string else { break }
            target = "/store/?limit=4&after=\(next)"
        }
        #expect(listed == names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
    }

    @Test("a prefix and a delimiter give what keys have in common")
    func prefixes() throws {
        for name in ["x", "p/1", "p/2/a", "p/2/b", "p/3/c"] { try served.store.put(Key(name), [1]) }
        let page = try json(try served.request("GET", "/store/?prefix=p/&delimiter=/"))
        #expect(keys(page) == ["p/1"])
        #expect(page["prefixes"]?.array?.compactMap(\.string) == ["p/2/", "p/3/"])
        #expect(page["next"] == nil)
    }

    @Test("keys that are no text are listed in base64, and taken so to go on")
    func binaryKeys() throws {
        try served.store.put(Key([0xFF, 0x00]), [1])
        try served.store.put(Key([0xFF, 0x01]), [1])
        let first = try json(try served.request("GET", "/store/?limit=1"))
        #expect(first["items"]?.array?.first?.object?["keyBase64"]?.string == "/wA=")
        #expect(first["nextBase64"]?.string == "/wA=")
        let second = try json(try served.request("GET", "/store/?limit=1&afterBase64=%2FwA%3D"))
        #expect(second["items"]?.array?.first?.object?["keyBase64"]?.string == "/wE=")
        #expect(second["next"] == nil && second["nextBase64"] == nil)
    }

    @Test(
        "what a listing cannot mean is refused",
        arguments: ["limit=0", "limit=x", "limit=-1", "delimiter=", "afterBase64=%21"])
    func badListings(query: String) throws {
        let answer = try served.request("GET", "/store/?\(query)")
        #expect(answer.status == 400 && answer.text.contains("malformed-request"))
    }

    @Test("many are deleted at once, and each is told")
    func batchDelete() throws {
        for name in ["a", "b", "c"] { try served.store.put(Key(name), [1]) }
        try served.store.put(Key([0xFF]), [1])
        let body = Array(#"["a", {"key": "none"}, {"keyBase64": "/w=="}, "c"]"#.utf8)
        let answer = try json(try served.request("POST", "/store/?delete", body: body))
        let results = (answer["results"]?.array ?? []).compactMap { $0.object?["deleted"]?.bool }
        #expect(results == [true, false, true, true])
        #expect(keys(try json(try served.request("GET", "/store/"))) == ["b"])
    }

    @Test(
        "a list of keys that is none deletes nothing",
        arguments: [
            "", "{}", "[1]", "[\"b\", \"b\"]", "[\"\"]", "[{}]", "[\"b\"",
            "[{\"keyBase64\":\"!\"}]",
        ])
    func badLists(list: String) throws {
        try served.store.put("b", [1])
        let answer = try served.request("POST", "/store/?delete", body: Array(list.utf8))
        #expect(answer.status == 400)
        #expect(try served.store.get("b") != nil)
    }

    @Test("a list of more keys than go together is the client's mistake")
    func longLists() throws {
        let keys = (0...65_536).map { "\"\($0)\"" }
        for (count, status) in [(65_536, 200), (65_537, 400)] {
            let list = "[\(keys.prefix(count).joined(separator: ","))]"
            let answer = try served.request("POST", "/store/?delete", body: Array(list.utf8))
            #expect(answer.status == status, "\(answer.text.prefix(200))")
        }
    }

    @Test("the history of a key tells its versions, the newest first")
    func history() throws {
        try served.request("PUT", "/store/k", body: [1, 2])
        try served.request("PUT", "/store/k", body: [1, 2, 3])
        try served.request("DELETE", "/store/k")
        let page = try json(try served.request("GET", "/store/k?history"))
        let versions = (page["versions"]?.array ?? []).compactMap(\.object)
        #expect(versions.map { $0["kind"]?.string } == ["delete", "blob", "blob"])
        #expect(versions.map { $0["size"]?.integer } == [nil, 3, 2])
        #expect(try served.request("GET", "/store/other?history").status == 404)
    }

    @Test("the server says that it lives, and that the store takes writes")
    func health() throws {
        #expect(try served.request("GET", "/healthz").text == "ok\n")
        #expect(try served.request("GET", "/readyz").status == 200)
        #expect(try served.request("DELETE", "/readyz").field("Allow") == "GET, HEAD, OPTIONS")
        #expect(try served.request("GET", "/other").status == 404)
        let all = try served.request("OPTIONS", "*")
        #expect(all.status == 204 && all.field("Allow")?.contains("PUT") == true)
    }

    @Test("digests of a body are checked, whole or in pieces, and told of a blob when asked for")
    func digests() throws {
        let small = Array("hello".utf8)
        let good = "Content-MD5: XUFAKrxLKna5cZ2REBfFkg=="
        #expect(try served.request("PUT", "/store/k", [good], body: small).status == 201)
        let bad = try served.request("PUT", "/store/k", [good], body: [1])
        #expect(bad.status == 400 && bad.text.contains("digest-mismatch"))
        #expect(try served.request("GET", "/store/k").body == small)
        let sha = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"
        let told = try served.request("GET", "/store/k", ["Want-Repr-Digest: sha-256=5, md5=1"])
        #expect(told.field("Repr-Digest") == sha && told.body == small)
    }

    @Test("so are digests of longer bodies", arguments: [200_000, 1_500_000])
    func digestsOfLongBodies(byteCount: Int) throws {
        let sha = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"
        let long = [UInt8](repeating: 7, count: byteCount)
        let wrong = try served.request("PUT", "/store/long", ["Repr-Digest: \(sha)"], body: long)
        #expect(wrong.status == 400 && wrong.text.contains("digest-mismatch"))
        #expect(try served.request("HEAD", "/store/long").status == 404)
        #expect(try served.request("PUT", "/store/long", body: long).status == 201)
        let asked = try served.request("HEAD", "/store/long", ["Want-Repr-Digest: crc32c=1"])
        let digest = try #require(asked.field("Repr-Digest"))
        let again = try served.request(
            "PUT", "/store/again", ["Repr-Digest: \(digest)"], body: long)
        #expect(again.status == 201)
    }
}
