// StatusPage — `GET /`: the store to look at, for people.
//
// One file without anything from elsewhere, which needs no token: what it shows it asks this server for, with the
// token that its reader gives it. Its fields let nothing run but the one script in it, and that script may not
// turn text into code; so no key, type or blob can. On the loops' threads.

internal import CairnCrypto
internal import CairnHTTP
internal import CairnSystem

enum StatusPage {
    private static let bytes = PackageResources.page_html

    /// Changes with the page.
    private static let tag: UInt64 = bytes.rawSpan.sha256.prefix(8).reduce(0) {
        $0 << 8 | UInt64($1)
    }

    private static let policy: [UInt8] = {
        let (script, style) = (source(of: "script"), source(of: "style"))
        let rules = [
            "default-src 'none'", "script-src \(script)", "style-src \(style)",
            "img-src blob: data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
            "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
        ]
        return Array(rules.joined(separator: "; ").utf8)
    }()

    /// What stands in the one element of this name, by its digest: CSP level 3, section 2.3.1.
    private static func source(of element: String) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let start = text.firstRange(of: "<\(element)>"),
            let end = text.firstRange(of: "</\(element)>")
        else { preconditionFailure("the page has one \(element)") }
        let digest = Array(text[start.upperBound..<end.lowerBound].utf8).rawSpan.sha256
        return "'sha256-\(String(decoding: Base64.encoded(digest.rawSpan), as: UTF8.self))'"
    }

    /// Answers GET and HEAD.
    static func answer(_ request: borrowing Request, _ responder: inout Responder) {
        // A condition that cannot be read saves nothing.
        let isKnown = (try? TagCondition(request, "if-none-match", .weak))?.matches(tag) == true
        responder.begin(isKnown ? 304 : 200)
        responder.entityTag(tag)
        responder.field("Cache-Control", "no-cache")
        responder.field("Content-Security-Policy", policy.rawSpan)
        if isKnown { return responder.end() }
        responder.field("Content-Type", "text/html; charset=utf-8")
        responder.field("X-Content-Type-Options", "nosniff")
        responder.field("X-Frame-Options", "DENY")
        responder.field("Referrer-Policy", "no-referrer")
        responder.field("Cross-Origin-Opener-Policy", "same-origin")
        responder.end(bytes.rawSpan)
    }
}

extension StoreHandler {
    func openPage(_ request: borrowing Request, _ responder: inout Responder) -> Verdict {
        StatusPage.answer(request, &responder)
        return .answered
    }
}

extension RawSpan {
    fileprivate var sha256: [UInt8] { DigestAlgorithm.sha256.digest(of: self) }
}
