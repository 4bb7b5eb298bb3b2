// Help — the help texts, made from the table.
//
// Lines are at most 90 columns; nothing here knows a command by name. Pure.

internal import CairnText

enum Help {
    /// What `cairn --help` says.
    static var tool: String {
        var lines = ["cairn \(OptionTable.summary)", "", "usage: cairn COMMAND [options] ..."]
        lines += ["", "commands:"]
        lines += HelpText.rows(OptionTable.rows.map { ($0.name, $0.summary) })
        lines +=
            ["", "options:"] + HelpText.rows(OptionTable.toolOptions.map { ($0.usage, $0.text) })
        lines +=
            ["", "exit codes:"]
            + HelpText.rows(OptionTable.allExits.map { ("\($0.code.rawValue)", $0.text) })
        lines += ["", "cairn COMMAND --help says more, with examples."]
        return lines.joined(separator: "\n")
    }

    /// What `cairn COMMAND --help` says.
    static func command(_ row: CommandRow) -> String {
        var lines =
            ["usage: \(row.usage)", ""]
            + HelpText.wrapped("\(row.summary.capitalizedFirst).", indent: 0)
        for detail in row.details { lines += [""] + HelpText.wrapped(detail, indent: 0) }
        if !row.arguments.isEmpty {
            lines += ["", "arguments:"] + HelpText.rows(row.arguments.map { ($0.name, $0.text) })
        }
        lines += ["", "options:"] + HelpText.rows(row.allOptions.map { ($0.usage, $0.text) })
        lines += ["", "exit codes:"]
        lines += HelpText.rows(exits(of: row).map { ("\($0.code.rawValue)", $0.text) })
        lines += ["", "examples:"]
        for example in row.examples { lines += ["  # \(example.text)", "  \(example.command)"] }
        return lines.joined(separator: "\n")
    }

    /// What a command may end with, in order.
    static func exits(of row: CommandRow) -> [(code: ExitCode, text: String)] {
        let own = Set(row.exits.map(\.code))
        let shared = OptionTable.exits.filter { !own.contains($0.code) }
        return (row.exits + shared).sorted { $0.code.rawValue < $1.code.rawValue }
    }
}

extension String {
    /// With a capital letter at the start.
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
