// Token files, line by line; and which token a request bears.

import CairnCrypto
import CairnHTTP
import CairnServer
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

private func digest(_ token: String) -> [UInt8] { SHA256.digest(of: Array(token.utf8).rawSpan) }

private func hex(_ token: String) -> String {
    digest(token).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

private func tokens(_ text: String) throws(TokenFileError) -> [AccessToken] {
    try TokenFile.tokens(of: Array(text.utf8))
}

private func failure(_ bytes: [UInt8]) -> String? {
    do throws(TokenFileError) {
        _ = try TokenFile.tokens(of: bytes)
        return nil
    } catch {
        return error.description
    }
}

@Suite("Token files")
struct TokenFileTests {
    @Test("a line is name, digest, permissions and perhaps a prefix")
    func lines() throws {
        let text = """
            # a comment
            web \(hex("a")) read,list

              \t upload\t\(hex("b").uppercased())   write,delete,read  photos/\\x20\\xff \r
             # another
            admin.1-x_Y \(hex("c")) admin
            """
        let tokens = try tokens(text)
        try #require(tokens.count == 3)
        #expect(tokens[0] == AccessToken(name: "web", digest: digest("a"), [.read, .list]))
        let prefix = Array("photos/ ".utf8) + [0xFF]
        #expect(
            tokens[1]
                == AccessToken(
                    name: "upload", digest: digest("b"), [.read, .write, .delete], prefix: prefix))
        #expect(tokens[2].permissions == .admin && tokens[2].prefix == [])
    }

    @Test("an empty file is one without tokens")
    func empty() throws {
        #expect(try tokens("") == [] && tokens("\n# \n\n") == [])
    }

    @Test("what a token's line says is read back as the same token")
    func roundTrip() throws {
        var random = TestRandom.reported("what a token's line says is read back as the same token")
        for _ in 0..<300 {
            let permissions = Permissions(rawValue: UInt8(1 + random.below(15)))
            let token = AccessToken(
                name: "t", digest: random.bytes(32), permissions,
                prefix: random.bytes(random.below(20)))
            #expect(try tokens(token.line) == [token])
        }
    }

    @Test(
        "a wrong line is told with its number",
        arguments: [
            ("web D", "line 1: has 2 words, not NAME DIGEST PERMISSIONS [PREFIX]"),
            ("web", "line 1: has 1 word, not NAME DIGEST PERMISSIONS [PREFIX]"),
            ("\nweb D read p q", "line 2: has 5 words, not NAME DIGEST PERMISSIONS [PREFIX]"),
            (
                "w\"eb D read",
                "line 1: \"w\"eb\" is no name: 1 to 64 letters, digits, dots, hyphens and underscores"
            ),
            (
                "web secret read",
                "line 1: the second word is no SHA-256 in 64 hexadecimal digits"
            ),
            (
                "web D read,reed",
                "line 1: \"read,reed\" is no list of read, write, delete, list, admin, each once, "
                    + "with commas between"
            ),
            (
                "web D read,read",
                "line 1: \"read,read\" is no list of read, write, delete, list, admin, each once, "
                    + "with commas between"
            ),
            (
                "web D read,",
                "line 1: \"read,\" is no list of read, write, delete, list, admin, each once, "
                    + "with commas between"
            ),
            ("a D read\nb E read\na F read", "line 3: \"a\" is the name of line 1, too"),
            ("a D read\n\nb D read", "line 3: the digest is that of line 1, too"),
            ("a D read,admin p", "line 1: admin is for the whole store, and has no prefix"),
            ("a D read \\q", "line 1: \"\\x5cq\" is no escaped prefix of at most 1024 bytes"),
        ])
    func wrong(text: String, message: String) {
        let text = text.replacing("D", with: hex("d")).replacing(" E ", with: " \(hex("e")) ")
            .replacing(" F ", with: " \(hex("f")) ")
        #expect(
            failure(Array(text.utf8)) == message.replacing(hex("d"), with: "D"))
    }

    @Test("an error never shows what may be a token")
    func noSecrets() {
        let secret = "cairn_0123456789abcdef"
        for line in ["web \(secret) read", "web \(secret)", "web \(hex("d")) \(secret) x y"] {
            #expect(failure(Array(line.utf8))?.contains(secret) == false)
        }
    }

    @Test("bytes that are not UTF-8, and too many tokens, are errors")
    func bounds() {
        #expect(failure([0x0a, 0xFF]) == "line 2: is not UTF-8")
        let many = (0...TokenFile.tokenCountMaximum).map { "t\($0) \(hex("\($0)")) read\n" }
        #expect(failure(Array(many.joined().utf8))?.hasPrefix("line 1001: ") == true)
        #expect(failure(Array(many.dropLast().joined().utf8)) == nil)
    }

    @Test("no bytes trap")
    func anyBytes() {
        var random = TestRandom.reported("no bytes trap")
        let pieces = ["a", " ", "\n", "#", "read", ",", "\\", "\\x4", hex("d")].map {
            Array($0.utf8)
        }
        for _ in 0..<5000 {
            var bytes: [UInt8] = []
            for _ in 0..<random.below(16) {
                bytes +=
                    random.chance(1, in: 6) ? random.bytes(1) : pieces[random.below(pieces.count)]
            }
            _ = failure(bytes)
        }
    }
}

