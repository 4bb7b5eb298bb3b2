// What operators ask for: figures, jobs, and that tokens allow what they say and nothing else.

import Cairn
import CairnServer
import CairnSystem
import CairnTestSupport
import CairnText
import Glibc
import Testing

@Suite("Routes of operators")
struct OperatorRouteTests {
    private func status(_ served: ServedStore, _ fields: [String] = []) throws -> JSONObject {
        let answer = try served.request("GET", "/status", fields)
        #expect(answer.status == 200)
        let limits = JSONLimits(byteCountMaximum: 1 << 20)
        return try #require(try JSONValue(reading: answer.body.rawSpan, limits: limits).object)
    }

    @Test("figures count what was asked, and both forms agree")
    func figures() throws {
        let served = try ServedStore()
        try served.request("PUT", "/store/a", body: [1, 2, 3])
        try served.request("GET", "/store/a")
        try served.request("GET", "/store/none")
        try served.request("DELETE", "/store/a")
        try served.request("DELETE", "/store/a")
        let status = try status(served)
        #expect(status["get_hits"]?.integer == 1 && status["get_misses"]?.integer == 1)
        #expect(status["cmd_set"]?.integer == 1 && status["curr_items"]?.integer == 0)
        let metrics = try served.request("GET", "/metrics")
        #expect(metrics.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        let lines = Set(metrics.text.split(separator: "\n").map(String.init))
        for line in [
            "cairn_reads_total{result=\"hit\"} 1", "cairn_reads_total{result=\"miss\"} 1",
            "cairn_writes_total{result=\"done\"} 1", "cairn_deletes_total{result=\"hit\"} 1",
            "cairn_deletes_total{result=\"miss\"} 1", "cairn_http_received_bytes_total 3",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    private func awaitJob(_ served: ServedStore) throws -> JSONObject {
        while true {
            let job = try #require(try status(served)["admin"]?.object)
            if job["running"]?.bool == false { return job }
            yieldProcessor()
        }
    }

    @Test("jobs are begun by a POST, and the status tells how they ended")
    func jobs() throws {
        let served = try ServedStore()
        for round in 0..<50 {
            try served.request("PUT", "/store/k\(round % 5)", body: [UInt8(round)])
        }
        for name in ["compact", "scrub"] {
            let begun = try served.request("POST", "/admin/\(name)")
            #expect(begun.status == 202 && begun.text == "{\"job\":\"\(name)\"}\n")
            let job = try awaitJob(served)
            #expect(job["job"]?.string == name)
            #expect(job["outcome"]?.string?.contains("failed") == false)
        }
        let directory = try TemporaryDirectory()
        #expect(
            try served.request("POST", "/admin/backup?to=\(directory.path)/copy").status == 202)
        #expect(try awaitJob(served)["outcome"]?.string == "the backup is whole")
        let copy = try Store.open(
            at: directory.path + "/copy", options: StoreOptions(access: .readOnly))
        #expect(try copy.get("k4")?.bytes == [49])
        try copy.close()
        #expect(try served.request("POST", "/admin/backup").status == 400)
        #expect(try served.request("GET", "/admin/compact").status == 405)
        #expect(try served.request("POST", "/admin/other").status == 404)
    }

    @Test("a scrub says what is damaged, and where")
    func damage() throws {
        let served = try ServedStore()
        let marker = Array("these bytes will rot".utf8)
        try served.request("PUT", "/store/k", body: marker)
        // The last batch of a segment that is written to is proven by the one behind it.
        try served.request("PUT", "/store/other", body: [1])
        try served.rot(marker)
        try served.request("POST", "/admin/scrub")
        let outcome = try #require(try awaitJob(served)["outcome"]?.string)
        #expect(outcome.hasPrefix("damage: segments/0000000000000001.seg at "), "\(outcome)")
    }

    @Test("pages of other sites do not write, where nobody needs a token")
    func otherSites() throws {
        let served = try ServedStore()
        for origin in ["http://evil.example", "null", "http://test.evil", "://test", "testx"] {
            for (method, target) in [("PUT", "/store/k"), ("POST", "/admin/scrub")] {
                let answer = try served.request(method, target, ["Origin: \(origin)"], body: [1])
                #expect(answer.status == 403, "\(method) \(target) \(origin)")
            }
            #expect(try served.request("GET", "/store/k", ["Origin: \(origin)"]).status == 404)
        }
        let own = try served.request("PUT", "/store/k", ["Origin: http://test"], body: [1])
        #expect(own.status == 201)
    }

    private func tokens(_ path: String) throws {
        let lines = [
            BearerToken.line(of: "reader", name: "r", .read, prefix: Array("p/".utf8)),
            BearerToken.line(of: "writer", name: "w", [.write, .delete], prefix: Array("p/".utf8)),
            BearerToken.line(of: "lister", name: "l", .list, prefix: Array("p/".utf8)),
            BearerToken.line(of: "admin", name: "a", .admin, prefix: []),
        ]
        let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
        try ByteStream.writing(path).write(bytes.rawSpan)
        #expect(unsafe chmod(path, 0o600) == 0)
    }

    @Test("a token allows what its line says, for keys with its prefix, and nothing else")
    func access() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/tokens"
        try tokens(path)
        let served = try ServedStore { $0.tokenPath = path }
        let targets: [(String, String, String, [UInt8])] = [
            ("PUT", "/store/p/a", "writer", [1]), ("POST", "/store/p/b", "writer", [1]),
            ("GET", "/store/p/a", "reader", []), ("HEAD", "/store/p/a", "reader", []),
            ("GET", "/store/p/a?history", "admin", []), ("GET", "/get/p/a", "reader", []),
            ("GET", "/file?path=p/a", "reader", []), ("GET", "/blob/p/a", "reader", []),
            ("PUT", "/file?path=p/c", "writer", [1]),
            ("POST", "/put/", "writer", Array(#"{"key":"p/d","data":""}"#.utf8)),
            ("POST", "/store/?delete", "writer", Array(#"["p/d"]"#.utf8)),
            ("GET", "/store/?prefix=p/", "lister", []), ("DELETE", "/store/p/a", "writer", []),
            ("GET", "/status", "admin", []), ("GET", "/metrics", "admin", []),
            ("POST", "/admin/scrub", "admin", []),
        ]
        for (method, target, owner, body) in targets {
            let open = try served.request(method, target, body: body)
            #expect(open.status == 401, "\(method) \(target)")
            #expect(open.field("WWW-Authenticate") == "Bearer realm=\"cairn\"")
            let other = try served.request(
                method, target, ["Authorization: Bearer other"], body: body)
            #expect(other.status == 401)
            for token in ["reader", "writer", "lister", "admin"] where token != owner {
                let answer = try served.request(
                    method, target, ["Authorization: Bearer \(token)"], body: body)
                #expect(answer.status == 403, "\(method) \(target) by \(token)")
            }
            let answer = try served.request(
                method, target, ["Authorization: Bearer \(owner)"], body: body)
            #expect((200...299).contains(answer.status), "\(method) \(target) by \(owner)")
        }
        let beside = ["Authorization: Bearer writer"]
        #expect(try served.request("PUT", "/store/q", beside, body: [1]).status == 403)
        let list = Array(#"["p/a", "q"]"#.utf8)
        #expect(try served.request("POST", "/store/?delete", beside, body: list).status == 403)
        let all = ["Authorization: Bearer lister"]
        #expect(try served.request("GET", "/store/", all).status == 403)
        #expect(try served.request("GET", "/healthz").status == 200)
        // What a path knows is no secret: browsers ask before they send a token.
        for target in ["/store/p/a", "/status", "/admin/scrub", "/upload"] {
            #expect(try served.request("OPTIONS", target).status == 204, "\(target)")
            #expect(try served.request("PATCH", target).status == 405, "\(target)")
        }
        #expect(served.store.statistics().keyCount == 2)
    }
}
