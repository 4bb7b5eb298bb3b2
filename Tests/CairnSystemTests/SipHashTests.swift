// SipHashTests — the hash against published outputs and an independent program's.
//
// The published vectors are of other parameters than the store uses, but run through the same code;
// the store's own parameters are compared with OpenSSL's outputs.

import CairnSystem
import CairnTestSupport
import Testing

@Suite("SipHash") struct SipHashTests {
    private let key = SipHashKey(first: 0x0706_0504_0302_0100, second: 0x0F0E_0D0C_0B0A_0908)

    /// The bytes of a word in little-endian order, as the vectors print them.
    private func hexadecimal(_ words: UInt64...) -> String {
        words.map { word in
            let digits = String(word.byteSwapped, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    private func hexadecimal(_ hash: Hash128) -> String { hexadecimal(hash.first, hash.second) }

    @Test("SipHash-2-4 gives the published outputs", arguments: 0..<64)
    func published(byteCount: Int) {
        let input = Array(0..<UInt8(byteCount))
        #expect(
            hexadecimal(key.referenceHash64(input.rawSpan))
                == SipHashVectors.outputs24Of64Bits[byteCount])
        #expect(
            hexadecimal(key.referenceHash(input.rawSpan))
                == SipHashVectors.outputs24Of128Bits[byteCount])
    }

    @Test(
        "SipHash-1-3 with a domain byte gives an independent program's outputs",
        arguments: 0..<40)
    func withDomain(byteCount: Int) {
        let input = Array(0..<UInt8(byteCount))
        #expect(
            hexadecimal(key.hash64(input.rawSpan, domain: 0x5A))
                == SipHashVectors.outputs13Of64BitsWithSuffix[byteCount])
        #expect(
            hexadecimal(key.hash(input.rawSpan, domain: 0x5A))
                == SipHashVectors.outputs13Of128BitsWithSuffix[byteCount])
    }

    @Test("a key and a domain each change the hash")
    func separation() {
        let input = Array("some key".utf8)
        let hash = key.hash(input.rawSpan, domain: 0)
        #expect(hash == key.hash(input.rawSpan, domain: 0))
        #expect(hash != key.hash(input.rawSpan, domain: 1))
        #expect(hash != SipHashKey(first: key.first, second: 0).hash(input.rawSpan, domain: 0))
        // The suffix is part of the input's length: no shorter input with it as its last byte.
        let longer = input + [0]
        #expect(hash != key.hash(longer.rawSpan, domain: 0))
    }

    @Test("the hash does not depend on where the bytes lie, nor on what is beside them")
    func placement() {
        var random = TestRandom.reported("siphash placement")
        for byteCount in 0..<70 {
            let input = random.bytes(byteCount)
            let hash = key.hash(input.rawSpan, domain: 3)
            for start in 0..<8 {
                let padded = random.bytes(start) + input + random.bytes(9)
                let placed = padded.rawSpan.extracting(start..<(start + byteCount))
                #expect(key.hash(placed, domain: 3) == hash)
            }
        }
    }

    @Test("random keys differ")
    func randomKeys() {
        #expect(SipHashKey.random() != SipHashKey.random())
    }
}
