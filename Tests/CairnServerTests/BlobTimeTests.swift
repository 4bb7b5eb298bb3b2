// How old a blob is: as its commit, and of no age where nobody knows.

import Cairn
import CairnTestSupport
import Testing

@Suite("Ages of blobs")
struct BlobTimeTests {
    @Test("a blob without a date meets no condition of dates")
    func noDate() throws {
        let served = try ServedStore()
        try served.store.put("k", [1])
        let date = "Sun, 06 Nov 2044 08:49:37 GMT"
        let read = try served.request("GET", "/store/k", ["If-Modified-Since: \(date)"])
        #expect(read.status == 200 && read.field("Last-Modified") == nil)
        let past = "Sun, 06 Nov 1994 08:49:37 GMT"
        let write = try served.request(
            "PUT", "/store/k", ["If-Unmodified-Since: \(past)"], body: [2])
        #expect(write.status == 204)
    }

    @Test(
        "a streamed blob is as old as its commit, not as its head", arguments: [400_000, 1_400_000])
    func commitTime(byteCount: Int) throws {
        let served = try ServedStore()
        let slow = try served.client()
        let body = [UInt8](repeating: 7, count: byteCount)
        try slow.send("PUT /store/k HTTP/1.1\r\nHost: test\r\nContent-Length: \(byteCount)\r\n\r\n")
        try slow.send(Array(body.prefix(300_000)))
        // Another blob, until the clock has gone on by a second.
        let first = try date(of: served)
        var second = first
        while second == first { second = try date(of: served) }
        try slow.send(Array(body.dropFirst(300_000)))
        #expect(try slow.answer().status == 201)
        let read = try served.request("HEAD", "/store/k")
        #expect(read.field("Last-Modified") != first)
    }

    private func date(of served: ServedStore) throws -> String {
        try served.request("PUT", "/store/other", body: [1])
        return try served.request("HEAD", "/store/other").field("Last-Modified") ?? ""
    }
}
