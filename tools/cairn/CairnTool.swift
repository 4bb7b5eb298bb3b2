// CairnTool — the command `cairn`: reads the command line by the table and runs one command.
//
// Results go to standard output, everything else to standard error. The exit status is that of
// fsck(8): 0 clean, 1 repaired or no such key, 4 damage, 8 could not run, 16 usage. A signal of a
// closed pipe or of a file-size limit is an error here, so that it has a message.

internal import Cairn
internal import CairnSystem
internal import CairnText
internal import Glibc

/// The command.
@main enum CairnTool {
    static func main() {
        ByteStream.ignorePipeSignal()
        ResourceLimits.ignoreFileSizeSignal()
        let output = Output(.standardOutput)
        do throws(ToolFailure) {
            try ToolFailure.file { () throws(FileError) in try ByteStream.holdStandardStreams() }
            let words = ProcessArguments.words().dropFirst().map { Word($0) }
            let code = try run(words[...], output)
            try output.flush()
            exit(code.rawValue)
        } catch {
            end(error, output)
        }
    }

    private static func run(
        _ words: ArraySlice<Word>, _ output: Output
    ) throws(ToolFailure) -> ExitCode {
        guard let word = words.first?.text else {
            throw .usage("a command is missing", nil)
        }
        switch word {
        case "--help", "-h":
            try output.line(Help.tool)
            return .clean
        case "--version":
            try output.line(Version.line(of: "cairn"))
            return .clean
        default: break
        }
        guard let command = OptionTable.command(named: word) else { throw unknown(word) }
        let call = try Invocation(command.row, parsing: words.dropFirst())
        if call.has(.help) {
            try output.line(Help.command(command.row))
            return .clean
        }
        return try command.run(call, output)
    }

    private static func unknown(_ word: String) -> ToolFailure {
        if word.hasPrefix("-") {
            let names = OptionTable.toolOptions.map { "--" + $0.name.rawValue }
            let near = nearest(to: word, among: names).map { "; did you mean \($0)?" }
            return .usage("\(word) is unknown before a command\(near ?? "")", nil)
        }
        let near = nearest(to: word, among: OptionTable.rows.map(\.name))
        let advice = near.map { "did you mean \($0)?" } ?? "cairn --help lists the commands"
        return .usage("there is no command \"\(word)\"; \(advice)", nil)
    }

    /// What was printed before the failure is given first.
    private static func end(_ failure: ToolFailure, _ output: Output) -> Never {
        var failure = failure
        do throws(ToolFailure) {
            try output.flush()
        } catch {
            // The pipe that broke first says why; a second error would say the same.
            if case .file = failure {} else { failure = error }
        }
        Output.complain("cairn: \(failure)")
        exit(failure.code.rawValue)
    }
}
