// TokenFile — lines of name, digest, permissions and perhaps a prefix of keys.
//
// Read strictly: what a line means must not be guessed where it opens a door. Two lines of one name or one
// digest are an error; for rotation each token has its own name. Pure. Spec: Access.md.

internal import CairnSystem
internal import CairnText

/// What is wrong with a token file.
package struct TokenFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line, counted from 1.
    package let line: Int
    /// A sentence, without anything of a digest.
    package let problem: String

    init(line: Int, _ problem: String) {
        self.line = line
        self.problem = problem
    }

    /// "line 3: "web" is the name of line 1, too".
    package var description: String { "line \(line): \(problem)" }
}

/// A file of tokens.
package enum TokenFile {
    /// Bytes of the longest one.
    package static let byteCountMaximum = 1 << 20
    /// Tokens of a file: each request is compared with all of them.
    package static let tokenCountMaximum = 1000
    private static let nameLengthMaximum = 64
    private static let prefixByteCountMaximum = 1024

    /// The tokens of a file, in its order.
    package static func tokens(of bytes: [UInt8]) throws(TokenFileError) -> [AccessToken] {
        var tokens: [AccessToken] = []
        var lines: [Int] = []
        let all = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, line) in zip(1..., all) {
            guard let token = try token(of: line, number) else { continue }
            if let same = tokens.firstIndex(where: { $0.name == token.name }) {
                throw TokenFileError(
                    line: number, "\"\(token.name)\" is the name of line \(lines[same]), too")
            }
            if let same = tokens.firstIndex(where: { $0.digest == token.digest }) {
                throw TokenFileError(
                    line: number, "the digest is that of line \(lines[same]), too")
            }
            if tokens.count == tokenCountMaximum {
                throw TokenFileError(
                    line: number, "there are more than \(tokenCountMaximum) tokens")
            }
            tokens.append(token)
            lines.append(number)
        }
        return tokens
    }

    /// Nil for a line without a token.
    private static func token(
        of line: ArraySlice<UInt8>, _ number: Int
    ) throws(TokenFileError) -> AccessToken? {
        guard let text = String(validating: line, as: UTF8.self) else {
            throw TokenFileError(line: number, "is not UTF-8")
        }
        let words = text.unicodeScalars.split { [" ", "\t", "\r"].contains($0) }.map {
            String(Substring($0))
        }
        guard let name = words.first, !name.hasPrefix("#") else { return nil }
        guard isName(name) else {
            throw TokenFileError(
                line: number,
                "\"\(KeyText.escaped(Array(name.utf8)))\" is no name: 1 to \(nameLengthMaximum) "
                    + "letters, digits, dots, hyphens and underscores")
        }
        guard (3...4).contains(words.count) else {
            throw TokenFileError(
                line: number,
                "has \(counted(words.count, "word")), not NAME DIGEST PERMISSIONS [PREFIX]")
        }
        let permissions = try permissions(of: words[2], number)
        let prefix = words.count > 3 ? try prefix(of: words[3], permissions, number) : []
        return AccessToken(
            name: name, digest: try digest(of: words[1], number), permissions, prefix: prefix)
    }

    /// Whether logs can show it as it is.
    package static func isName(_ text: String) -> Bool {
        (1...nameLengthMaximum).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                    UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// The word is not shown: it may be a token that somebody took for a digest.
    private static func digest(
        of word: String, _ number: Int
    ) throws(TokenFileError) -> [UInt8] {
        guard let digest = KeyText.bytes(hexadecimal: Array(word.utf8)), digest.count == 32 else {
            throw TokenFileError(
                line: number, "the second word is no SHA-256 in 64 hexadecimal digits")
        }
        return digest
    }

    private static func permissions(
        of word: String, _ number: Int
    ) throws(TokenFileError) -> Permissions {
        guard let permissions = Permissions(words: word) else {
            let all = Permissions.words.map(\.word).joined(separator: ", ")
            throw TokenFileError(
                line: number,
                "\"\(KeyText.escaped(Array(word.utf8)))\" is no list of \(all), each once, with "
                    + "commas between")
        }
        return permissions
    }

    private static func prefix(
        of word: String, _ permissions: Permissions, _ number: Int
    ) throws(TokenFileError) -> [UInt8] {
        guard let prefix = KeyText.bytes(escaped: Array(word.utf8)), !prefix.isEmpty,
            prefix.count <= prefixByteCountMaximum
        else {
            throw TokenFileError(
                line: number,
                "\"\(KeyText.escaped(Array(word.utf8)))\" is no escaped prefix of at most "
                    + "\(prefixByteCountMaximum) bytes")
        }
        if permissions.contains(.admin) {
            throw TokenFileError(line: number, "admin is for the whole store, and has no prefix")
        }
        return prefix
    }
}
