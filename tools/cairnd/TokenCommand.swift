// TokenCommand — `cairnd token`: makes a token, and the line of a token file that lets it in.
//
// The line goes to standard output, to be appended to the file; the token goes to standard error, once, and is
// kept nowhere. Spec: Access.md.

internal import CairnServer
internal import CairnSystem
internal import CairnText

enum TokenCommand {
    private static let usage = "usage: cairnd token NAME PERMISSIONS [PREFIX]"

    static func run(_ words: [Word]) throws(DaemonFailure) -> DaemonExit {
        if words.contains(where: { $0 == "--help" || $0 == "-h" }) {
            try Daemon.show(usage)
            return .done
        }
        guard (2...3).contains(words.count), !words.contains(where: { $0.hasPrefix("--") }) else {
            throw .usage("a token has a name, permissions and perhaps a prefix of keys\n\(usage)")
        }
        guard TokenFile.isName(words[0].text) else {
            throw .usage("\"\(words[0].text)\" is no name that a file of tokens takes\n\(usage)")
        }
        guard let permissions = Permissions(words: words[1].text) else {
            throw .usage(
                "\"\(words[1].text)\" is no list of "
                    + Permissions.words.map(\.word).joined(separator: ",") + "\n\(usage)")
        }
        let text = BearerToken.make()
        let line = BearerToken.line(
            of: text, name: words[0].text, permissions,
            prefix: words.count > 2 ? words[2].bytes : [])
        do throws(TokenFileError) {
            // The one that judges is the one that will read it.
            _ = try TokenFile.tokens(of: Array(line.utf8))
        } catch {
            throw .usage("\(error.problem)\n\(usage)")
        }
        try Daemon.show(line)
        Daemon.complain("the token, which is shown once: \(text)")
        return .done
    }
}
