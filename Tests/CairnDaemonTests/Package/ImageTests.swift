// The Dockerfile: what its builder would refuse, and what one should not do in an image. tools/try-image runs it.

import CairnSystem
import CairnTestSupport
import CairnText
import Testing

@Suite("Image")
struct ImageTests {
    /// A word that begins a line, and what follows it.
    private struct Instruction {
        let name: String
        let text: String
    }

    private static let known: Set = [
        "FROM", "RUN", "COPY", "ARG", "ENV", "WORKDIR", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK",
        "ENTRYPOINT", "CMD", "LABEL", "STOPSIGNAL", "SHELL", "ADD",
    ]

    private let stages: [[Instruction]]

    init() throws {
        let path = repository + "/tools/image/Dockerfile"
        let bytes = try ByteStream.reading(path).readAll(atMost: 1 << 16)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            .filter { !$0.hasPrefix("#") }
        let joined = lines.joined(separator: "\n").replacing("\\\n", with: " ")
        var stages: [[Instruction]] = []
        for line in joined.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            if words[0] == "FROM" { stages.append([]) }
            try #require(!stages.isEmpty && words.count == 2, "\(line)")
            stages[stages.count - 1].append(Instruction(name: words[0], text: words[1]))
        }
        self.stages = stages
    }

    private func texts(_ name: String, in stage: [Instruction]) -> [String] {
        stage.filter { $0.name == name }.map(\.text)
    }

    @Test("each step is one that builders know, from a named version, of files that are there")
    func steps() throws {
        let all = stages.flatMap { $0 }
        #expect(all.filter { !Self.known.contains($0.name) }.map(\.name) == [])
        var names: Set<String> = []
        for stage in stages {
            let words = stage[0].text.split(separator: " ").map(String.init)
            #expect(words[0].contains(":") && !words[0].hasSuffix(":latest"))
            for origin in stage.flatMap({ $0.text.matches(of: #/from=(\w+)/#).map { String($0.1) } }
            ) {
                #expect(names.contains(origin), "\(origin)")
            }
            if words.count == 3 { names.insert(words[2]) }
            for copy in texts("COPY", in: stage) {
                for source in copy.split(separator: " ").dropLast() {
                    let there = try ToolProcess("cairnd").shell("ls '\(repository)/\(source)'")
                    #expect(there.code == 0, "\(source)")
                }
            }
        }
    }

    @Test("its shell is shell, and leaves no lists of packages in a layer that is kept")
    func shell() throws {
        let tool = try ToolProcess("cairnd")
        for step in stages.flatMap({ texts("RUN", in: $0) }) {
            let command = step.split(separator: " ").drop { $0.hasPrefix("--") }
            try tool.write(Array(command.joined(separator: " ").utf8), to: "step")
            let result = try tool.shell("bash -n step")
            #expect(result.code == 0, "\(result.complaint)")
        }
        for step in texts("RUN", in: try #require(stages.last)) where step.contains("apt-get") {
            #expect(step.contains("apt-get update") && step.contains("--no-install-recommends"))
            #expect(step.contains("rm -rf /var/lib/apt/lists/*"))
        }
    }

    @Test("it serves as nobody special, tells its health, and is told by settings that there are")
    func service() throws {
        let last = try #require(stages.last)
        let users = texts("USER", in: last)
        #expect(users.last == "cairn")
        let health = try #require(texts("HEALTHCHECK", in: last).first)
        #expect(health.hasSuffix("CMD [\"cairnd\", \"health\"]"))
        #expect(texts("ENTRYPOINT", in: last) == ["[\"cairnd\"]"])
        let settings = try ToolProcess("cairnd").run("--help").text
        for variable in texts("ENV", in: last).joined(separator: " ").matches(of: #/CAIRN_(\w+)=/#)
        {
            let name = variable.1.lowercased().replacing("_", with: "-")
            #expect(settings.contains("--\(name) "), "\(name)")
        }
    }
}
