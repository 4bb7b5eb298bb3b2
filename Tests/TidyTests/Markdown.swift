// Markdown — the links and the commands of a Markdown file.
//
// Knows fenced code, code within a line, inline links, and DocC's `<doc:…>`; that is what the
// project's documents use. Pure functions of the text.

/// A link or a command, and where it stands.
struct Mention: Equatable, Sendable {
    let text: String
    /// Counted from one.
    let line: Int
}

struct Markdown: Sendable {
    /// Targets of inline links outside of code, as written.
    private(set) var links: [Mention] = []
    /// Names of documents in `<doc:Name>`.
    private(set) var documents: [Mention] = []
    /// Words of code that name one of the repository's own scripts.
    private(set) var scripts: [Mention] = []

    init(_ lines: [Substring]) {
        var isFenced = false
        for (index, line) in lines.enumerated() {
            if line.drop(while: { $0 == " " }).hasPrefix("```") {
                isFenced.toggle()
                continue
            }
            // Pieces between backquotes alternate: prose, code, prose, …
            for (piece, text) in line.split(separator: "`", omittingEmptySubsequences: false)
                .enumerated()
            {
                if isFenced || piece % 2 == 1 {
                    scripts += Self.scripts(in: text).map { Mention(text: $0, line: index + 1) }
                } else {
                    links += Self.pieces(of: text, between: "](", and: ")")
                        .map { Mention(text: $0, line: index + 1) }
                    documents += Self.pieces(of: text, between: "<doc:", and: ">")
                        .map { Mention(text: $0, line: index + 1) }
                }
            }
        }
    }

    private static func scripts(in code: Substring) -> [String] {
        let words = code.split { !($0.isLetter || $0.isNumber || "./_-".contains($0)) }
        return words.map { String($0.hasPrefix("./") ? $0.dropFirst(2) : $0) }
            .filter { $0.hasPrefix("tools/") || $0.hasPrefix(".ci/") }
    }

    private static func pieces(
        of text: Substring, between opening: String, and closing: Character
    ) -> [String] {
        var pieces: [String] = []
        var rest = text
        while let start = rest.firstRange(of: opening) {
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: closing) else { break }
            pieces.append(String(rest[..<end]))
        }
        return pieces
    }
}

/// The path that a relative link leads to from a directory; nil when it leaves the repository.
func resolve(_ link: String, from directory: Substring) -> String? {
    var parts = directory.split(separator: "/")
    for part in link.prefix(while: { $0 != "#" }).split(separator: "/") {
        switch part {
        case ".": break
        case "..": if parts.popLast() == nil { return nil }
        default: parts.append(part)
        }
    }
    return parts.joined(separator: "/")
}
