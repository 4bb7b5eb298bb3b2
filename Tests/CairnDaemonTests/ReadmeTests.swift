// The entrance: what README.md tells people to type first, typed.

import CairnSystem
import CairnTestSupport
import Testing

@Suite("README")
struct ReadmeTests {
    private static let address = "http://127.0.0.1:7777"
    private let tool: ToolProcess
    private let lines: [String]

    init() throws {
        tool = try ToolProcess("cairnd")
        let bytes = try ByteStream.reading(repository + "/README.md").readAll(atMost: 1 << 20)
        lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// The lines between the first fences, without those.
    private var opening: [String] {
        lines.dropFirst().prefix { $0.isEmpty || $0.hasPrefix("```") || !$0.hasPrefix("Cairn") }
            .filter { !$0.isEmpty && !$0.hasPrefix("```") }
    }

    private var requests: [String] { Array(opening.dropFirst(2)) }

    @Test("it opens with the two commands and five requests")
    func openingLines() {
        #expect(opening.count == 7)
        #expect(opening.first?.hasPrefix("tools/run ") == true)
        #expect(opening.dropFirst().first?.hasPrefix("tools/test ") == true)
        #expect(requests.allSatisfy { $0.hasPrefix("curl ") && $0.contains(Self.address) })
        #expect(requests.allSatisfy { $0.contains("   # ") })
    }

    @Test("its requests get the answers that stand beside them")
    func answers() throws {
        guard try tool.hasCommand("curl") else { return }
        let script = requests.enumerated().map { number, line in
            "(cd '\(repository)'\n\(line.replacing(Self.address, with: "$URL"))\n) >answer\(number)"
        }
        // Single quotes would keep the shell from seeing the address.
        let result = try tool.serving(
            script.joined(separator: "\n").replacing("'$URL", with: "\"$URL\"'"))
        #expect(result.code == 0, "\(result.complaint)")
        let answers = try requests.indices.map { try tool.read("answer\($0)") }
        try #require(answers.count == 5)
        for (line, answer) in zip(requests, answers) {
            let words = line.split(separator: "# ").last ?? ""
            guard let status = Int(words.prefix(3)) else { continue }
            let text = String(decoding: answer, as: UTF8.self)
            // The last one: a body may have been invited first.
            let heads = text.split(separator: "\r\n").filter { $0.hasPrefix("HTTP/1.1 ") }
            #expect(heads.last?.hasPrefix("HTTP/1.1 \(status) ") == true, "\(line)\n\(text)")
        }
        let file = Array(lines.joined(separator: "\n").utf8)
        #expect(answers[1] == file, "\(requests[1])")
        let list = String(decoding: answers[3], as: UTF8.self)
        for word in ["\"key\":\"docs/readme.md\"", "\"size\":\(file.count)", "\"etag\":\"\\\""] {
            #expect(list.contains(word), "\(list)")
        }
    }
}
