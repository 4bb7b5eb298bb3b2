// Other systems' requests: what they put is one blob in the one store, and comes back in their words.

import Cairn
import CairnTestSupport
import Testing

@Suite("Dialects")
struct DialectTests {
    private let served: ServedStore

    init() throws { served = try ServedStore() }

    private static let formType = "Content-Type: multipart/form-data; boundary=B"

    private func form(_ name: String, file: String? = nil, type: String? = nil, _ text: String)
        -> [UInt8]
    {
        let file = file.map { "; filename=\"\($0)\"" } ?? ""
        let type = type.map { "Content-Type: \($0)\r\n" } ?? ""
        return Array(
            ("--B\r\nContent-Disposition: form-data; name=\"\(name)\"\(file)\r\n\(type)\r\n"
                + "\(text)\r\n--B--\r\n").utf8)
    }

    @Test("the file service creates, replaces and reads by path")
    func files() throws {
        let body = form("upload_file", file: "x.png", type: "image/png", "picture")
        let created = try served.request(
            "POST", "/files?path=/a/b.png", [Self.formType], body: body)
        #expect(created.status == 201 && created.text.hasPrefix(#"{"path":"/a/b.png","size":7,"#))
        let read = try served.request("GET", "/file?path=%2Fa%2Fb.png")
        #expect(read.status == 200 && read.text == "picture")
        #expect(read.field("Content-Type") == "image/png")
        let raw = try served.request("PUT", "/file?path=/a/b.png", body: Array("raw".utf8))
        #expect(raw.status == 200)
        #expect(try served.request("GET", "/file?path=/a/b.png").text == "raw")
        // One keyspace.
        #expect(try served.request("GET", "/store//a/b.png").text == "raw")
        #expect(try served.request("HEAD", "/file?path=/none").status == 404)
    }

    @Test(
        "the file service wants a path and its field",
        arguments: [
            ("POST", "/files", "x"), ("PUT", "/file?path=", "x"), ("POST", "/files?path=%FF", "x"),
            ("GET", "/file", ""),
        ])
    func badFiles(method: String, target: String, body: String) throws {
        #expect(try served.request(method, target, body: Array(body.utf8)).status == 400)
        let wrong = try served.request(
            "POST", "/files?path=a", [Self.formType], body: form("other", "x"))
        #expect(wrong.status == 400 && wrong.text.contains("upload_file"))
        #expect(try served.request("GET", "/store/a").status == 404)
    }

    @Test("a storage node takes a form's file under its name, and gives it to be saved")
    func node() throws {
        let body = form("file", file: "über uns.txt", "text")
        let put = try served.request("POST", "/upload", [Self.formType], body: body)
        #expect(
            put.status == 200 && put.text.hasPrefix(#"{"name":"über uns.txt","size":4,"etag":"#))
        let get = try served.request("GET", "/blob/%C3%BCber%20uns.txt")
        #expect(get.text == "text" && get.field("Content-Type") == "text/plain")
        #expect(
            get.field("Content-Disposition")
                == "attachment; filename*=UTF-8''%C3%BCber%20uns.txt")
        #expect(try served.request("POST", "/upload", body: [1]).status == 400)
        #expect(
            try served.request("POST", "/upload", [Self.formType], body: form("file", "x")).status
                == 400)
    }

    @Test("a value service gives back the JSON that it was given")
    func values() throws {
        let text = #"{"key":"a/b","extension":"png","data":"AAEC"}"#
        let put = try served.request("POST", "/put/", body: Array(text.utf8))
        #expect(put.status == 200 && put.text == "{\"msg\":\"ok\"}\n")
        #expect(try served.request("GET", "/get/a/b").text == text + "\n")
        let blob = try served.request("GET", "/store/a/b")
        #expect(blob.body == [0, 1, 2] && blob.field("Content-Type") == "image/png")
        try served.request("PUT", "/store/plain", body: [9])
        #expect(
            try served.request("GET", "/get/plain").text
                == "{\"key\":\"plain\",\"extension\":\"\",\"data\":\"CQ==\"}\n")
        #expect(try served.request("GET", "/get/none").status == 404)
    }

    @Test(
        "a condition or a digest that a dialect does not know is refused, and nothing is written",
        arguments: [
            "If-Match: \"5\"", "If-None-Match: *", "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==",
            "Content-Range: bytes 0-1/9", "Content-Encoding: gzip", "Cairn-Durability: often",
        ])
    func fields(field: String) throws {
        #expect(try served.request("PUT", "/file?path=a", [field], body: [1]).status == 400)
        #expect(served.store.statistics().keyCount == 0)
    }

    @Test(
        "what is no value is refused",
        arguments: [
            "", "[]", #"{"key":"a"}"#, #"{"data":"AAEC"}"#, #"{"key":"a","data":"A"}"#,
            #"{"key":"","data":"AAEC"}"#, #"{"key":"a","data":"AAEC","extension":"a\u0001"}"#,
        ])
    func badValues(text: String) throws {
        #expect(try served.request("POST", "/put/", body: Array(text.utf8)).status == 400)
        #expect(served.store.statistics().keyCount == 0)
    }

    @Test(
        "methods that a dialect does not know are named",
        arguments: ["/files", "/file", "/upload", "/put/", "/blob/x", "/get/x"])
    func methods(path: String) throws {
        let answer = try served.request("DELETE", path)
        #expect(answer.status == 405 && answer.field("Allow")?.contains("OPTIONS") == true)
        #expect(try served.request("OPTIONS", path).status == 204)
    }
}
