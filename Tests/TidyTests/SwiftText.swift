// SwiftText — a Swift file taken apart just far enough for the tidy rules.
//
// A scanner, no parser: it tells comments and string literals from code, and cuts the code into
// words and signs with their line numbers. Nested comments, raw and multi-line strings, and strings
// within interpolations are understood; regular expression literals are not (the project has none).

/// A word or a single sign of code.
struct Token: Equatable, Sendable {
    let text: String
    /// Counted from one.
    let line: Int
}

struct SwiftText: Sendable {
    private(set) var tokens: [Token] = []
    /// What each line says in comments, the slashes included; empty where there is none.
    private(set) var comments: [String]

    init(_ text: String) {
        comments = Array(repeating: "", count: text.utf8.count { $0 == UInt8(ascii: "\n") } + 2)
        var scanner = Scanner(text)
        while let lexeme = scanner.next() {
            switch lexeme {
            case .token(let token): tokens.append(token)
            case .comment(let text, let firstLine):
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                for (index, part) in lines.enumerated() { comments[firstLine + index] += part }
            }
        }
    }

    /// The lines on which these tokens stand one after the other.
    func lines(with words: [String]) -> [Int] {
        guard let first = words.first, tokens.count >= words.count else { return [] }
        return tokens.indices.dropLast(words.count - 1).filter { index in
            tokens[index].text == first
                && tokens[index..<index + words.count].elementsEqual(words) { $0.text == $1 }
        }
        .map { tokens[$0].line }
    }

    /// What a line says in comments; empty where there is no such line.
    func comment(line: Int) -> String { comments.indices.contains(line) ? comments[line] : "" }
}

/// What the scanner finds, one at a time.
private enum Lexeme {
    case token(Token)
    case comment(String, firstLine: Int)
}

private struct Scanner {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func next() -> Lexeme? {
        while position < bytes.count {
            if bytes[position] <= UInt8(ascii: " ") {
                advance(1)
            } else if isNext("/", "/") || isNext("/", "*") {
                return comment()
            } else if let hashCount = stringStart() {
                skipString(hashCount: hashCount)
            } else {
                return .token(token())
            }
        }
        return nil
    }

    private func byte(_ offset: Int) -> UInt8 {
        position + offset < bytes.count ? bytes[position + offset] : 0
    }

    private func isNext(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Bool {
        byte(0) == UInt8(ascii: first) && byte(1) == UInt8(ascii: second)
    }

    private mutating func advance(_ count: Int) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    private func text(from start: Int) -> String {
        String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func comment() -> Lexeme {
        let start = position
        let firstLine = line
        if isNext("/", "/") {
            while position < bytes.count && byte(0) != UInt8(ascii: "\n") { advance(1) }
        } else {
            skipBlockComment()
        }
        return .comment(text(from: start), firstLine: firstLine)
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            let opens = isNext("/", "*")
            let closes = isNext("*", "/")
            depth += opens ? 1 : closes ? -1 : 0
            advance(opens || closes ? 2 : 1)
        } while depth > 0 && position < bytes.count
    }

    private func hashCount(at offset: Int) -> Int {
        var count = 0
        while byte(offset + count) == UInt8(ascii: "#") { count += 1 }
        return count
    }

    /// The number of "#" before a string's quote; nil where no string begins.
    private func stringStart() -> Int? {
        let count = hashCount(at: 0)
        return byte(count) == UInt8(ascii: "\"") ? count : nil
    }

    private func isQuote(count: Int, at offset: Int = 0) -> Bool {
        (0..<count).allSatisfy { byte(offset + $0) == UInt8(ascii: "\"") }
    }

    /// Steps over a string; what stands in its interpolations counts as part of it.
    private mutating func skipString(hashCount count: Int) {
        advance(count)
        let quoteCount = isQuote(count: 3) ? 3 : 1
        advance(quoteCount)
        while position < bytes.count {
            if isQuote(count: quoteCount) && hashCount(at: quoteCount) >= count {
                return advance(quoteCount + count)
            }
            guard byte(0) == UInt8(ascii: "\\") && hashCount(at: 1) >= count else {
                advance(1)
                continue
            }
            let interpolates = byte(1 + count) == UInt8(ascii: "(")
            advance(2 + count)
            if interpolates { skipInterpolation() }
        }
    }

    private mutating func skipInterpolation() {
        var depth = 1
        while depth > 0 && position < bytes.count {
            if let hashCount = stringStart() {
                skipString(hashCount: hashCount)
                continue
            }
            if byte(0) == UInt8(ascii: "(") { depth += 1 }
            if byte(0) == UInt8(ascii: ")") { depth -= 1 }
            advance(1)
        }
    }

    private mutating func token() -> Token {
        let start = position
        let tokenLine = line
        repeat { advance(1) } while isWord(start) && isWord(position)
        return Token(text: text(from: start), line: tokenLine)
    }

    private func isWord(_ index: Int) -> Bool {
        guard index < bytes.count else { return false }
        switch bytes[index] {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "`"), 0x80...:
            return true
        default:
            return false
        }
    }
}
