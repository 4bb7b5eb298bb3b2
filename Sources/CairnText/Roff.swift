// Roff — text for manual pages, with the man macros.
//
// A leading dot or quote and every backslash are escaped; hyphens are ones that can be copied. It knows
// nothing of what the pages say. Pure.

/// The language of manual pages.
package enum Roff {
    /// The first line of a page: its name and section, and the program's version.
    package static func head(_ name: String, section: Int, program: String) -> String {
        let kind = section == 8 ? "System Administration" : "User Commands"
        return
            ".TH \(name.uppercased()) \(section) \"\" \"\(program) \(Version.text)\" \"\(kind)\""
    }

    /// A text that stands as it is.
    package static func escaped(_ text: String) -> String {
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

    /// Names, each with its text below it.
    package static func tagged(_ rows: [(name: String, text: String)]) -> [String] {
        rows.flatMap { [".TP", ".B \(escaped($0.name))", escaped($0.text)] }
    }

    /// Comments and commands as they would be typed, one a line.
    package static func typed(_ lines: [String]) -> [String] {
        [".PP", ".nf", ".RS"] + lines.map(escaped) + [".RE", ".fi"]
    }
}
