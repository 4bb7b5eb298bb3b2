// Help — the help texts, made from the table.
//
// Lines are at most 90 columns; nothing here knows a command by name. Pure.

enum Help {
    private static let width = 90

    /// What `cairn --help` says.
    static var tool: String {
        var lines = ["cairn \(OptionTable.summary)", "", "usage: cairn COMMAND [options] ..."]
        lines += ["", "commands:"]
        lines += rows(OptionTable.rows.map { ($0.name, $0.summary) })
        lines += ["", "options:"] + rows(OptionTable.toolOptions.map { ($0.usage, $0.text) })
        lines +=
            ["", "exit codes:"]
            + rows(OptionTable.allExits.map { ("\($0.code.rawValue)", $0.text) })
        lines += ["", "cairn COMMAND --help says more, with examples."]
        return lines.joined(separator: "\n")
    }

    /// What `cairn COMMAND --help` says.
    static func command(_ row: CommandRow) -> String {
        var lines =
            ["usage: \(row.usage)", ""] + wrapped("\(row.summary.capitalizedFirst).", indent: 0)
        for detail in row.details { lines += [""] + wrapped(detail, indent: 0) }
        if !row.arguments.isEmpty {
            lines += ["", "arguments:"] + rows(row.arguments.map { ($0.name, $0.text) })
        }
        lines += ["", "options:"] + rows(row.allOptions.map { ($0.usage, $0.text) })
        lines += ["", "exit codes:"]
        lines += rows(exits(of: row).map { ("\($0.code.rawValue)", $0.text) })
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

    private static func rows(_ rows: [(name: String, text: String)]) -> [String] {
        let column = min(24, (rows.map(\.name.count).max() ?? 0) + 4)
        return rows.flatMap { row in
            var lines = wrapped(row.text, indent: column)
            let name = "  " + row.name
            if name.count + 2 > column { return [name] + lines }
            lines[0] = name + lines[0].dropFirst(name.count)
            return lines
        }
    }

    private static func wrapped(_ text: String, indent: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines = [margin]
        for word in text.split(separator: " ") {
            if lines[lines.count - 1].count + word.count + 1 > width { lines.append(margin) }
            if lines[lines.count - 1].count > indent { lines[lines.count - 1] += " " }
            lines[lines.count - 1] += word
        }
        return lines
    }
}

extension String {
    /// With a capital letter at the start.
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
