// ManPage — the manual page cairn(1), made from the table.
//
// Roff with the man macros; a leading dot or quote and every backslash are escaped, hyphens are
// ones that can be copied. Pure.

internal import CairnText

enum ManPage {
    static var text: String {
        var lines = [
            ".\\\" Made from the option table by \"cairn help --man\"; do not edit.",
            ".TH CAIRN 1 \"\" \"cairn \(Version.text)\" \"User Commands\"",
            ".SH NAME", "cairn \\- \(escaped(OptionTable.summary))", ".SH SYNOPSIS",
        ]
        for row in OptionTable.rows {
            lines += [".B cairn \(escaped(row.name))", rest(row), ".br"]
        }
        lines += [".SH COMMANDS"] + OptionTable.rows.flatMap(command)
        lines +=
            [".SH EXIT STATUS"]
            + tagged(OptionTable.allExits.map { ("\($0.code.rawValue)", $0.text) })
        lines += [".PP", "What else a code says of one command stands with it."]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rest(_ row: CommandRow) -> String {
        escaped((["[options]"] + row.arguments.map(\.usage)).joined(separator: " "))
    }

    private static func command(_ row: CommandRow) -> [String] {
        var lines = [".SS \(escaped(row.usage))", escaped(row.summary.capitalizedFirst) + "."]
        for detail in row.details { lines += [".PP", escaped(detail)] }
        lines += tagged(row.arguments.map { ($0.name, $0.text) })
        lines += tagged(row.options.map { ($0.usage, $0.text) })
        lines += tagged(row.exits.map { ("exit status \($0.code.rawValue)", $0.text) })
        lines += [".PP", "Examples:", ".PP", ".nf", ".RS"]
        for example in row.examples {
            lines += [escaped("# " + example.text), escaped(example.command)]
        }
        return lines + [".RE", ".fi"]
    }

    private static func tagged(_ rows: [(name: String, text: String)]) -> [String] {
        rows.flatMap { [".TP", ".B \(escaped($0.name))", escaped($0.text)] }
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            default: result.append(character)
            }
        }
        return result.hasPrefix(".") || result.hasPrefix("'") ? "\\&" + result : result
    }
}