@Suite("Access")
struct AccessTests {
    private let list = AccessList([
        AccessToken(name: "web", digest: digest("web-token"), .read),
        AccessToken(
            name: "up", digest: digest("up-token"), [.write, .list], prefix: [0x61, 0x2f]),
    ])

    /// What a request with these fields is answered.
    private func answer(_ list: AccessList, _ fields: String...) throws -> AccessAnswer {
        let lines = ["GET /a HTTP/1.1", "Host: a"] + fields
        let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        let head = try HeadParser.parse(bytes.rawSpan)
        return list.answer(to: Request(head, in: bytes.rawSpan))
    }

    private func name(_ answer: AccessAnswer) -> String? {
        guard case .token(let token) = answer else { return nil }
        return token.name
    }

    @Test(
        "a token is found in any place of the list, and whatever the case of the scheme",
        arguments: ["Bearer", "bearer", "BEARER"])
    func found(scheme: String) throws {
        #expect(name(try answer(list, "Authorization: \(scheme) web-token")) == "web")
        #expect(name(try answer(list, "authorization: \(scheme)   up-token")) == "up")
    }

    @Test("the last of a thousand is found, and its neighbours are not taken for it")
    func many() throws {
        let many = AccessList(
            (0..<1000).map { AccessToken(name: "t\($0)", digest: digest("secret-\($0)"), .read) })
        for place in [0, 1, 499, 998, 999] {
            #expect(name(try answer(many, "Authorization: Bearer secret-\(place)")) == "t\(place)")
        }
        #expect(try answer(many, "Authorization: Bearer secret-1000") == .unknown)
    }

    @Test(
        "a token that nobody has is unknown",
        arguments: ["x", "web-toke", "web-tokenx", "Web-token", "web-token=", "a.b-c_d~e+f/g=="])
    func unknown(token: String) throws {
        let answer = try answer(list, "Authorization: Bearer \(token)")
        #expect(answer == .unknown && answer.challenge != nil)
        let nothing: [UInt8] = []
        #expect(!answer.allows(.read) && !answer.allows(.read, key: nothing.rawSpan))
    }

    @Test(
        "what is no token is missing",
        arguments: [
            "", "Bearer", "Basic d2ViLXRva2Vu", "Bearer web-token more", "Bearerweb-token",
            "Bearer ,web-token", "Bearer \"web-token\"", "Bearer web\u{e9}", "Bearer =",
            "Bearer web=token", "web-token",
        ])
    func missing(value: String) throws {
        #expect(try answer(list, "Authorization: \(value)") == .missing)
    }

    @Test("without the field, or with two, there is no token")
    func count() throws {
        #expect(try answer(list) == .missing)
        let twice = try answer(
            list, "Authorization: Bearer web-token", "Authorization: Bearer web-token")
        #expect(twice == .missing)
    }

