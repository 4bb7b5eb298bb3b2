// Digests that a client sends and asks for: what is expected, what is ignored, what is no expectation.

import CairnCrypto
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

private let sha256 = SHA256.digest(of: Array("hello".utf8).rawSpan)
private let md5 = MD5.digest(of: Array("hello".utf8).rawSpan)
private let crc32c: [UInt8] = [0x9A, 0x71, 0xBB, 0x4C]

private func coded(_ bytes: [UInt8]) -> String {
    String(decoding: Base64.encoded(bytes.rawSpan), as: UTF8.self)
}

private let sha256Member = "sha-256=:\(coded(sha256)):"
private let md5Member = "md5=:\(coded(md5)):"

private func fields(_ lines: String...) throws -> IntegrityFields {
    try withRequest(.put, lines) { request in try IntegrityFields(request) }
}

private func wanted(_ lines: String...) throws -> IntegrityAlgorithm? {
    try withRequest(.get, lines) { request in IntegrityAlgorithm.wanted(by: request) }
}

@Suite("Integrity fields: what a body must be") struct IntegrityFieldsTests {
    @Test("a request without digests expects nothing") func none() throws {
        let fields = try fields("Content-Length: 3", "Digest: x", "Want-Repr-Digest: md5=1")
        #expect(fields.isEmpty)
        for algorithm in IntegrityAlgorithm.allCases { #expect(fields[algorithm] == nil) }
    }

    @Test("each field and algorithm is expected, whatever the case of the field's name")
    func each() throws {
        for name in ["Repr-Digest", "Content-Digest", "CONTENT-DIGEST"] {
            let all = try fields("\(name): \(sha256Member), \(md5Member),crc32c=:\(coded(crc32c)):")
            #expect(all[.sha256] == sha256 && all[.md5] == md5 && all[.crc32c] == crc32c)
            #expect(!all.isEmpty)
            let one = try fields("\(name): \(sha256Member)")
            #expect(one[.sha256] == sha256 && one[.md5] == nil && one[.crc32c] == nil)
        }
        let old = try fields("Content-MD5: XUFAKrxLKna5cZ2REBfFkg==")
        #expect(old[.md5] == md5 && old[.sha256] == nil && !old.isEmpty)
    }

    @Test("the standard's own example is read") func published() throws {
        let body = Array("{\"hello\": \"world\"}\n".utf8)
        let fields = try fields(
            "Repr-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:")
        #expect(fields[.sha256] == SHA256.digest(of: body.rawSpan))
    }

    @Test("several fields are one expectation, and may say the same twice") func together() throws {
        let fields = try fields(
            "Content-MD5: \(coded(md5))", "Repr-Digest: \(md5Member)",
            "Content-Digest: \(sha256Member)", "Content-Digest: \(md5Member), \(sha256Member)")
        #expect(fields[.sha256] == sha256 && fields[.md5] == md5 && fields[.crc32c] == nil)
    }

    @Test("two digests of one algorithm are no expectation, wherever they stand")
    func contradictory() {
        let other = "md5=:\(coded([UInt8](repeating: 1, count: 16))):"
        #expect(throws: IntegrityFault.contradictory) {
            try fields("Repr-Digest: \(md5Member), \(other)")
        }
        #expect(throws: IntegrityFault.contradictory) {
            try fields("Repr-Digest: \(md5Member)", "Content-Digest: \(other)")
        }
        #expect(throws: IntegrityFault.contradictory) {
            try fields("Content-MD5: \(coded(md5))", "Repr-Digest: \(other)")
        }
        #expect(throws: IntegrityFault.contradictory) {
            try fields(
                "Content-MD5: \(coded(md5))", "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==")
        }
    }

    @Test(
        "algorithms that are not known are ignored, whatever their values are",
        arguments: [
            "sha-512=:AAAA:", "sha=:AAAA:", "unixsum=1", "a=-5", "a=1.25", "a", "a;b", "a;b=1;c",
            "a=token", "a=*t/o:k!n", "a=?0", "a=?1", "a=\"text, with \\\"quotes\\\" and \\\\\"",
            "a=@1659578233", "a=@-1", "a=%\"f%c3%bcr\"", "a=()", "a=(1 2)", "a=( 1  :AA==: );q=1",
            "a=(\"x\";y=?1 z);w", "*a=1", "a-b_c.d*=1", "a=::", "md=:AAAA:", "md55=:AAAA:",
            "sha-2566=1", "a;  b=\"c\"",
        ])
    func unknown(_ member: String) throws {
        #expect(try fields("Repr-Digest: \(member)").isEmpty)
        for text in ["\(member), \(md5Member)", "\(md5Member)\t ,\t\(member)"] {
            let found = try fields("Content-Digest: \(text)")
            #expect(found[.md5] == md5)
        }
    }

    @Test(
        "what cannot be read is no expectation",
        arguments: [
            // No dictionary.
            "", ",", "=", "a,", ",a", "a,,b", "a b", "a=", "a=,b", "A=1", "1=1", "-a=1", "a =1",
            "a= 1", "a=1 b", "a;", "a;B", "a;b=", "a;1", "a=:", "a=:A", "a=:AAA:", "a=:AAA=A:",
            "a=:A A=:", "a=:AB==:", "a=:AAAA", "a=\"", "a=\"\\a\"", "a=\"\u{E9}\"", "a=?", "a=?2",
            "a=@", "a=@1.5", "a=@a", "a=%", "a=%\"", "a=%\"%C3\"", "a=%\"%c\"", "a=-", "a=1.",
            "a=.5", "a=1.2345", "a=1234567890123456", "a=1234567890123.5", "a=+1", "a=(", "a=(1",
            "a=(1,2)", "a=(\"a\"\"b\")", "a=)", "a=#", "a=(1)(2)",
            // Of known algorithms.
            "sha-256", "sha-256=1", "sha-256=\(coded(sha256))", "sha-256=\"\(coded(sha256))\"",
            "sha-256=::", "sha-256=:\(coded(md5)):", "md5=:\(coded(sha256)):", "crc32c=:AAAA:",
            "crc32c=2591144780", "md5=(\(md5Member.dropFirst(4)))", "md5=:XUFAKrxLKna5cZ2REBfFkg:",
            "SHA-256=:\(coded(sha256)):",
        ])
    func malformed(_ text: String) {
        for name in ["Repr-Digest", "Content-Digest"] {
            #expect(throws: IntegrityFault.malformed) { try fields("\(name): \(text)") }
            #expect(throws: IntegrityFault.malformed) {
                try fields("\(name): \(md5Member)", "\(name): \(text)")
            }
        }
    }

    @Test(
        "an MD5 of the old form that cannot be read is no expectation",
        arguments: [
            "", "\(coded(md5).dropLast(2))", "\(coded(md5)) ,", "\(coded(sha256))",
            ":\(coded(md5)):",
            "5d41402abc4b2a76b9719d911017c592", "AA==",
        ])
    func malformedOld(_ text: String) {
        #expect(throws: IntegrityFault.malformed) { try fields("Content-MD5: \(text)") }
    }

    @Test("no bytes trap, and what is read has its algorithm's length") func fuzz() throws {
        var random = TestRandom.reported("no bytes of a digest trap")
        var (readCount, faultCount) = (0, 0)
        let pieces = [",", "=", ":", ";", "(", ")", "\"", "?1", "@", "%\"", "a=1", md5Member]
        for _ in 0..<10_000 {
            let sample = random.pick([
                "\(md5Member), \(sha256Member)", "a=(1 \"b\");c, \(md5Member)",
            ])
            let value = random.mutated(sample, pieces).filter { $0 != 10 && $0 != 0 }
            let found = try withRequest(.put, [Array("Repr-Digest: ".utf8) + value]) { request in
                try? IntegrityFields(request)
            }
            guard let found else {
                faultCount += 1
                continue
            }
            readCount += 1
            for algorithm in IntegrityAlgorithm.allCases {
                #expect(found[algorithm].map { $0.count == algorithm.byteCount } ?? true)
            }
        }
        #expect(readCount > 500)
        #expect(faultCount > 500)
    }
}

