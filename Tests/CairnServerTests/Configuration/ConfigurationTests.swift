// Options: which source counts, what each may say, and what is printed of them.

import Cairn
import CairnHTTP
import CairnServer
import CairnSystem
import CairnText
import Testing

/// What is in force for these words, variables and files.
func effective(
    _ words: [String] = [], _ environment: [String: String] = [:], files: [String: String] = [:]
) throws(ConfigurationError) -> EffectiveConfiguration {
    try EffectiveConfiguration(
        words: words.map { Word($0) },
        environment: environment.map { (Array($0.key.utf8), Array($0.value.utf8)) },
        readFile: { (path) throws(FileError) in
            guard let text = files[path] else { throw FileError(.open, path: path, code: 2) }
            return Array(text.utf8)
        })
}

private func failure(
    _ words: [String] = [], _ environment: [String: String] = [:], file: String? = nil
) -> String? {
    do throws(ConfigurationError) {
        let words = file == nil ? words : words + ["--config", "c"]
        _ = try effective(words, environment, files: file.map { ["c": $0] } ?? [:])
        return nil
    } catch {
        return error.description
    }
}

@Suite("Server options")
struct ConfigurationTests {
    @Test(
        "the command line is stronger than the environment, that than the file, that than the default"
    )
    func strength() throws {
        let files = ["f": "max-fields = 3\nlog-level = error\nlisten = 127.0.0.1:3\nloops=3\n"]
        let result = try effective(
            ["--config=f", "--max-fields", "1"],
            ["CAIRN_MAX_FIELDS": "2", "CAIRN_LOG_LEVEL": "warning", "CAIRN_DIALECTS": ""],
            files: files)
        let configuration = result.configuration
        #expect(configuration.limits.request.fieldCountMaximum == 1)
        #expect(configuration.logLevel == .warning)
        #expect(configuration.address.port == 3 && configuration.loopCount == 3)
        #expect(configuration.servesDialects)
        func origin(_ name: String) -> SettingOrigin? {
            result.entries.first { $0.setting.name == name }?.origin
        }
        #expect(origin("max-fields") == .commandLine(flag: "--max-fields"))
        #expect(origin("log-level") == .environment(variable: "CAIRN_LOG_LEVEL"))
        #expect(origin("listen") == .file(path: "f", line: 3))
        #expect(origin("dialects") == .standard && result.warnings == [])
    }

    @Test("the file may be named in the environment, and the command line names another")
    func whichFile() throws {
        let files = ["a": "loops = 1", "b": "loops = 2"]
        #expect(try effective([], ["CAIRN_CONFIG": "a"], files: files).configuration.loopCount == 1)
        let both = try effective(["--config", "b"], ["CAIRN_CONFIG": "a"], files: files)
        #expect(both.configuration.loopCount == 2)
        #expect(failure(["--config", "none"])?.contains("open none") == true)
    }

    @Test("nothing said is what the server, its loops and the store have by themselves")
    func standards() throws {
        let configuration = try effective().configuration
        let own = ServerConfiguration(address: configuration.address)
        #expect(configuration.address.description == "127.0.0.1:7777")
        #expect("\(configuration)" == "\(own)")
        #expect(configuration.directory == nil && configuration.tokenPath == nil)
        #expect(configuration.loopCount == nil && configuration.loopCountOnThisMachine >= 1)
    }

