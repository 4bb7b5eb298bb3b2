// Digests against published examples, in one piece and in all others; secrets that are compared.

import CairnCrypto
import CairnSystem
import CairnTestSupport
import Testing

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

private let alphabets = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/// A text, how often it is repeated, and the digest of all of it.
struct DigestSample: Sendable, CustomTestStringConvertible {
    let algorithm: DigestAlgorithm
    let text: String
    let count: Int
    let digest: String

    init(_ algorithm: DigestAlgorithm, _ text: String, times count: Int = 1, _ digest: String) {
        (self.algorithm, self.text, self.count, self.digest) = (algorithm, text, count, digest)
    }

    var bytes: [UInt8] { Array(String(repeating: text, count: count).utf8) }
    var testDescription: String { "\(algorithm) of \(count) times \"\(text.prefix(12))\"" }

    /// Of RFC 1321, appendix A.5, and of the examples of FIPS 180-2, appendix B, and CAVP.
    static let all = [
        DigestSample(.md5, "", "d41d8cd98f00b204e9800998ecf8427e"),
        DigestSample(.md5, "a", "0cc175b9c0f1b6a831c399e269772661"),
        DigestSample(.md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
        DigestSample(.md5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        DigestSample(.md5, "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
        DigestSample(.md5, alphabets, "d174ab98d277d9f5a5611c2c9f419d9f"),
        DigestSample(.md5, "1234567890", times: 8, "57edf4a22be3c955ac49da2e2107b67a"),
        DigestSample(
            .sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        DigestSample(
            .sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        DigestSample(
            .sha256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
        DigestSample(
            .sha256, "a", times: 1_000_000,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]
}

@Suite("Digests") struct DigestTests {
    @Test("the published examples come out", arguments: DigestSample.all)
    func published(_ sample: DigestSample) {
        let bytes = sample.bytes
        #expect(hexadecimal(sample.algorithm.digest(of: bytes.rawSpan)) == sample.digest)
        let digest = Digest(sample.algorithm)
        digest.update(bytes.rawSpan)
        #expect(hexadecimal(digest.finish()) == sample.digest)
        switch sample.algorithm {
        case .sha256: #expect(hexadecimal(SHA256.digest(of: bytes.rawSpan)) == sample.digest)
        case .md5: #expect(hexadecimal(MD5.digest(of: bytes.rawSpan)) == sample.digest)
        }
    }

    @Test(
        "pieces do not change a digest, wherever they end", arguments: DigestAlgorithm.allCases)
    func splits(_ algorithm: DigestAlgorithm) {
        var random = TestRandom.reported("pieces of a digest")
        let bytes = random.bytes(200)
        let expected = algorithm.digest(of: bytes.rawSpan)
        for first in 0...bytes.count {
            let second = first + (bytes.count - first) / 2
            let digest = Digest(algorithm)
            digest.update(bytes.rawSpan.extracting(0..<first))
            digest.update(bytes.rawSpan.extracting(first..<second))
            digest.update(bytes.rawSpan.extracting(second..<bytes.count))
            #expect(digest.finish() == expected)
        }
        let digest = Digest(algorithm)
        for place in bytes.indices { digest.update(bytes.rawSpan.extracting(place..<place + 1)) }
        #expect(digest.finish() == expected)
    }

    @Test("many megabytes have one digest, by any pieces", arguments: DigestAlgorithm.allCases)
    func large(_ algorithm: DigestAlgorithm) {
        var random = TestRandom.reported("digest of many megabytes")
        let bytes = random.bytes(8 << 20)
        let digest = Digest(algorithm)
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + 1 + random.below(300_000))
            digest.update(bytes.rawSpan.extracting(start..<end))
            start = end
        }
        #expect(digest.finish() == algorithm.digest(of: bytes.rawSpan))
    }

    @Test("a digest is as long as its algorithm says", arguments: DigestAlgorithm.allCases)
    func lengths(_ algorithm: DigestAlgorithm) {
        #expect(algorithm.digest(of: [UInt8]().rawSpan).count == algorithm.byteCount)
        #expect(Digest(algorithm).finish().count == algorithm.byteCount)
        #expect((SHA256.byteCount, MD5.byteCount) == (32, 16))
    }

    @Test("many threads compute digests at a time, each of its own bytes") func threads() throws {
        let sample = DigestSample.all[8]
        let threads = try (0..<8).map { number in
            try ServiceThread.start(name: "test-digest") {
                for algorithm in DigestAlgorithm.allCases {
                    for count in 0..<200 {
                        let bytes = [UInt8](repeating: UInt8(number), count: count)
                        let digest = Digest(algorithm)
                        digest.update(bytes.rawSpan)
                        precondition(
                            digest.finish() == algorithm.digest(of: bytes.rawSpan),
                            "threads do not disturb each other's digests")
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(hexadecimal(SHA256.digest(of: sample.bytes.rawSpan)) == sample.digest)
    }

    @Test("a finished digest takes no more bytes") func finished() async {
        await #expect(processExitsWith: .failure) {
            let digest = Digest(.sha256)
            _ = digest.finish()
            digest.update([1].rawSpan)
        }
        await #expect(processExitsWith: .failure) {
            let digest = Digest(.md5)
            _ = digest.finish()
            _ = digest.finish()
        }
    }
}

@Suite("Secret comparison") struct SecretComparisonTests {
    private func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.rawSpan.isEqualInConstantTime(to: right.rawSpan)
    }

    @Test("only the same bytes are equal, wherever one differs") func equality() {
        for count in [0, 1, 2, 15, 16, 32, 33, 100] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            #expect(isEqual(bytes, bytes))
            #expect(!isEqual(bytes, bytes + [0]))
            #expect(!isEqual(bytes + [0], bytes))
            for place in bytes.indices {
                for bit in 0..<8 {
                    var other = bytes
                    other[place] ^= 1 << bit
                    #expect(!isEqual(bytes, other))
                }
            }
        }
    }
}
