// Starts that must not succeed: one line says why, and nothing was touched.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

extension DaemonProofs {
    @Suite("Daemon: bad starts") struct BadStarts {
        private static let run = "timeout -s KILL 60 $CAIRND --dir store"

        /// Runs the server in a directory where a store is, and expects that it does not serve.
        private func expect(
            _ options: String, code: Int32, saying words: String..., in tool: ToolProcess,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let look = "find . -not -name '.[eio]*' -printf '%p %y %s %m %C@\\n' | sort"
            let before = try tool.shell(look)
            let result = try tool.shell("\(Self.run) \(options)")
            #expect(result.code == code, "\(result)", sourceLocation: sourceLocation)
            #expect(result.text == "", sourceLocation: sourceLocation)
            let lines = result.complaint.split(separator: "\n")
            #expect(lines.count == 1, "\(result.complaint)", sourceLocation: sourceLocation)
            for word in ["cairnd: "] + words {
                #expect(
                    result.complaint.contains(word), "\(result.complaint)",
                    sourceLocation: sourceLocation)
            }
            #expect(try tool.shell(look).text == before.text, sourceLocation: sourceLocation)
        }

        /// A directory with a store of one blob.
        private func tool() throws -> ToolProcess {
            let tool = try ToolProcess("cairnd")
            #expect(try tool.shell("echo a | $CAIRN put --create store k").code == 0)
            return tool
        }

        @Test("a port that is taken is found before the store is opened, or made")
        func port() throws {
            let listener = try ListeningSocket(
                on: SocketAddress(parsing: "127.0.0.1:0"), backlog: 1)
            let options = "--listen \(listener.address)"
            let words = "Address already in use"
            try expect(options, code: 8, saying: words, "\(listener.address)", in: try tool())
            try expect(options, code: 8, saying: words, in: try ToolProcess("cairnd"))
        }

        @Test("a store that another process has open is left to it")
        func locked() throws {
            let tool = try tool()
            // A scrub would note in the directory where it is.
            let daemon = try DaemonProcess(in: tool, ["--scrub-bytes-per-second", "off"])
            #expect(try daemon.client().exchange("GET", "/store/k").text == "a\n")
            try expect("--listen 127.0.0.1:0", code: 8, saying: "store", in: tool)
            #expect(try daemon.client().exchange("GET", "/store/k").text == "a\n")
        }

        @Test("a token file that is not there, no file, open to others, or no token file is named")
        func tokens() throws {
            let tool = try tool()
            let line = try tool.shell(
                "$CAIRND token a read > t; mkdir d; echo x > bad; chmod 600 bad")
            #expect(line.code == 0)
            let options = "--listen 127.0.0.1:0 --token-file"
            try expect("\(options) none", code: 16, saying: "none", "No such file", in: tool)
            try expect("\(options) d", code: 16, saying: "Is a directory", in: tool)
            try expect("\(options) bad", code: 16, saying: "bad", "line 1", in: tool)
            for mode in ["644", "640", "604"] {
                #expect(try tool.shell("chmod \(mode) t").code == 0)
                try expect("\(options) t", code: 16, saying: "t is open to others", mode, in: tool)
            }
        }

        @Test(
            "a token file that may not be read is named",
            .enabled(if: geteuid() != 0, "root may read everything"))
        func unreadable() throws {
            let tool = try tool()
            #expect(try tool.shell("touch t; chmod 000 t").code == 0)
            try expect(
                "--listen 127.0.0.1:0 --token-file t", code: 16, saying: "Permission denied",
                in: tool)
        }

        @Test("an option that there is not, or that makes no sense, is named")
        func options() throws {
            let tool = try tool()
            try expect("--tokenfile t", code: 16, saying: "did you mean --token-file?", in: tool)
            try expect("--loops many", code: 16, saying: "--loops", "\"many\"", in: tool)
            try expect("--listen nowhere", code: 16, saying: "--listen", in: tool)
            try expect("--listen 0.0.0.0:0", code: 16, saying: "--token-file", in: tool)
        }

        @Test("a directory that is no store stays as it is, and so does a file")
        func noStore() throws {
            let other = try ToolProcess("cairnd")
            #expect(try other.shell("mkdir -m 700 store; echo mine > store/letter").code == 0)
            try expect("--listen 127.0.0.1:0", code: 8, saying: "store", in: other)
            let file = try ToolProcess("cairnd")
            #expect(try file.shell("echo mine > store").code == 0)
            try expect("--listen 127.0.0.1:0", code: 8, saying: "store", in: file)
        }

        @Test("a directory that others may write is refused")
        func openDirectory() throws {
            let tool = try tool()
            #expect(try tool.shell("chmod 777 store").code == 0)
            try expect("--listen 127.0.0.1:0", code: 16, saying: "others may write", in: tool)
        }
    }
}
