// RequestTexts — requests as clients send them, for tests that need one of a kind.

/// A request without a body; `fields` are whole lines.
func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

/// The head of a request with a body of so many bytes.
func put(_ path: String, _ count: Int, _ fields: String = "") -> String {
    "PUT \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\(fields)\r\n"
}

/// The head of a request with a chunked body.
func putChunked(_ path: String) -> String {
    "PUT \(path) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
}

/// A whole request whose body comes in chunks of at most so many bytes.
func chunked(_ path: String, _ bytes: [UInt8], by size: Int) -> [UInt8] {
    var text = Array(putChunked(path).utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
        let piece = bytes[start..<min(start + size, bytes.count)]
        text += Array(String(piece.count, radix: 16).utf8) + Array("\r\n".utf8) + piece
        text += Array("\r\n".utf8)
    }
    return text + Array("0\r\n\r\n".utf8)
}
