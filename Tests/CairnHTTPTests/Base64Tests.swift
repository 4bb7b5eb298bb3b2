// Bytes as letters and back: published examples, all bytes, and every way to be no such text.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Base64") struct Base64Tests {
    private func encoded(_ bytes: [UInt8]) -> String {
        String(decoding: Base64.encoded(bytes.rawSpan), as: UTF8.self)
    }

    private func decoded(_ text: String) -> [UInt8]? { Base64.decoded(Array(text.utf8).rawSpan) }

    @Test(
        "the published examples come out, both ways",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ])
    func published(_ text: String, _ coded: String) {
        #expect(encoded(Array(text.utf8)) == coded)
        #expect(decoded(coded) == Array(text.utf8))
        #expect(Base64.encodedByteCount(text.utf8.count) == coded.utf8.count)
    }

    @Test("every letter of the alphabet stands for its own six bits") func alphabet() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, letter) in alphabet.enumerated() {
            let bytes = [UInt8(value << 2)]
            #expect(encoded(bytes) == "\(letter)A==")
            #expect(decoded("\(letter)A==") == bytes)
        }
    }

    @Test("any bytes come back, of every length") func roundTrips() {
        var random = TestRandom.reported("base64 round trips")
        for count in 0..<300 {
            let bytes = random.bytes(count)
            let text = Base64.encoded(bytes.rawSpan)
            #expect(text.count == Base64.encodedByteCount(count))
            #expect(Base64.decoded(text.rawSpan) == bytes)
            var queue = ByteQueue(byteCount: 8)
            queue.append("a")
            Base64.append(bytes.rawSpan, to: &queue)
            #expect(queue.bytes.copyBytes() == [0x61] + text)
        }
        let bytes = random.bytes(1_000_001)
        #expect(Base64.decoded(Base64.encoded(bytes.rawSpan).rawSpan) == bytes)
    }

    @Test(
        "what is no such text is none",
        arguments: [
            // No whole groups.
            "Z", "Zg", "Zg=", "Zm9", "Zm9vY", "Zm9vYg", "Zm9vYg=", "Zm9vYmE",
            // Padding where none belongs, and too much of it.
            "=", "==", "===", "====", "Z===", "=Zg=", "Z=g=", "Zg==Zg==", "Zm8=Zm9v", "Zm9v====",
            "Zm9v=", "Zm9v==", "Zg=v",
            // Bits behind the last byte.
            "Zh==", "Zi==", "Zx==", "Zv==", "Zm9=", "Zm+=", "Zm//Zm+=",
            // Another alphabet, blanks and line ends.
            "Zm9-", "Zm9_", "Zm9.", "Zm 9", " Zm9v", "Zm9v ", "Zm9v\n", "Zm9v\r\n", "Zm9vZm\n9",
            "Zm9v\0\0\0\0", "Zm9\u{E9}", "\u{E9}\u{E9}",
        ])
    func malformed(_ text: String) {
        #expect(decoded(text) == nil)
        let isValid = Base64.isValid(Array(text.utf8).rawSpan)
        #expect(!isValid)
    }

    @Test("no byte but those of the alphabet is taken, at any place") func foreignBytes() {
        let alphabet = Set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for byte in UInt8.min...UInt8.max where !alphabet.contains(byte) {
            for place in 0..<7 {
                var text = Array("AAAAAAAA".utf8)
                text[place] = byte
                #expect(Base64.decoded(text.rawSpan) == nil)
            }
        }
    }

    @Test("a text has one meaning: what is taken is what its bytes are written as") func fuzz() {
        var random = TestRandom.reported("base64 has one text for bytes")
        var takenCount = 0
        for _ in 0..<20_000 {
            let text = random.mutated("Zm9vYg==", ["=", "A", "/", "Zm8="])
            let bytes = Base64.decoded(text.rawSpan)
            let isValid = Base64.isValid(text.rawSpan)
            #expect(isValid == (bytes != nil))
            guard let bytes else { continue }
            takenCount += 1
            #expect(Base64.encoded(bytes.rawSpan) == text)
        }
        #expect(takenCount > 1000)
    }

    @Test("a target keeps what lies behind") func targets() {
        var buffer = [UInt8](repeating: 0xAB, count: 16)
        let count = buffer.withMutableRawSpan {
            Base64.decode(Array("Zm9vYg==".utf8).rawSpan, into: &$0)
        }
        #expect(count == 4)
        #expect(buffer == Array("foob".utf8) + [UInt8](repeating: 0xAB, count: 12))
    }
}
