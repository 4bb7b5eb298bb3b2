// HelpText — paragraphs and two-column lists, as every --help shows them.
//
// Lines are at most 90 columns. It knows nothing of what it lays out. Pure.

/// The layout of help texts.
package enum HelpText {
    private static let width = 90

    /// Names with their texts beside them, in two columns; a long name has a line of its own.
    package static func rows(_ rows: [(name: String, text: String)]) -> [String] {
        let column = min(24, (rows.map(\.name.count).max() ?? 0) + 4)
        return rows.flatMap { row in
            var lines = wrapped(row.text, indent: column)
            let name = "  " + row.name
            if name.count + 2 > column { return [name] + lines }
            lines[0] = name + lines[0].dropFirst(name.count)
            return lines
        }
    }

    /// A text in lines, each behind so many spaces.
    package static func wrapped(_ text: String, indent: Int) -> [String] {
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