    @Test("short flags stand for long ones")
    func shortFlags() throws {
        let configuration = try effective(["-D", "-s", "[::1]:80"]).configuration
        #expect(configuration.logLevel == .debug && configuration.address.port == 80)
        #expect(try effective(["-h"]).actions == ["help"])
        #expect(
            try effective(["--print-config", "--version"]).actions == ["print-config", "version"])
    }

    @Test(
        "each value reaches what it is for",
        arguments: SettingTable.rows.filter { $0.scope == .everywhere }.map(\.name))
    func effect(name: String) throws {
        let samples = [
            "dir": "d", "listen": "127.0.0.1:1", "loops": "7", "disk-threads": "7",
            "drain-time": "7s", "dialects": "off", "durability": "os",
            "durability-interval": "7ms", "segment-bytes": "1MiB", "space-amplification": "2.5",
            "compact": "off", "compaction-bytes-per-second": "7", "compress": "off",
            "map-segments": "off", "token-file": "t", "insecure-no-auth": "on",
            "tls-certificate": "c", "tls-key": "k", "max-blob-bytes": "7",
            "max-head-bytes": "777", "max-target-bytes": "777", "max-form-bytes": "7KiB",
            "max-collected-bytes-of-all": "7KiB", "log-level": "error", "log-format": "json",
            "log-requests": "on", "max-upload-memory": "7MiB",
        ]
        let row = try #require(SettingTable.row(named: name))
        let value =
            samples[name]
            ?? (row.valueName == "TIME" ? "7s" : row.valueName == "BYTES" ? "7B" : "7")
        let before = "\(try effective().configuration)"
        let after = "\(try effective([], [row.variable: value]).configuration)"
        #expect(after != before)
        let words = row.valueName == nil ? [row.flag] : ["\(row.flag)=\(value)"]
        #expect("\(try effective(words).configuration)" == after)
        let file = try effective(["--config", "f"], files: ["f": " \(name)\t= \(value) \r\n"])
        #expect("\(file.configuration)" == after)
    }

    @Test("what is printed is a file that means the same")
    func printed() throws {
        let words = [
            "--dir", "a # b = c", "--max-blob-bytes", "3000000", "-D", "--idle-time", "90s",
            "--segment-bytes", "64M", "--loops", "auto", "--insecure-no-auth",
        ]
        let result = try effective(words, ["CAIRN_LISTEN": "[::1]:0"])
        let again = try effective(["--config", "f"], files: ["f": result.text])
        #expect("\(again.configuration)" == "\(result.configuration)")
        #expect(again.configuration.directory == "a # b = c")
        #expect(result.text.contains("(CAIRN_LISTEN in the environment)\nlisten = [::1]:0\n"))
        #expect(result.text.contains("(the command line)\nmax-blob-bytes = 3000000B\n"))
        #expect(result.text.contains("segment-bytes = 64MiB\n"))
        #expect(result.text.contains("(default)\nmax-fields = 64\n"))
        #expect(result.text.contains("(not set)\n# token-file =\n"))
        #expect(again.text.contains("(f, line "))
        let second = try effective(["--config", "f"], files: ["f": again.text])
        #expect(second.text == again.text)
    }

    @Test(
        "a wrong word is one line that names it",
        arguments: [
            (["--lissten", "x"], "--lissten is unknown; did you mean --listen?"),
            (["--zzzzzz"], "--zzzzzz is unknown; cairnd --help lists the options"),
            (["-x"], "-x is unknown; cairnd --help lists the options"),
            (["store"], "\"store\" is no option, and there is nothing else"),
            (["--dir"], "--dir DIR: the value is missing"),
            (["-s"], "-s HOST:PORT: the value is missing"),
            (["--dir="], "--dir has an empty value"),
            (["--insecure-no-auth=on"], "--insecure-no-auth takes no value behind an equals sign"),
            (["-D=info"], "-D takes no value behind an equals sign"),
            (["-D", "--log-level", "info"], "--log-level is given twice"),
            (["--listen", "a:1", "-s", "b:1"], "--listen is given twice"),
            (
                ["--max-fields", "65"], "--max-fields takes a number from 1 to 64, not \"65\""
            ),
            (["--max-fields", "+1"], "--max-fields takes a number from 1 to 64, not \"+1\""),
            (
                ["--max-blob-bytes", "6TiB"],
                "--max-blob-bytes takes bytes from 1B to 5TiB, such as 64MiB, not \"6TiB\""
            ),
            (
                ["--idle-time", "60"],
                "--idle-time takes a time from 1ms to 1d, such as 10s or 500ms, not \"60\""
            ),
            (
                ["--durability-interval", "1500us"],
                "--durability-interval takes a time from 1ms to 1d, such as 10s or 500ms, not \"1500us\""
            ),
            (
                ["--log-level", "infp"],
                "--log-level takes error, warning, info, debug, not \"infp\"; did you mean info?"
            ),
            (["--compress", "yes"], "--compress takes on or off, not \"yes\""),
            (
                ["--space-amplification", "1"],
                "--space-amplification takes a ratio from 1.01 to 1000, not \"1\""
            ),
            (
                ["--space-amplification", "nan"],
                "--space-amplification takes a ratio from 1.01 to 1000, not \"nan\""
            ),
            (
                ["-s", "localhost"],
                "-s takes HOST:PORT: address \"localhost\" has no port; write HOST:PORT, [IPV6]:PORT or :PORT"
            ),
            (
                ["--dir", "a\nb"],
                "--dir has a control character, or a blank at an end: \"a\\x0ab\""
            ),
        ] as [([String], String)])
    func wrongWords(words: [String], message: String) {
        #expect(failure(words) == message)
    }

    @Test("a word that is not UTF-8 is refused, and shown escaped")
    func notUTF8() {
        #expect(throws: ConfigurationError.self) {
            try EffectiveConfiguration(
                words: [Word("--dir"), Word([0x61, 0xFF])], environment: [], readFile: { _ in [] })
        }
        #expect(throws: ConfigurationError.self) {
            try EffectiveConfiguration(
                words: [], environment: [(Array("CAIRN_DIR".utf8), [0xFF])], readFile: { _ in [] })
        }
    }

    @Test(
        "a wrong line of a file is told with its number",
        arguments: [
            ("\n# c\nlistn = a:1", "c, line 3: \"listn\" is no setting; did you mean \"listen\"?"),
            ("zzzzzzzz = 1", "c, line 1: \"zzzzzzzz\" is no setting"),
            ("loops = 1\n  # c\nloops = 1", "c, line 3: loops stands in line 1, too"),
            ("loops", "c, line 1: \"loops\" is no line of name = value"),
            ("loops =", "c, line 1: loops has an empty value"),
            ("config = d", "c, line 1: \"config\" cannot stand in a file"),
            ("help = on", "c, line 1: \"help\" cannot stand in a file"),
            ("loops = 0", "c, line 1: loops takes a number from 1 to 1024, or auto, not \"0\""),
            (
                "loops = 1 # one",
                "c, line 1: loops takes a number from 1 to 1024, or auto, not \"1 # one\""
            ),
            (
                "dir = a\u{7}b",
                "c, line 1: dir has a control character, or a blank at an end: \"a\\x07b\""
            ),
        ])
    func wrongFiles(text: String, message: String) {
        #expect(failure(file: text) == message)
    }

    @Test("a wrong value is told although a stronger source has another")
    func hiddenFaults() {
        #expect(
            failure(["--loops", "2"], ["CAIRN_LOOPS": "no"])
                == "CAIRN_LOOPS in the environment takes a number from 1 to 1024, or auto, not \"no\""
        )
        #expect(
            failure(["--loops", "2"], file: "loops = no")?.hasPrefix("c, line 1: loops ") == true)
    }

    @Test("whoever asks for help gets it, whatever else is wrong", arguments: ["-h", "--version"])
    func helpFirst(flag: String) throws {
        let result = try effective(
            [flag, "--loops", "no", "--config", "none"], ["CAIRN_LISTEN": "no"])
        #expect(result.actions.count == 1 && result.configuration.loopCount == nil)
    }

    @Test("a variable that is nearly one of ours is warned of, others are not")
    func warnings() throws {
        let result = try effective([], ["CAIRN_LISTN": "a:1", "CAIRN_ELSE": "1", "PATH": "p"])
        #expect(
            result.warnings
                == ["CAIRN_LISTN in the environment is unknown; did you mean CAIRN_LISTEN?"])
    }

    @Test("the help names every option and its default, in lines that fit")
    func help() {
        let help = SettingTable.helpLines
        for row in SettingTable.rows {
            #expect(help.contains { $0.contains(row.flag) }, "\(row.name)")
        }
        #expect(help.allSatisfy { $0.count <= 100 })
        #expect(help.joined().contains("[127.0.0.1:7777]") && help.joined().contains("-h, --help"))
        #expect(Set(SettingTable.rows.map(\.name)).count == SettingTable.rows.count)
        #expect(Set(SettingTable.rows.map(\.variable)).count == SettingTable.rows.count)
    }
}
