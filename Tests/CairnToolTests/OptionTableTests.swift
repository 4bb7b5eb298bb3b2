// The option table: help, errors, manual page and completions all say the same.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Tool: the command line")
struct OptionTableTests {
    private let tool: ToolProcess

    init() throws { tool = try ToolProcess() }

    /// The commands, as the help lists them.
    private func commands() throws -> [String] {
        let lines = try tool.run("--help").text.split(
            separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(of: "commands:"))
        return lines[(start + 1)...].prefix { !$0.isEmpty }
            .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
    }

    @Test("every command explains itself, with examples that name it, and ends with 0")
    func help() throws {
        let names = try commands()
        #expect(names.contains("put") && names.count >= 6)
        for name in names {
            let result = try tool.run(name, "--help")
            expect(result, code: 0)
            #expect(result.text.contains("usage: cairn \(name) "))
            #expect(result.text.contains("\nexamples:\n"))
            #expect(result.text.split(separator: "\n").contains { $0.contains("cairn \(name)") })
            #expect(result.lines.allSatisfy { $0.count <= 110 }, "\(name)")
            #expect(try tool.run("help", name).text == result.text)
        }
    }

    @Test(
        "a wrong word is refused with 16, and the nearest right one is named",
        arguments: [
            (["gte"], "did you mean get?"), (["statts", "x"], "did you mean stat"),
            (["put", "--creat", "s", "k"], "did you mean --create?"),
            (["get", "--hexx", "s", "k"], "did you mean --hex?"),
            (["get", "--segments", "s", "k"], "cairn stats has"),
            (["--versoin"], "did you mean --version?"), (["zzzzzz"], "cairn --help"),
            (["get", "s"], "KEY is missing"), (["stat", "s", "k", "more"], "\"more\" is too much"),
            (["put", "--metadata"], "the value is missing"),
            (["get", "--hex=1", "s", "k"], "takes no value"),
            (["get", "--hex", "--hex", "s", "k"], "twice"), ([], "a command is missing"),
            (["get", "--hex", "s", "0g"], "hexadecimal"),
            (["get", "--escaped", "s", "\\q"], "escaped"), (["help", "ptu"], "did you mean put?"),
        ] as [([String], String)])
    func wrongWords(words: [String], advice: String) throws {
        let result = try tool.shell("$CAIRN \(words.map { "'\($0)'" }.joined(separator: " "))")
        expect(result, code: 16, saying: advice)
        #expect(result.text == "")
    }

    @Test("the checked-in manual page is the one that the table makes")
    func manualPage() throws {
        let made = try tool.run("help", "--man")
        expect(made, code: 0)
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let path = root.dropLast(3).joined(separator: "/") + "/tools/cairn/cairn.1"
        if unsafe getenv("CAIRN_UPDATE_GOLDEN") != nil {
            let stream = try ByteStream.writing(path)
            try stream.write(made.output.rawSpan)
        }
        let stream = try ByteStream.reading(path)
        var page = [UInt8](repeating: 0, count: Int(stream.byteCount ?? 0))
        _ = try page.withMutableRawSpan { try stream.read(into: &$0) }
        let isFresh = page == made.output
        #expect(isFresh, "tools/cairn/cairn.1 is stale: cairn help --man > tools/cairn/cairn.1")
        #expect(made.lines.allSatisfy { !$0.hasPrefix("'") })
    }

    @Test("the help and the manual page name every code that a command may end with")
    func exitCodes() throws {
        let help = try tool.run("--help").text
        let codes = try commands().flatMap { name in
            try tool.run(name, "--help").text.split(separator: "\nexit codes:\n")[1]
                .split(separator: "\n\n")[0].split(separator: "\n").compactMap { line in
                    line.hasPrefix("   ") ? nil : line.split(separator: " ").first
                }
        }
        #expect(Set(codes) == ["0", "1", "4", "8", "16"])
        let page = try tool.run("help", "--man").text.split(separator: ".SH EXIT STATUS")[1]
        for code in Set(codes) {
            #expect(
                help.split(separator: "\nexit codes:\n")[1].contains("\n  \(code) ") || code == "0")
            #expect(page.contains("\n.B \(code)\n"))
        }
    }

    @Test("completions are scripts that name every command and option")
    func completions() throws {
        for shell in ["bash", "zsh", "fish"] {
            let script = try tool.run("help", "--completions", shell)
            expect(script, code: 0)
            for name in try commands() { #expect(script.text.contains(name), "\(shell) \(name)") }
            #expect(script.text.contains("if-absent"))
        }
        expect(try tool.run("help", "--completions", "csh"), code: 16, saying: "bash, zsh, fish")
    }

    @Test("the version is told")
    func version() throws {
        #expect(try tool.run("--version").text.hasPrefix("cairn "))
    }
}