    @Test("an open list asks nobody, an empty one lets nobody in")
    func openAndEmpty() throws {
        #expect(try answer(.open) == .open && answer(.open).challenge == nil)
        let key: [UInt8] = [1]
        #expect(try answer(.open).allows(.admin) && answer(.open).allows(.read, key: key.rawSpan))
        #expect(try answer(AccessList([]), "Authorization: Bearer web-token") == .unknown)
        #expect(try answer(AccessList([])) == .missing)
    }

    @Test("a token allows what its line says, for keys that begin so, and nothing else")
    func scopes() throws {
        let up = try answer(list, "Authorization: Bearer up-token")
        for (key, isInside) in [
            ("a/", true), ("a/b", true), ("a", false), ("b/a/", false), ("", false),
        ] {
            let bytes = Array(key.utf8)
            #expect(up.allows(.write, key: bytes.rawSpan) == isInside, "\(key)")
            #expect(up.allows(.list, key: bytes.rawSpan) == isInside, "\(key)")
            #expect(
                !up.allows(.read, key: bytes.rawSpan) && !up.allows(.delete, key: bytes.rawSpan))
        }
        #expect(!up.allows(.admin) && !up.allows(.list) && !up.allows(.write))
        let web = try answer(list, "Authorization: Bearer web-token")
        let nothing: [UInt8] = []
        #expect(
            web.allows(.read, key: nothing.rawSpan) && !web.allows(.write, key: nothing.rawSpan))
        #expect(!web.allows([.read, .write]))
    }

    @Test("a new token is found by the line that is printed of it, and no two are the same")
    func newToken() throws {
        let made = (0..<100).map { _ in BearerToken.make() }
        #expect(Set(made).count == 100)
        #expect(made.allSatisfy { $0.count == 70 && $0.hasPrefix("cairn_") })
        let line = AccessToken(name: "n", digest: digest(made[0]), .read).line
        let list = AccessList(try tokens(line))
        #expect(name(try answer(list, "Authorization: Bearer \(made[0])")) == "n")
        #expect(try answer(list, "Authorization: Bearer \(made[1])") == .unknown)
    }

    @Test("a file that is read again takes the old one's place, unless it has a mistake")
    func reload() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/tokens"
        func write(_ text: String) throws {
            let bytes = Array(text.utf8)
            try ByteStream.writing(path).write(bytes.rawSpan)
            try #require(unsafe chmod(path, 0o600) == 0)
        }
        try write("old \(hex("old")) read\n")
        let keeper = try AccessKeeper(path: path)
        func name(_ token: String) -> String? {
            let bytes = Array(token.utf8)
            return keeper.list.token(bytes.rawSpan)?.name
        }
        #expect(name("old") == "old" && name("new") == nil)
        try write("new \(hex("new")) read\n")
        #expect(name("new") == nil)
        try keeper.reload()
        #expect(name("old") == nil && name("new") == "new")
        try write("new\n")
        #expect(throws: ConfigurationError.self) { try keeper.reload() }
        #expect(name("new") == "new")
        let open = try AccessKeeper(path: nil)
        try open.reload()
        #expect(open.list.tokenCount == nil)
    }

    @Test("a file is read whole, with its path and line in the error, and only if it is a secret")
    func file() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/tokens"
        func write(_ text: String, mode: mode_t = 0o600) throws {
            let bytes = Array(text.utf8)
            try ByteStream.writing(path).write(bytes.rawSpan)
            try #require(unsafe chmod(path, mode) == 0)
        }
        func failure() -> String? {
            do throws(ConfigurationError) {
                _ = try AccessList.reading(path)
                return nil
            } catch {
                return error.description
            }
        }
        #expect(failure()?.contains("No such file") == true)
        try write("web \(hex("t")) read\n")
        #expect(try AccessList.reading(path).tokenCount == 1)
        try write("\nweb\n")
        #expect(failure()?.hasPrefix("--token-file: \(path), line 2: has 1 word") == true)
        try write("web \(hex("t")) read\n", mode: 0o644)
        #expect(failure()?.contains("0644") == true)
    }
}
