// Declarations — the declarations of a Swift file that other files can see, and their comments.
//
// Walks the tokens of a `SwiftText` with a stack of open braces, so that requirements of protocols
// and whatever stands in bodies of functions are told from members of types. Understands the
// project's own style, not all of Swift.

/// A declaration at file or type level.
struct Declaration: Equatable, Sendable {
    let keyword: String
    /// Name and argument labels, as in `read(_:into:at:)`.
    let name: String
    let modifiers: [String]
    let line: Int
    let isDocumented: Bool
    let isRequirement: Bool

    /// Whether other modules of the package, or of the world, can use it.
    var isShared: Bool { isPublic || modifiers.contains("package") }

    var isPublic: Bool { modifiers.contains("public") || modifiers.contains("open") }
}

extension SwiftText {
    /// What other modules can use and no comment speaks for. Between modules of the package one
    /// comment serves a group of properties on adjacent lines, and the type's serves its `init`;
    /// what is public is documented one by one.
    var undocumented: [Declaration] {
        var found: [Declaration] = []
        var groupLine = 0
        for declaration in declarations where declaration.isShared {
            let isProperty = ["let", "var"].contains(declaration.keyword)
            let isGrouped = isProperty && declaration.line == groupLine + 1
            let isSpokenFor = !declaration.isPublic && (isGrouped || declaration.keyword == "init")
            if declaration.isDocumented || isSpokenFor {
                groupLine = declaration.line
            } else if declaration.keyword != "extension" {
                found.append(declaration)
            }
        }
        return found
    }

    /// The file's declarations at file and type level, requirements of protocols included.
    var declarations: [Declaration] {
        var walk = DeclarationWalk(text: self)
        return walk.run()
    }
}

private let typeKeywords: Set = ["struct", "class", "enum", "actor", "extension", "protocol"]
private let memberKeywords: Set = [
    "func", "var", "let", "init", "subscript", "typealias", "associatedtype", "macro", "operator",
]
private let modifierWords: Set = [
    "public", "package", "open", "internal", "private", "fileprivate", "static", "final",
    "mutating",
    "nonmutating", "consuming", "borrowing", "nonisolated", "override", "convenience", "required",
    "lazy", "weak", "unowned", "prefix", "postfix", "infix", "indirect", "isolated", "dynamic",
    "distributed",
]

private struct DeclarationWalk {
    private enum Brace { case type, protocolBody, other }

    private let text: SwiftText
    private let tokens: [Token]
    private var position = 0
    private var braces: [Brace] = []
    private var found: [Declaration] = []
    /// What the next brace opens.
    private var pending = Brace.other
    private var modifiers: [String] = []
    private var firstLine: Int?

    init(text: SwiftText) {
        self.text = text
        tokens = text.tokens
    }

    mutating func run() -> [Declaration] {
        while position < tokens.count { step() }
        return found
    }

    private func word(_ offset: Int = 0) -> String {
        position + offset < tokens.count ? tokens[position + offset].text : ""
    }

    private var isAmongDeclarations: Bool { braces.allSatisfy { $0 != .other } }

    private mutating func step() {
        switch word() {
        case "{":
            braces.append(pending)
            forget()
        case "}":
            _ = braces.popLast()
            forget()
        case _ where !isAmongDeclarations:
            break
        case "@":
            position += 1
            note(modifier: nil)
        case let word where startsType(word):
            record(name: self.word(1))
            pending = word == "protocol" ? .protocolBody : .type
        case let word where memberKeywords.contains(word):
            record(name: signature())
        case let word where modifierWords.contains(word) || word == "class":
            note(modifier: word)
        case "(":
            return skipParentheses()
        case "case":
            // The name may be a word that is a modifier elsewhere.
            position += 1
            forget()
        case "import", "=", ":", ",":
            if pending == .other { forget() }
        default:
            break
        }
        position += 1
    }

    /// Remembers an attribute or a modifier of the declaration to come, its argument left out.
    private mutating func note(modifier: String?) {
        firstLine = firstLine ?? tokens[min(position, tokens.count - 1)].line
        if let modifier { modifiers.append(modifier) }
        guard word(1) == "(" else { return }
        position += 1
        skipParentheses()
        position -= 1
    }

    private func startsType(_ word: String) -> Bool {
        word == "class" ? typeNameFollows : typeKeywords.contains(word)
    }

    /// `class` begins a type when a name and not another keyword follows.
    private var typeNameFollows: Bool {
        !memberKeywords.contains(word(1)) && !modifierWords.contains(word(1))
    }

    private mutating func forget() {
        pending = .other
        modifiers = []
        firstLine = nil
    }

    private mutating func record(name: String) {
        let line = firstLine ?? tokens[position].line
        found.append(
            Declaration(
                keyword: tokens[position].text, name: name, modifiers: modifiers, line: line,
                isDocumented: text.comment(line: line - 1).hasPrefix("///"),
                isRequirement: braces.last == .protocolBody))
        // The name may be a word that is a modifier elsewhere.
        if !["init", "subscript"].contains(word()) { position += 1 }
        forget()
    }

    private mutating func skipParentheses() {
        var depth = 0
        repeat {
            if word() == "(" { depth += 1 }
            if word() == ")" { depth -= 1 }
            position += 1
        } while depth > 0 && position < tokens.count
    }

    /// The declared name, with the labels of its arguments where it has any.
    private func signature() -> String {
        guard position + 1 < tokens.count else { return "" }
        var index = position + 1
        var name = ""
        if tokens[position].text == "init" || tokens[position].text == "subscript" {
            name = tokens[position].text
        } else {
            // A word, or the signs of an operator.
            repeat {
                name += tokens[index].text
                index += 1
            } while index < tokens.count && !isWord(name) && tokens[index].text != "("
        }
        return name + labels(from: index)
    }

    private func isWord(_ text: String) -> Bool {
        text.first.map { $0.isLetter || $0 == "_" || $0 == "`" } ?? false
    }

    private func labels(from start: Int) -> String {
        var index = start
        while index < tokens.count, ["?", "!"].contains(tokens[index].text) { index += 1 }
        if index < tokens.count, tokens[index].text == "<" {
            while index < tokens.count, tokens[index].text != "(" { index += 1 }
        }
        guard index < tokens.count, tokens[index].text == "(" else { return "" }
        var labels = "("
        var depth = 0
        repeat {
            switch tokens[index].text {
            case "(", "[", "<":
                if depth == 0 { labels += label(at: index + 1) }
                depth += 1
            case ")", "]": depth -= 1
            case ">" where tokens[index - 1].text != "-": depth -= 1
            case "," where depth == 1: labels += label(at: index + 1)
            default: break
            }
            index += 1
        } while depth > 0 && index < tokens.count
        return labels + ")"
    }

    private func label(at index: Int) -> String {
        guard index < tokens.count, tokens[index].text != ")" else { return "" }
        return tokens[index].text + ":"
    }
}
