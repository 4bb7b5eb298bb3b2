// Chains and keys in files: which are an identity, and what an operator is told of those that are none.

import CairnCrypto
import CairnSystem
import CairnTestSupport
import Testing

@Suite("TLS identity") struct TLSIdentityTests {
    private static let made = TestCertificate("one")
    private static let other = TestCertificate("two")

    /// What is wrong with these texts; nil when they are an identity.
    private func error(_ chain: String, _ key: String) throws -> TLSIdentityError? {
        let files = try TestIdentityFiles(chain: chain, key: key)
        do throws(TLSIdentityError) {
            _ = try TLSIdentity(certificatePath: files.certificatePath, keyPath: files.keyPath)
            return nil
        } catch {
            return error
        }
    }

    @Test("a certificate with its key is one, also with others behind it and words around it")
    func taken() throws {
        let (made, other) = (Self.made, Self.other)
        #expect(try error(made.certificate, made.key) == nil)
        #expect(try error(made.certificate + other.certificate, made.key) == nil)
        let leaf = TestCertificate("leaf", issuedBy: made)
        let texts = "a leaf\n" + leaf.certificate + "\nand its issuer\n" + made.certificate
        #expect(try error(texts, "a key\n" + leaf.key + "\n") == nil)
        // Both may stand in one file.
        #expect(try error(made.certificate + made.key, made.certificate + made.key) == nil)
    }

    @Test("a file that is missing, or a directory, is named with the system's words") func files()
        throws
    {
        let files = try TestIdentityFiles(Self.made)
        func description(_ certificatePath: String, _ keyPath: String) -> String {
            do throws(TLSIdentityError) {
                _ = try TLSIdentity(certificatePath: certificatePath, keyPath: keyPath)
                return ""
            } catch {
                return error.description
            }
        }
        let missing = files.keyPath + ".missing"
        for text in [
            description(missing, files.keyPath), description(files.certificatePath, missing),
        ] {
            #expect(text == "open \(missing): No such file or directory (errno 2)")
        }
        let directory = String(files.keyPath.dropLast(7))
        #expect(description(directory, files.keyPath).contains("Is a directory"))
        #expect(description("/dev/zero", files.keyPath).contains("is too long"))
    }

    @Test("a file without a certificate, or without a key, is named") func empty() throws {
        for text in ["", "nothing\n", Self.made.key] {
            let found = try error(text, Self.made.key)
            guard case .noCertificate(let path) = found else {
                Issue.record("\(String(describing: found))")
                continue
            }
            #expect(path.hasSuffix("/chain.pem"))
            #expect(found?.description == "\(path) holds no certificate in PEM")
        }
        for text in ["", "nothing\n", Self.made.certificate] {
            let found = try error(Self.made.certificate, text)
            guard case .noKey(let path) = found else {
                Issue.record("\(String(describing: found))")
                continue
            }
            #expect(found?.description == "\(path) holds no private key in PEM")
        }
    }

    @Test("the key of another certificate is named with both files") func foreignKey() throws {
        let found = try error(Self.made.certificate, Self.other.key)
        guard case .foreignKey = found else {
            Issue.record("the key is another's")
            return
        }
        #expect(found?.description.contains("key.pem is not that of the first") == true)
        // Nor is the key of one that stands behind the first.
        let chain = Self.made.certificate + Self.other.certificate
        guard case .foreignKey = try error(chain, Self.other.key) else {
            Issue.record("the first certificate is the server's")
            return
        }
    }

    @Test("an encrypted key is named as such, and nobody is asked for its passphrase")
    func encryptedKey() throws {
        let made = TestCertificate("secret", passphrase: "passphrase")
        #expect(made.key.contains("ENCRYPTED"))
        let found = try error(made.certificate, made.key)
        guard case .encryptedKey = found else {
            Issue.record("the key is encrypted")
            return
        }
        #expect(found?.description.contains("encrypted") == true)
    }

    @Test("a chain that is damaged behind its first certificate is refused, with a reason")
    func damagedChain() throws {
        var damaged = Array(Self.other.certificate.utf8)
        damaged[100] = UInt8(ascii: "!")
        let text = Self.made.certificate + String(decoding: damaged, as: UTF8.self)
        guard case .refused(_, let reason) = try error(text, Self.made.key) else {
            Issue.record("damage is refused")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("no bytes of either file trap") func fuzz() throws {
        var random = TestRandom.reported("no bytes of a chain or a key trap")
        var takenCount = 0
        for _ in 0..<200 {
            var chain = Array(Self.made.certificate.utf8)
            var key = Array(Self.made.key.utf8)
            if random.coin() { chain[random.below(chain.count)] = UInt8(random.below(128)) }
            if random.coin() { key[random.below(key.count)] = UInt8(random.below(128)) }
            if random.below(8) == 0 { key.removeLast(random.below(key.count)) }
            let found = try error(
                String(decoding: chain, as: UTF8.self), String(decoding: key, as: UTF8.self))
            if found == nil { takenCount += 1 }
        }
        #expect(takenCount > 10)
    }
}