@Suite("Integrity fields: what a client asks for") struct WantedDigestTests {
    @Test(
        "the known algorithm that is preferred most is chosen, the stronger of two",
        arguments: [
            ("sha-256=1", .sha256), ("md5=10", .md5), ("crc32c=5", .crc32c),
            ("sha-256=3, md5=10", .md5), ("md5=10, sha-256=3", .md5), ("md5=4, sha-256=4", .sha256),
            ("md5=4, crc32c=4", .md5), ("sha-256=0, crc32c=1", .crc32c),
            ("sha-512=10, crc32c=1", .crc32c), ("sha-256=10;x=y, a=(1 2)", .sha256),
            // The last one of a name counts.
            ("md5=9, sha-256=5, md5=1", .sha256), ("md5=9, md5=0", nil),
            ("sha-256=0", nil), ("sha-512=10", nil), ("a", nil),
            // A wish that cannot be read is none.
            ("", nil), ("sha-256", nil), ("sha-256=11", nil), ("sha-256=-1", nil),
            ("sha-256=1.5", nil), ("sha-256=:AAAA:", nil), ("sha-256=x", nil), ("md5=1,", nil),
            ("sha-256=1, md5=11", nil), ("sha-256 = 1", nil), ("SHA-256=1", nil),
        ] as [(String, IntegrityAlgorithm?)])
    func chosen(_ text: String, _ expected: IntegrityAlgorithm?) throws {
        #expect(try wanted("Want-Repr-Digest: \(text)") == expected)
    }

    @Test("several lines are one wish, and no line is none") func lines() throws {
        #expect(try wanted("Want-Repr-Digest: md5=2", "Want-Repr-Digest: crc32c=3") == .crc32c)
        #expect(try wanted("Accept: md5=2", "Repr-Digest: md5=2") == nil)
    }

    @Test("an answer's digest is read as what it was") func written() throws {
        for (algorithm, digest) in [
            (IntegrityAlgorithm.sha256, sha256), (.md5, md5), (.crc32c, crc32c),
        ] {
            var queue = ByteQueue(byteCount: 8)
            algorithm.append(digest.rawSpan, to: &queue)
            #expect(text(queue) == "\(algorithm.name)=:\(coded(digest)):")
            #expect(try fields("Repr-Digest: \(text(queue))")[algorithm] == digest)
        }
    }
}
