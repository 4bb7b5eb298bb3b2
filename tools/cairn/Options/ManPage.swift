// ManPage — the manual page cairn(1), made from the table.
//
// The words are the table's, the layout is that of every manual page. Pure.

internal import CairnText

enum ManPage {
    static var text: String {
        var lines = [
            ".\\\" Made from the option table by \"cairn help --man\"; do not edit.",
            Roff.head("cairn", section: 1, program: "cairn"),
            ".SH NAME", "cairn \\- \(Roff.escaped(OptionTable.summary))", ".SH SYNOPSIS",
        ]
        for row in OptionTable.rows {
            lines += [".B cairn \(Roff.escaped(row.name))", rest(row), ".br"]
        }
        lines += [".SH COMMANDS"] + OptionTable.rows.flatMap(command)
        lines +=
            [".SH EXIT STATUS"]
            + Roff.tagged(OptionTable.allExits.map { ("\($0.code.rawValue)", $0.text) })
        lines += [".PP", "What else a code says of one command stands with it."]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rest(_ row: CommandRow) -> String {
        Roff.escaped((["[options]"] + row.arguments.map(\.usage)).joined(separator: " "))
    }

    private static func command(_ row: CommandRow) -> [String] {
        var lines = [
            ".SS \(Roff.escaped(row.usage))", Roff.escaped(row.summary.capitalizedFirst) + ".",
        ]
        for detail in row.details { lines += [".PP", Roff.escaped(detail)] }
        lines += Roff.tagged(row.arguments.map { ($0.name, $0.text) })
        lines += Roff.tagged(row.options.map { ($0.usage, $0.text) })
        lines += Roff.tagged(row.exits.map { ("exit status \($0.code.rawValue)", $0.text) })
        lines += [".PP", "Examples:"]
        return lines + Roff.typed(row.examples.flatMap { ["# " + $0.text, $0.command] })
    }
}
