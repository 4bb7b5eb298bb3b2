// HeadSamples — requests that are refused, each with its refusal, and requests that are not.
//
// The first table is the specification's list of what a server must not serve, one rule a row or more.

import CairnHTTP
import Testing

/// A request and why it is not served.
struct RefusedSample: CustomTestStringConvertible, Sendable {
    let refusal: Refusal
    let text: String

    init(_ refusal: Refusal, _ text: String) {
        self.refusal = refusal
        self.text = text
    }

    var testDescription: String { "\(refusal): \(text.prefix(60).debugDescription)" }

    private static func fields(_ lines: String) -> String {
        "GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n"
    }

    static let all: [RefusedSample] = [
        // Lines
        .init(.bareLineEnd, "GET / HTTP/1.1\nHost: a\n\n"),
        .init(.bareLineEnd, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
        .init(.bareLineEnd, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
        .init(.bareLineEnd, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
        .init(.bareLineEnd, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.controlByte, fields("X: a\0b")),
        .init(.controlByte, fields("X: a\u{1}b")),
        .init(.controlByte, fields("X: a\u{7F}b")),
        .init(.controlByte, "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.controlByte, "GET /\u{B} HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.controlByte, "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0"),
        // The request line
        .init(.malformedRequestLine, "\"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET /\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "G{T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET / /b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET / http/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET / HTTP/11\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET / HTTP/1.1x\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET / HTTP/1,1\r\nHost: a\r\n\r\n"),
        .init(.malformedRequestLine, "GET / HTTP/a.b\r\nHost: a\r\n\r\n"),
        .init(.unsupportedVersion, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        .init(.unsupportedVersion, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        .init(.unsupportedVersion, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
        .init(.unsupportedVersion, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        .init(.connectMethod, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.unknownMethod, "get / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.unknownMethod, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.unknownMethod, "GETT / HTTP/1.1\r\nHost: a\r\n\r\n"),
        // Targets
        .init(.malformedTarget, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedTarget, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedTarget, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedTarget, "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedTarget, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedTarget, "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedEscape, "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedEscape, "GET /a%zzb HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedEscape, "GET /a%4 HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedEscape, "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedEscape, "GET /a?b=%0 HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedEscape, "GET http://a/%-1 HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.malformedEscape, "GET http://a?%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(
            .targetTooLong,
            "GET /\(String(repeating: "a", count: 8192)) HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.targetTooLong, "GET /\(String(repeating: "a", count: 20000))"),
        // Fields
        .init(.malformedField, fields(": a")),
        .init(.malformedField, fields("X : a")),
        .init(.malformedField, fields("X\t: a")),
        .init(.malformedField, fields("X")),
        .init(.malformedField, fields("X Y: a")),
        .init(.malformedField, fields("X\u{E9}: a")),
        .init(.malformedField, fields("X(Y): a")),
        .init(.foldedField, fields("X: a\r\n b")),
        .init(.foldedField, fields("X: a\r\n\tb")),
        .init(.foldedField, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        .init(.tooManyFields, fields((0..<64).map { "X\($0): a" }.joined(separator: "\r\n"))),
        .init(.headTooLong, fields("X: \(String(repeating: "a", count: 17000))")),
        .init(.headTooLong, "GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 17000))"),
        // Host
        .init(.missingHost, "GET / HTTP/1.1\r\n\r\n"),
        .init(.missingHost, "GET / HTTP/1.1\r\nX: a\r\n\r\n"),
        .init(.missingHost, "GET http://a/ HTTP/1.1\r\n\r\n"),
        .init(.repeatedHost, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        .init(.repeatedHost, "GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n"),
        .init(.malformedHost, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        .init(.malformedHost, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        .init(.malformedHost, "GET / HTTP/1.1\r\nHost: b@a\r\n\r\n"),
        .init(.malformedHost, "GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        // Lengths
        .init(.malformedContentLength, fields("Content-Length:")),
        .init(.malformedContentLength, fields("Content-Length: -1")),
        .init(.malformedContentLength, fields("Content-Length: +1")),
        .init(.malformedContentLength, fields("Content-Length: 0x10")),
        .init(.malformedContentLength, fields("Content-Length: 1 1")),
        .init(.malformedContentLength, fields("Content-Length: 1, 1")),
        .init(.malformedContentLength, fields("Content-Length: 1.0")),
        .init(.repeatedContentLength, fields("Content-Length: 1\r\nContent-Length: 1")),
        .init(.repeatedContentLength, fields("Content-Length: 1\r\ncontent-length: 2")),
        .init(.bodyTooLong, fields("Content-Length: 5497558138881")),
        .init(.bodyTooLong, fields("Content-Length: 99999999999999999999999999")),
        .init(
            .lengthBesideTransferCoding,
            fields("Content-Length: 5\r\nTransfer-Encoding: chunked")),
        .init(
            .lengthBesideTransferCoding,
            fields("Transfer-Encoding: chunked\r\nContent-Length: 0")),
        .init(.unknownTransferCoding, fields("Transfer-Encoding: gzip")),
        .init(.unknownTransferCoding, fields("Transfer-Encoding: gzip, chunked")),
        .init(.unknownTransferCoding, fields("Transfer-Encoding: chunked, identity")),
        .init(.unknownTransferCoding, fields("Transfer-Encoding: identity")),
        .init(.unknownTransferCoding, fields("Transfer-Encoding:")),
        .init(.unknownTransferCoding, fields("Transfer-Encoding: xchunked")),
        .init(.unknownTransferCoding, fields("Transfer-Encoding: \"chunked\"")),
        .init(
            .unknownTransferCoding,
            fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
        .init(
            .transferCodingOfOldVersion,
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        // Expectations
        .init(.unknownExpectation, fields("Expect: 200-ok")),
        .init(.unknownExpectation, fields("Expect:")),
    ]
}
