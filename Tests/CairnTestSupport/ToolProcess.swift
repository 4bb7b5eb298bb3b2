// ToolProcess — runs a real binary, which is built beside the tests, and collects all it says.
//
// Input and output are files of the test's own directory, so that no size can make a pipe wait. One run at a
// time in a directory.
// Why this is sound: pointers are of arrays and of copies of texts, lent for one call.

internal import CairnSystem
internal import Glibc

/// How a run of the tool ended.
package struct ToolResult: Sendable {
    /// With what it ended by itself; -1 when it did not.
    package let code: Int32
    /// The signal that ended it; nil as a rule.
    package let signal: Int32?
    /// What it said on standard output.
    package let output: [UInt8]
    /// What it said on standard error.
    package let complaint: String

    /// The output as text.
    package var text: String { String(decoding: output, as: UTF8.self) }
    /// Its lines.
    package var lines: [Substring] { text.split(separator: "\n") }
}

/// A directory of one test's own, and the tool to be run in it.
package final class ToolProcess: Sendable {
    private let directory: TemporaryDirectory
    private let program: String

    /// For runs of this program.
    package init(_ program: String = "cairn") throws {
        directory = try TemporaryDirectory()
        self.program = program
    }

    /// The directory.
    package var path: String { directory.path }

    /// The path of a name in it.
    package func path(_ name: String) -> String { directory.path + "/" + name }

    /// Where tools stand: beside the program that runs the tests.
    package static let binaries: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
    }()

    /// Runs the tool with these arguments and waits for its end.
    @discardableResult
    package func run(_ arguments: String..., input: [UInt8] = []) throws -> ToolResult {
        try run(arguments, input: input)
    }

    /// The same with a list of them.
    package func run(_ arguments: [String], input: [UInt8] = []) throws -> ToolResult {
        try spawn([Self.binaries + "/" + program] + arguments, input: input)
    }

    /// Runs a line of shell in which $CAIRN is the tool, and $CAIRND the server.
    package func shell(_ line: String) throws -> ToolResult {
        let both = "CAIRN='\(Self.binaries)/cairn'; CAIRND='\(Self.binaries)/cairnd'"
        let script = "\(both); cd '\(path)'; \(line)"
        return try spawn(["/bin/bash", "-c", script], input: [])
    }

    private func spawn(_ words: [String], input: [UInt8]) throws -> ToolResult {
        try write(input, to: ".input")
        let process = try ChildProcess.start(
            words, [.input(path(".input")), .output(path(".output")), .output(path(".error"))])
        let end = ChildProcess.end(of: process)
        return ToolResult(
            code: end.code ?? -1, signal: end.signal, output: try read(".output"),
            complaint: String(decoding: try read(".error"), as: UTF8.self))
    }

    // MARK: Files

    /// Makes a file of these bytes.
    package func write(_ bytes: [UInt8], to name: String) throws {
        let stream = try ByteStream.writing(path(name))
        try stream.write(bytes.rawSpan)
    }

    /// The bytes of a file.
    package func read(_ name: String) throws -> [UInt8] {
        let stream = try ByteStream.reading(path(name))
        var bytes = [UInt8](repeating: 0, count: Int(stream.byteCount ?? 0))
        let count = try bytes.withMutableRawSpan { try stream.read(into: &$0) }
        return Array(bytes.prefix(count))
    }

    /// Whether a name is in the directory.
    package func has(_ name: String) -> Bool { unsafe access(path(name), F_OK) == 0 }
}
