// AccessList — who may do what: the tokens of a file, looked up by what a request bears.
//
// What is presented is hashed and the digest compared with that of every token, each in constant time and
// without an early end: how long it takes says how many tokens there are and nothing else. A list never
// changes; a new one takes its place. Any thread. Budget: one SHA-256, and 32 bytes for each token.

internal import CairnCrypto
internal import CairnFormat
package import CairnHTTP
internal import CairnSystem

/// What came of asking who a request is from.
package enum AccessAnswer: Equatable, Sendable {
    /// Nobody needs a token here.
    case open
    /// It bears this token.
    case token(AccessToken)
    /// It bears none, or none that is well-formed: 401.
    case missing
    /// It bears one that nobody has: 401.
    case unknown

    /// What is said to the client behind `WWW-Authenticate:`; nil when it may go on.
    package var challenge: StaticString? {
        switch self {
        case .open, .token: nil
        case .missing: "Bearer realm=\"cairn\""
        case .unknown: "Bearer realm=\"cairn\", error=\"invalid_token\""
        }
    }

    /// What a client is told whose token does not allow what it asks: 403.
    package static let insufficient: StaticString =
        "Bearer realm=\"cairn\", error=\"insufficient_scope\""

    /// Whether the request may do this with a key; of a listing, with the prefix of what is listed.
    package func allows(_ permission: Permissions, key: RawSpan) -> Bool {
        switch self {
        case .open: true
        case .token(let token): token.allows(permission, key: key)
        case .missing, .unknown: false
        }
    }

    /// Whether the request may do what is about the whole store.
    package func allows(_ permission: Permissions) -> Bool {
        switch self {
        case .open: true
        case .token(let token): token.allows(permission)
        case .missing, .unknown: false
        }
    }
}

/// The tokens that are known.
package struct AccessList: Sendable {
    /// Nil: nobody needs one.
    private let tokens: [AccessToken]?

    /// Everybody may do everything.
    package static let open = AccessList(tokens: nil)

    /// Those of a file. Without any, nobody may do anything.
    package init(_ tokens: [AccessToken]) { self.init(tokens: tokens) }

    private init(tokens: [AccessToken]?) { self.tokens = tokens }

    /// How many tokens there are; nil: none is needed.
    package var tokenCount: Int? { tokens?.count }

    /// Reads a file that nobody but this user may read.
    package static func reading(_ path: String) throws(ConfigurationError) -> AccessList {
        let stream = try ServerConfiguration.secret(at: path, of: "--token-file")
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try stream.readAll(atMost: TokenFile.byteCountMaximum)
        } catch {
            throw ConfigurationError("--token-file: \(error)")
        }
        do throws(TokenFileError) {
            return AccessList(try TokenFile.tokens(of: bytes))
        } catch {
            throw ConfigurationError("--token-file: \(path), \(error)")
        }
    }

    /// Who a request is from.
    package func answer(to request: borrowing Request) -> AccessAnswer {
        guard tokens != nil else { return .open }
        // With two of them nobody knows which one another reader took.
        guard request.fieldCount("authorization") == 1, let field = request.field("authorization"),
            let presented = BearerToken.range(in: field)
        else { return .missing }
        return token(field.extracting(presented)).map { .token($0) } ?? .unknown
    }

    /// The token of this text.
    package func token(_ text: RawSpan) -> AccessToken? {
        let digest = SHA256.digest(of: text)
        var found = 0
        let tokens = tokens ?? []
        for (place, token) in tokens.enumerated() {
            let isSame = token.digest.rawSpan.isEqualInConstantTime(to: digest.rawSpan)
            // No branch: digests differ, so at most one place is added.
            found |= (isSame ? 1 : 0) * (place + 1)
        }
        return found == 0 ? nil : tokens[found - 1]
    }
}

/// The text of a token in a field, and new ones.
package enum BearerToken {
    /// What a token of ours begins with, so that one that leaked is recognized.
    package static let prefix = "cairn_"

    /// Where the token stands in the value of an `Authorization` field; nil when there is none: another
    /// scheme, or text that RFC 6750 does not call a token.
    static func range(in field: RawSpan) -> Range<Int>? {
        guard field.startsIgnoringCase("bearer ") else { return nil }
        var start = 7
        while start < field.byteCount, field.byte(at: start) == UInt8(ascii: " ") { start += 1 }
        var end = start
        while end < field.byteCount, isOfToken(field.byte(at: end)) { end += 1 }
        if end == start { return nil }
        while end < field.byteCount, field.byte(at: end) == UInt8(ascii: "=") { end += 1 }
        return end == field.byteCount ? start..<end : nil
    }

    private static func isOfToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    /// A new token of 256 random bits: 64 hexadecimal digits behind the prefix.
    package static func make() -> String {
        prefix + (0..<4).map { _ in hexadecimal(SystemRandom.next()) }.joined()
    }
}

extension BearerToken {
    /// The line of a token file that lets a token in.
    package static func line(
        of text: String, name: String, _ permissions: Permissions, prefix: [UInt8]
    ) -> String {
        let digest = SHA256.digest(of: Array(text.utf8).rawSpan)
        return AccessToken(name: name, digest: digest, permissions, prefix: prefix).line
    }
}
