// DaemonManual — `cairnd help`: the help, the manual page, the completions; all from the tables.
//
// `--man` and `--completions` write what packagers install. Touches no store. Pure, besides what it prints.

internal import CairnServer
internal import CairnText

enum DaemonManual {
    static func run(_ words: ArraySlice<Word>) throws(DaemonFailure) -> DaemonExit {
        let words = words.map(\.text)
        switch (words.first, words.count) {
        case (nil, _): try Daemon.show(DaemonHelp.text)
        case ("--man", 1): try Daemon.show(page)
        case ("--completions", 2):
            guard let script = script(for: words[1]) else {
                throw .usage("--completions is for bash, zsh, fish, not for \"\(words[1])\"")
            }
            try Daemon.show(script)
        default: throw .usage("usage: cairnd help [--man | --completions SHELL]")
        }
        return .done
    }

    // MARK: The manual page

    private static var page: String {
        var lines = [
            ".\\\" Made from the table of options by \"cairnd help --man\"; do not edit.",
            Roff.head("cairnd", section: 8, program: "cairnd"),
            ".SH NAME", "cairnd \\- \(Roff.escaped(DaemonHelp.summary))", ".SH SYNOPSIS", ".nf",
        ]
        lines += DaemonHelp.usages.map(Roff.escaped) + [".fi", ".SH COMMANDS"]
        lines += Roff.tagged(DaemonHelp.commands) + [".SH OPTIONS"]
        lines += Roff.tagged(SettingTable.helpRows) + [".PP", Roff.escaped(DaemonHelp.sources)]
        lines += [".SH EXIT STATUS"] + Roff.tagged(DaemonHelp.exits) + [".SH EXAMPLES"]
        return (lines + Roff.typed(DaemonHelp.examples)).joined(separator: "\n")
    }

    // MARK: Completions

    private static func script(for shell: String) -> String? {
        switch shell {
        case "bash": bash
        case "zsh": zsh
        case "fish": fish
        default: nil
        }
    }

    private static var bash: String {
        let words = DaemonHelp.commands.map(\.name) + SettingTable.rows.map(\.flag)
        return "complete -o default -W '\(words.joined(separator: " "))' cairnd"
    }

    private static var zsh: String {
        var lines = ["#compdef cairnd", "_arguments \\"]
        lines += SettingTable.rows.map { row in
            let value = row.valueName.map {
                ":\($0):\(row.words.isEmpty ? "_files" : "(\(row.words))")"
            }
            return "    '\(row.flag)[\(row.help)]\(value ?? "")' \\"
        }
        let names = DaemonHelp.commands.map(\.name).joined(separator: " ")
        return (lines + ["    '1:command:(\(names))'"]).joined(separator: "\n")
    }

    private static var fish: String {
        var lines = DaemonHelp.commands.map {
            "complete -c cairnd -n __fish_use_subcommand -a \($0.name) -d '\($0.text)'"
        }
        for row in SettingTable.rows {
            let value = row.valueName == nil ? "" : " -r"
            let words = row.words.isEmpty ? "" : " -f -a '\(row.words)'"
            lines.append("complete -c cairnd -l \(row.name)\(value)\(words) -d '\(row.help)'")
        }
        return lines.joined(separator: "\n")
    }
}

extension Setting {
    /// The values that it has, separated by blanks; empty where they are too many.
    fileprivate var words: String {
        guard let valueName, valueName.contains("|") else { return "" }
        return valueName.replacing("|", with: " ")
    }
}
