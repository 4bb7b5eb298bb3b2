// TestClient+Requests — whole requests of the ordinary kind, and their answers.

import CairnTestSupport

extension TestClient {
    /// The bytes of a request's head, and of its body where there is one.
    static func request(
        _ method: String, _ target: String, _ fields: [String] = [], body: ArraySlice<UInt8>? = nil
    ) -> [UInt8] {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: test"] + fields
        if let body { lines.append("Content-Length: \(body.count)") }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (body ?? [])
    }

    /// The same with a body in chunks.
    static func chunkedRequest(
        _ method: String, _ target: String, _ fields: [String] = [], body: ArraySlice<UInt8>,
        by chunkByteCount: Int
    ) -> [UInt8] {
        var bytes = request(method, target, fields + ["Transfer-Encoding: chunked"])
        var left = body
        while !left.isEmpty {
            let chunk = left.prefix(chunkByteCount)
            bytes +=
                Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
            left = left.dropFirst(chunkByteCount)
        }
        return bytes + Array("0\r\n\r\n".utf8)
    }

    /// Sends a request and takes its answer.
    func exchange(
        _ method: String, _ target: String, _ fields: [String] = [], body: ArraySlice<UInt8>? = nil
    ) throws -> HTTPAnswer {
        try send(Self.request(method, target, fields, body: body))
        return try answer(hasBody: method != "HEAD")
    }
}
