// The program `cairnd`, from outside: what it says, and with which status it ends.

import CairnCrypto
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

/// Answers everything with one status.
private final class Answering: RequestHandler {
    private let status: UInt16

    init(_ status: UInt16) { self.status = status }

    func open(_ request: borrowing Request, _ responder: inout Responder) -> Verdict {
        let isAsked = String(decoding: request.path.copyBytes(), as: UTF8.self) == "/readyz"
        responder.begin(isAsked ? status : 500)
        responder.end()
        return .answered
    }

    func refuse(_ refusal: Refusal, _ responder: inout Responder) {
        responder.begin(400)
        responder.end()
    }
}

@Suite("Daemon: commands")
struct DaemonCommandTests {
    private let tool: ToolProcess

    init() throws { tool = try ToolProcess("cairnd") }

    private func expect(
        _ result: ToolResult, code: Int32, saying words: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(result.code == code, "\(result.complaint)", sourceLocation: sourceLocation)
        for word in words {
            #expect(
                result.complaint.contains(word), "\(result.complaint)",
                sourceLocation: sourceLocation)
        }
    }

    @Test("the help names commands, options, statuses and examples, and the version is told")
    func help() throws {
        for flag in ["--help", "-h"] {
            let help = try tool.run(flag)
            expect(help, code: 0)
            for word in ["health", "token", "--listen", "exit codes:", "  16 ", "examples:"] {
                #expect(help.text.contains(word), "\(word)")
            }
            #expect(help.lines.allSatisfy { $0.count <= 100 })
        }
        #expect(try tool.run("--version").text == "cairnd 0.1, on-disk format 1\n")
    }

    @Test(
        "what it is told wrongly ends with 16 and one line",
        arguments: [
            (["--lissten", "x"], "did you mean --listen?"), (["--dir"], "the value is missing"),
            ([], "--dir DIR is missing"), (["--config", "none"], "open none: No such file"),
            (["--dir", "s", "--listen", "0.0.0.0:0"], "--insecure-no-auth"),
            (["--dir", "s", "--token-file", "none"], "open none: No such file"),
            (["health", "--url", "ftp://x:1"], "http://HOST:PORT"),
            (["health", "--url", "http://x"], "has no port"),
            (["health", "--listen", "127.0.0.1:0"], "port 0"),
            (["health", "--url"], "the value is missing"),
            (["token"], "usage: cairnd token"), (["token", "a"], "usage: cairnd token"),
            (["token", "a", "reed"], "\"reed\" is no list of"),
            (["token", "a b", "read"], "\"a b\" is no name"),
            (["token", "a", "admin", "p"], "has no prefix"),
        ] as [([String], String)])
    func wrongWords(words: [String], message: String) throws {
        let line = words.map { "'\($0)'" }.joined(separator: " ")
        let result = try tool.shell("$CAIRND \(line)")
        expect(result, code: 16, saying: message, "cairnd: ")
        #expect(result.text == "")
        #expect(!tool.has("s"))
    }

    @Test("what is in force is printed from all sources, and can be used as a file")
    func printConfig() throws {
        let first = try tool.shell(
            """
            printf 'max-fields = 7\\n' > conf
            CAIRN_LOG_LEVEL=error $CAIRND --config conf --dir s --print-config
            """)
        expect(first, code: 0)
        #expect(first.text.contains("(conf, line 1)\nmax-fields = 7\n"))
        #expect(first.text.contains("(CAIRN_LOG_LEVEL in the environment)\nlog-level = error\n"))
        try tool.write(first.output, to: "again")
        let second = try tool.run("--config", tool.path("again"), "--print-config")
        func settings(_ text: String) -> [Substring] {
            text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        }
        #expect(settings(second.text) == settings(first.text))
        expect(
            try tool.shell("CAIRN_LISTN=x $CAIRND --dir s --print-config"), code: 0,
            saying: "did you mean CAIRN_LISTEN?")
        let refused = try tool.run("--dir", "s", "--listen", ":1", "--print-config")
        expect(refused, code: 16, saying: "--token-file")
        #expect(refused.text.contains("listen = :1\n"))
    }

    @Test("the token that is made is let in by the file that it was printed for")
    func token() throws {
        let made = try tool.shell("$CAIRND token web read,list $'photos/\\xff ' > t; cat t")
        expect(made, code: 0, saying: "cairn_")
        #expect(
            made.text.hasPrefix("web ") && made.text.hasSuffix(" read,list photos/\\xff\\x20\n"))
        let digest = try tool.shell(
            "$CAIRND token x read 2>e >t; printf %s $(grep -o 'cairn_.*' e) | sha256sum; cat t")
        let words = digest.text.split { $0 == " " || $0 == "\n" }
        try #require(words.count >= 4)
        #expect(words[0] == words[3] && words[0].count == 64)
        let used = try tool.shell(
            "chmod 600 t; $CAIRND --dir s --listen :1 --token-file t --print-config")
        expect(used, code: 0)
    }

    @Test(
        "a server is healthy when it answers 200, and not otherwise",
        arguments: [(200, 0), (503, 1), (404, 1), (204, 1)] as [(UInt16, Int32)])
    func health(status: UInt16, code: Int32) throws {
        let server = try HTTPServer(
            on: SocketAddress(parsing: "127.0.0.1:0"), loopCount: 1, Answering(status))
        let result = try tool.run("health", "--url", "http://\(server.address)")
        let other = try tool.run("health", "--listen", "\(server.address)")
        server.stop(within: .zero)
        expect(result, code: code)
        #expect(other.code == code)
        if code == 0 { #expect(result.text == "\(server.address) serves\n") }
        if code != 0 { #expect(result.complaint.contains("answers \(status)")) }
    }

    @Test("a server that speaks TLS is asked over TLS, whoever vouches for it, and not otherwise")
    func secureHealth() throws {
        let files = try TestIdentityFiles(TestCertificate("anybody"))
        let identity = try TLSIdentity(
            certificatePath: files.certificatePath, keyPath: files.keyPath)
        let server = try HTTPServer(
            on: SocketAddress(parsing: "127.0.0.1:0"), loopCount: 1, tls: identity,
            Answering(200))
        let direct = try tool.run("health", "--url", "https://\(server.address)")
        let configured = try tool.run(
            "health", "--listen", "\(server.address)", "--tls-certificate", files.certificatePath,
            "--tls-key", files.keyPath)
        let plain = try tool.run("health", "--url", "http://\(server.address)")
        server.stop(within: .zero)
        expect(direct, code: 0)
        expect(configured, code: 0)
        expect(plain, code: 1)
    }

    @Test("a port where nobody listens is unhealthy")
    func nobody() throws {
        let port = try {
            let listener = try ListeningSocket(
                on: SocketAddress(parsing: "127.0.0.1:0"), backlog: 1)
            return listener.address.port
        }()
        expect(
            try tool.run("health", "--url", "http://127.0.0.1:\(port)"), code: 1,
            saying: "Connection refused")
    }
}
