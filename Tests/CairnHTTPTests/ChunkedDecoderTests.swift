// What a chunked body holds, where it ends, what is refused, and that pieces change nothing.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

/// What a body came to: its bytes, and where it ended or why it was refused.
private struct Decoded: Equatable {
    var data: [UInt8] = []
    var end: Int?
    var refusal: Refusal?
}

/// Decodes a body that arrives in pieces that end at `ends`, and with the last byte.
private func decode(
    _ text: String, ends: [Int] = [], limits: RequestLimits = RequestLimits()
) -> Decoded {
    let bytes = Array(text.utf8)
    var decoder = ChunkedDecoder(limits: limits)
    var decoded = Decoded()
    var start = 0
    for end in ends + [bytes.count] {
        let piece = bytes.rawSpan.extracting(start..<end)
        var position = 0
        reading: while true {
            switch decoder.next(in: piece, from: &position) {
            case .needsMore: break reading
            case .data(let range): decoded.data += piece.extracting(range).copyBytes()
            case .end(let place):
                decoded.end = start + place
                return decoded
            case .refused(let refusal):
                decoded.refusal = refusal
                return decoded
            }
        }
        start = end
    }
    return decoded
}

@Suite("Chunked bodies") struct ChunkedDecoderTests {
    private static let whole =
        "3\r\nabc\r\n0010;a=\"b\" ;c\r\n0123456789abcdef\r\n1 \t;\r\n\n\r\n00\r\nX: y\r\nZ:\r\n\r\n"

    @Test("a body is its chunks together, in pieces of any size") func pieces() {
        let expected = Decoded(
            data: Array("abc0123456789abcdef\n".utf8), end: Self.whole.utf8.count)
        #expect(decode(Self.whole + "GET") == expected)
        for end in 0..<Self.whole.utf8.count {
            #expect(decode(Self.whole, ends: [end]) == expected)
        }
        #expect(decode(Self.whole, ends: Array(0..<Self.whole.utf8.count)) == expected)
    }

    @Test("an empty body ends at once") func empty() {
        #expect(decode("0\r\n\r\n") == Decoded(end: 5))
    }

    @Test("a body that was cut short never ends") func cut() {
        for end in 0..<Self.whole.utf8.count {
            let decoded = decode(String(Self.whole.utf8.prefix(end)) ?? "")
            #expect(decoded.end == nil && decoded.refusal == nil)
        }
    }

    @Test(
        "what is no chunk is refused, byte by byte too",
        arguments: [
            "\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\na", " 1\r\na", ";a\r\n", "1\na\r\n",
            "1\r\nab", "1\r\na\n", "1\r\na\rb", "1\r\rx", "1,\r\n", "1 \r\na", "1 2\r\na",
            "1\t2\r\na", "1;a\0\r\n", "1;a\n",
            "0\r\nX\n", "0\r\n\rX", "0\r\nX\r\n", "0\r\n: y\r\n", "0\r\nX : y\r\n",
            "0\r\n X: y\r\n",
            "0\r\nX: y\n", "0\r\nX: \u{1}\r\n", "fffffffffffffffff\r\n",
            "00000000000000001\r\na", "ffffffffffffffff1\r\n",
        ])
    func refused(_ text: String) {
        #expect(decode(text).refusal == .malformedChunk)
        #expect(decode(text, ends: Array(0..<text.utf8.count)).refusal == .malformedChunk)
    }

    @Test("a body may be as long as its limit and no longer") func bodyLimit() {
        var limits = RequestLimits()
        limits.bodyByteCountMaximum = 5
        #expect(decode("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", limits: limits).end != nil)
        #expect(decode("2\r\nab\r\n4\r\ncdef\r\n", limits: limits).refusal == .bodyTooLong)
        #expect(decode("ffffffffffffffff\r\n", limits: limits).refusal == .bodyTooLong)
        #expect(
            decode("2\r\nab\r\nffffffffffffffff\r\n", limits: RequestLimits()).refusal
                == .bodyTooLong)
    }

    @Test("extensions and trailer together may be as long as their limit and no longer")
    func extraLimit() {
        var limits = RequestLimits()
        limits.chunkExtraByteCountMaximum = 10
        #expect(decode("1;1234\r\na\r\n0;12\r\nab:d\r\n\r\n", limits: limits).end != nil)
        #expect(
            decode("1;1234\r\na\r\n0;12\r\nab:defg\r\n\r\n", limits: limits).refusal
                == .malformedChunk)
    }

    @Test("no bytes trap, and how they arrive changes nothing") func fuzz() {
        var random = TestRandom.reported("chunks: no bytes trap")
        var endCount = 0
        for _ in 0..<20_000 {
            var bytes = Array(Self.whole.utf8)
            for _ in 0..<random.below(3) {
                let place = random.below(bytes.count)
                if random.below(2) == 0 {
                    bytes[place] = UInt8(random.below(128))
                } else {
                    bytes.remove(at: place)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let whole = decode(text)
            let cuts = (0..<random.below(4)).map { _ in random.below(text.utf8.count + 1) }.sorted()
            #expect(decode(text, ends: cuts) == whole)
            if whole.end != nil { endCount += 1 }
        }
        #expect(endCount > 100)
    }
}
