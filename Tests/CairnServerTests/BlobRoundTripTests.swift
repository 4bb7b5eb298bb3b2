// Blobs over HTTP: what is put comes back, under its key and with its fields, whatever its size.

import Cairn
import CairnTestSupport
import Testing

@Suite("Blobs over HTTP")
struct BlobRoundTripTests {
    private let served: ServedStore

    init() throws { served = try ServedStore() }

    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 9) }
    }

    @Test(
        "a blob of any size comes back as it was put",
        arguments: [
            0, 1, 4096, 65_536, 65_537, 131_072, 131_073, 1_048_576, 1_048_577, 3_500_000,
        ])
    func sizes(byteCount: Int) throws {
        let value = bytes(byteCount)
        let put = try served.request("PUT", "/store/k", body: value)
        #expect(put.status == 201 && put.body.isEmpty && put.field("Location") == "/store/k")
        let tag = try #require(put.field("ETag"))
        let get = try served.request("GET", "/store/k")
        #expect(get.status == 200 && get.body == value && get.field("ETag") == tag)
        let head = try served.request("HEAD", "/store/k")
        #expect(head.status == 200 && head.field("Content-Length") == "\(byteCount)")
        let again = try served.request("PUT", "/store/k", body: [1])
        #expect(again.status == 204 && again.field("ETag") != tag)
        #expect(try served.request("GET", "/store/k").body == [1])
    }

    @Test("a body in chunks is stored like any other", arguments: [0, 10, 700_000, 2_500_000])
    func chunks(byteCount: Int) throws {
        let value = bytes(byteCount)
        let client = try served.client()
        try client.send(
            "PUT /store/k HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in stride(from: 0, to: byteCount, by: 100_000) {
            let piece = value[start..<min(start + 100_000, byteCount)]
            try client.send(Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10])
        }
        try client.send("0\r\n\r\n")
        #expect(try client.answer().status == 201)
        // The connection stays.
        try client.send("GET", "/store/k")
        #expect(try client.answer().body == value)
    }

    @Test("a blob is deleted once, and is gone then")
    func delete() throws {
        try served.request("PUT", "/store/k", body: [1, 2])
        #expect(try served.request("DELETE", "/store/k").status == 204)
        #expect(try served.request("DELETE", "/store/k").status == 404)
        #expect(try served.request("GET", "/store/k").status == 404)
        #expect(try served.request("HEAD", "/store/k").status == 404)
    }

    @Test("POST creates, and refuses what is there")
    func create() throws {
        #expect(try served.request("POST", "/store/k", body: [1]).status == 201)
        let second = try served.request("POST", "/store/k", body: [2])
        #expect(second.status == 409 && second.text.contains("urn:cairn:exists"))
        #expect(try served.request("GET", "/store/k").body == [1])
    }

    @Test("fields of a blob come back with it, and no others")
    func fields() throws {
        try served.request(
            "PUT", "/store/photo.png",
            [
                "Content-Type: text/x-mine", "Cache-Control: max-age=60", "X-Meta-Owner: me",
                "Content-Disposition: inline", "Accept: text/plain",
            ], body: [1])
        let get = try served.request("GET", "/store/photo.png")
        #expect(get.field("Content-Type") == "text/x-mine")
        #expect(get.field("Cache-Control") == "max-age=60")
        #expect(get.field("X-Meta-Owner") == "me")
        #expect(get.field("Content-Disposition") == "inline")
        #expect(get.field("Accept") == nil)
        #expect(get.field("X-Content-Type-Options") == "nosniff")
        #expect(get.field("Last-Modified") != nil)
        try served.request("PUT", "/store/photo.png", body: [1])
        #expect(try served.request("GET", "/store/photo.png").field("Content-Type") == "image/png")
    }
}
