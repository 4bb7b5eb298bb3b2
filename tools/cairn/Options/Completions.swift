// Completions — scripts that make bash, zsh and fish complete the command line, made from the table.
//
// Each offers commands, then the command's options, and directories or files where an argument is
// one; keys are not offered, for that would read the store. Pure.

enum Completions {
    static let shells = ["bash", "zsh", "fish"]

    /// The script of a shell; nil for one that nobody has heard of.
    static func script(for shell: String) -> String? {
        switch shell {
        case "bash": bash
        case "zsh": zsh
        case "fish": fish
        default: nil
        }
    }

    private static var commandNames: String { OptionTable.rows.map(\.name).joined(separator: " ") }

    private static func optionNames(_ rows: [OptionRow]) -> String {
        rows.map { "--" + $0.name.rawValue }.joined(separator: " ")
    }

    // MARK: bash

    private static var bash: String {
        var lines = [
            "# bash completion of cairn; made by \"cairn help --completions bash\".", "_cairn() {",
            "    local word=${COMP_WORDS[COMP_CWORD]} options=\"\" kind=f",
            "    if ((COMP_CWORD == 1)); then",
            "        mapfile -t COMPREPLY < <(compgen -W "
                + "\"\(commandNames) \(optionNames(OptionTable.toolOptions))\" -- \"$word\")",
            "        return", "    fi", "    case ${COMP_WORDS[1]} in",
        ]
        for row in OptionTable.rows {
            let kind = row.arguments.first?.completion == .directory ? "d" : "f"
            lines += [
                "    \(row.name)) options=\"\(optionNames(row.allOptions))\""
                    + " ; ((COMP_CWORD == 2)) && kind=\(kind) ;;"
            ]
        }
        lines += [
            "    esac",
            "    if [[ $word == -* ]]; then",
            "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")",
            "    else",
            "        mapfile -t COMPREPLY < <(compgen -$kind -- \"$word\")",
            "    fi",
            "}", "complete -o filenames -F _cairn cairn",
        ]
        return lines.joined(separator: "\n")
    }

    // MARK: zsh

    private static var zsh: String {
        var lines = [
            "#compdef cairn",
            "# zsh completion of cairn; made by \"cairn help --completions zsh\".",
            "_cairn() {", "    local -a commands", "    commands=(",
        ]
        lines += OptionTable.rows.map { "        '\($0.name):\(zshText($0.summary))'" }
        lines += [
            "    )", "    if ((CURRENT == 2)); then", "        _describe command commands",
            "        return", "    fi", "    case $words[2] in",
        ]
        for row in OptionTable.rows {
            let options = row.allOptions.map { zshOption($0) }
            let arguments = row.arguments.map { zshArgument($0) }
            lines.append("    \(row.name))")
            lines.append("        shift words; ((CURRENT--))")
            lines.append("        _arguments \((options + arguments).joined(separator: " ")) ;;")
        }
        // Read as a file of $fpath, zsh runs it as the function; sourced, it names the function.
        lines += [
            "    esac", "}",
            "if [[ $funcstack[1] == _cairn ]]; then _cairn \"$@\"; else compdef _cairn cairn; fi",
        ]
        return lines.joined(separator: "\n")
    }

    /// Colons separate the parts of what zsh is told.
    private static func zshText(_ text: String) -> String {
        quoted(text).replacing(":", with: "\\:")
    }

    private static func zshOption(_ row: OptionRow) -> String {
        let text = zshText(row.text).replacing("[", with: "(").replacing("]", with: ")")
        let value = row.value.map { ":\($0):\(zshAction(row.completion))" } ?? ""
        return "'--\(row.name.rawValue)[\(text)]\(value)'"
    }

    private static func zshArgument(_ row: ArgumentRow) -> String {
        let action = zshAction(row.completion)
        switch row.count {
        case .one: return "':\(row.name):\(action)'"
        case .optional: return "'::\(row.name):\(action)'"
        case .many: return "'*:\(row.name):\(action)'"
        }
    }

    private static func zshAction(_ completion: Completion) -> String {
        switch completion {
        case .none: " "
        case .directory: "_files -/"
        case .file: "_files"
        case .words(let words): "(\(words.joined(separator: " ")))"
        }
    }

    // MARK: fish

    private static var fish: String {
        var lines = [
            "# fish completion of cairn; made by \"cairn help --completions fish\".",
            "complete -c cairn -f",
        ]
        for row in OptionTable.rows {
            lines.append(
                "complete -c cairn -n __fish_use_subcommand -a \(row.name) -d '\(quoted(row.summary))'"
            )
            let condition = "-n '__fish_seen_subcommand_from \(row.name)'"
            for option in row.allOptions {
                var line = "complete -c cairn \(condition) -l \(option.name.rawValue)"
                if option.value != nil { line += " -r" }
                if case .words(let words) = option.completion {
                    line += " -a '\(words.joined(separator: " "))'"
                }
                lines.append(line + " -d '\(quoted(option.text))'")
            }
            if row.arguments.contains(where: { $0.completion != .none }) {
                lines.append("complete -c cairn \(condition) -F")
            }
        }
        return lines.joined(separator: "\n")
    }

    /// For a word in single quotes, of which there are none in it then.
    private static func quoted(_ text: String) -> String {
        text.replacing("'", with: "").replacing("\\", with: "\\\\")
    }
}
