// What a server does not start with.

import CairnServer
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Server options: refusals")
struct RefusalTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func path(_ name: String) -> String { directory.path + "/" + name }

    private func file(_ name: String, mode: mode_t) throws -> String {
        _ = try ByteStream.writing(path(name))
        try #require(unsafe chmod(path(name), mode) == 0)
        return path(name)
    }

    /// Why a server with these words does not start; nil when it does.
    private func refusal(_ words: String..., directory: String? = nil) throws -> String? {
        let configuration = try effective(["--dir", directory ?? path("store")] + words)
            .configuration
        do throws(ConfigurationError) {
            try configuration.requireRunnable()
            return nil
        } catch {
            return error.description
        }
    }

    @Test("without a directory nothing is served")
    func noDirectory() throws {
        let configuration = try effective().configuration
        #expect(throws: ConfigurationError.self) { try configuration.requireRunnable() }
        #expect(try refusal() == nil)
    }

    @Test(
        "an address that others reach needs tokens, or the word that says that they are not wanted",
        arguments: ["0.0.0.0:0", "[::]:0", ":80", "192.0.2.1:80", "[2001:db8::1]:80"])
    func openAddress(address: String) throws {
        let tokens = try file("tokens", mode: 0o600)
        let message = try #require(try refusal("--listen", address))
        #expect(message.contains("--token-file") && message.contains("--insecure-no-auth"))
        #expect(try refusal("--listen", address, "--insecure-no-auth") == nil)
        #expect(try refusal("--listen", address, "--token-file", tokens) == nil)
    }

    @Test(
        "this machine's own addresses need none",
        arguments: ["127.0.0.1:0", "127.9.9.9:0", "[::1]:0"])
    func loopback(address: String) throws { #expect(try refusal("--listen", address) == nil) }

    @Test("tokens and no tokens contradict each other")
    func contradiction() throws {
        let tokens = try file("tokens", mode: 0o600)
        let message = try refusal("--token-file", tokens, "--insecure-no-auth")
        #expect(message?.contains("contradict") == true)
    }

    @Test(
        "a token file that others may read or change is refused",
        arguments: [0o640, 0o604, 0o620, 0o602, 0o601, 0o610, 0o777] as [mode_t])
    func openFile(mode: mode_t) throws {
        let message = try refusal("--token-file", try file("tokens", mode: mode))
        #expect(message?.contains("chmod 600") == true)
        #expect(message?.contains("0" + String(mode, radix: 8)) == true)
    }

    @Test("a token file of this user alone is taken", arguments: [0o600, 0o400] as [mode_t])
    func ownFile(mode: mode_t) throws {
        #expect(try refusal("--token-file", try file("tokens", mode: mode)) == nil)
    }

    @Test("a token file that is not there, or is a directory, is refused")
    func noFile() throws {
        #expect(try refusal("--token-file", path("none"))?.contains("No such file") == true)
        #expect(try refusal("--token-file", directory.path)?.contains("directory") == true)
    }

    @Test("a certificate needs its key, and the key is a secret")
    func certificate() throws {
        #expect(try refusal("--tls-certificate", "c")?.contains("go together") == true)
        #expect(try refusal("--tls-key", "k")?.contains("go together") == true)
        let open = try file("key", mode: 0o644)
        #expect(try refusal("--tls-certificate", "c", "--tls-key", open)?.contains("0644") == true)
    }

    @Test("a directory that others may write is refused, one that is not there is not")
    func openDirectory() throws {
        for mode: mode_t in [0o770, 0o707, 0o702] {
            try #require(unsafe chmod(directory.path, mode) == 0)
            #expect(try refusal(directory: directory.path)?.contains("chmod 700") == true)
        }
        try #require(unsafe chmod(directory.path, 0o755) == 0)
        #expect(try refusal(directory: directory.path) == nil)
    }
}
