// HelpCommand — `cairn help`: the help, the manual page, the completions; all from the table.
//
// `--man` and `--completions` write what packagers install. Touches no store.

internal import CairnSystem
internal import CairnText

enum HelpCommand: ToolCommand {
    static let row = CommandRow(
        name: "help", summary: "shows help, the manual page, or completions for a shell",
        arguments: [ArgumentRow("COMMAND", .optional, "the command to explain")],
        options: [
            OptionRow(.man, "prints the manual page cairn(1)"),
            OptionRow(
                .completions, value: "SHELL", "prints completions for bash, zsh or fish",
                completion: .words(Completions.shells)),
        ],
        examples: [
            Example("cairn help fsck", "the same as cairn fsck --help"),
            Example("cairn help --man | man -l -", "the manual page"),
            Example("eval \"$(cairn help --completions bash)\"", "completions, for this shell"),
        ])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        if call.has(.man) {
            let page = Array(ManPage.text.utf8)
            try output.write(page.rawSpan)
        } else if let shell = call[.completions]?.text {
            guard let script = Completions.script(for: shell) else {
                let shells = Completions.shells.joined(separator: ", ")
                throw .usage("--completions is for \(shells), not for \"\(shell)\"", row)
            }
            try output.line(script)
        } else if let name = call.argument(0)?.text {
            guard let command = OptionTable.command(named: name) else {
                let near = nearest(to: name, among: OptionTable.rows.map(\.name))
                let advice = near.map { "; did you mean \($0)?" } ?? ""
                throw .usage("there is no command \"\(name)\"\(advice)", row)
            }
            try output.line(Help.command(command.row))
        } else {
            try output.line(Help.tool)
        }
        return .clean
    }
}
