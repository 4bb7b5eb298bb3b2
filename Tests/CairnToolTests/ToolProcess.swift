// ToolProcess — runs the real binary `cairn`, which is built beside the tests, and collects all it says.
//
// Input and output are files of the test's own directory, so that no size can make a pipe wait.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

/// How a run of the tool ended.
struct ToolResult {
    let code: Int32
    /// The signal that ended it; nil as a rule.
    let signal: Int32?
    let output: [UInt8]
    let complaint: String

    var text: String { String(decoding: output, as: UTF8.self) }
    var lines: [Substring] { text.split(separator: "\n") }
}

/// A directory of one test's own, and the tool to be run in it.
final class ToolProcess: Sendable {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    var path: String { directory.path }

    func path(_ name: String) -> String { directory.path + "/" + name }

    /// Where the tool stands: beside the program that runs the tests.
    static let binary: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        let parent = own[..<(own.lastIndex(of: "/") ?? own.startIndex)]
        return parent + "/cairn"
    }()

    /// Runs the tool with these arguments and waits for its end.
    @discardableResult
    func run(_ arguments: String..., input: [UInt8] = []) throws -> ToolResult {
        try spawn([Self.binary] + arguments, input: input)
    }

    /// Runs a line of shell in which $CAIRN is the tool.
    func shell(_ line: String) throws -> ToolResult {
        let script = "CAIRN='\(Self.binary)'; cd '\(path)'; \(line)"
        return try spawn(["/bin/bash", "-c", script], input: [])
    }

    private func spawn(_ words: [String], input: [UInt8]) throws -> ToolResult {
        try write(input, to: ".input")
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        unsafe posix_spawn_file_actions_addopen(&actions, 0, path(".input"), O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, path(".output"), flags, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, path(".error"), flags, 0o600)
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var process = pid_t()
        let started = unsafe posix_spawn(
            &process, words[0], &actions, nil, &arguments, environ)
        try #require(started == 0, "\(words[0]) is there and can be started")
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7f
        return ToolResult(
            code: signal == 0 ? status >> 8 & 0xff : -1, signal: signal == 0 ? nil : signal,
            output: try read(".output"),
            complaint: String(decoding: try read(".error"), as: UTF8.self))
    }

    // MARK: Files

    func write(_ bytes: [UInt8], to name: String) throws {
        let stream = try ByteStream.writing(path(name))
        try stream.write(bytes.rawSpan)
    }

    func read(_ name: String) throws -> [UInt8] {
        let stream = try ByteStream.reading(path(name))
        var bytes = [UInt8](repeating: 0, count: Int(stream.byteCount ?? 0))
        let count = try bytes.withMutableRawSpan { try stream.read(into: &$0) }
        return Array(bytes.prefix(count))
    }

    /// Whether a name is in the directory.
    func has(_ name: String) -> Bool { unsafe access(path(name), F_OK) == 0 }
}

/// The run ended with this code, and said all of `words` on standard error.
func expect(
    _ result: ToolResult, code: Int32, saying words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(result.signal == nil, sourceLocation: sourceLocation)
    #expect(result.code == code, "\(result.complaint)", sourceLocation: sourceLocation)
    for word in words {
        #expect(
            result.complaint.contains(word), "\(result.complaint)", sourceLocation: sourceLocation)
    }
    if words.isEmpty && code == 0 {
        #expect(result.complaint == "", sourceLocation: sourceLocation)
    }
}
