// Cases of HTTP: finding the end of a head, and reading it.
//
// The head is one that a client with a token sends to store a blob: six fields. Scanned in one piece
// and parsed into a head that was used before, as a connection does.

internal import BenchSupport
internal import CairnHTTP
internal import CairnSystem

extension MicroCase {
    static var headCases: [MicroCase] {
        [
            MicroCase("http-scan") { _ in Loop(body: scan) },
            MicroCase("http-parse") { _ in Loop(body: parse) },
        ]
    }

    private static let head = Array(
        """
        PUT /v1/blobs/photos/2026/harbour%20at%20night.jpg HTTP/1.1\r
        Host: store.example.org:8080\r
        User-Agent: example-client/2.1\r
        Accept: */*\r
        Authorization: Bearer 0123456789abcdef0123456789abcdef\r
        Content-Type: image/jpeg\r
        Content-Length: 1024\r
        \r

        """.utf8)

    private static func scan(_ count: Int) throws(BenchFailure) -> UInt64 {
        let bytes = head
        var sum = 0
        for _ in 0..<count {
            var scanner = HeadScanner()
            guard case .complete(let end) = scanner.advance(in: bytes.rawSpan) else {
                throw .refused("the head is not found")
            }
            sum &+= end
        }
        return UInt64(sum)
    }

    private static func parse(_ count: Int) throws(BenchFailure) -> UInt64 {
        let (bytes, limits) = (head, RequestLimits())
        var (result, sum) = (RequestHead(), 0)
        do throws(Refusal) {
            for _ in 0..<count {
                try HeadParser.parse(bytes.rawSpan, limits: limits, into: &result)
                sum &+= result.fields.count
            }
        } catch {
            throw .refused("the head is refused: \(error)")
        }
        guard sum == 6 * count else { throw .refused("the head has not six fields") }
        return UInt64(sum)
    }
}
