// DaemonHelp — what `cairnd --help` says.
//
// The options come from their table and the statuses from theirs; the rest stands here. Pure.

internal import CairnServer
internal import CairnText

enum DaemonHelp {
    static let summary = "serves a Cairn store over HTTP"

    /// All ways to call it.
    static let usages = [
        "cairnd --dir DIR [options]", "cairnd health [--url URL] [options]",
        "cairnd token NAME PERMISSIONS [PREFIX]", "cairnd help [--man | --completions SHELL]",
    ]

    static let commands: [(name: String, text: String)] = [
        (
            "health",
            "asks the server that has these options, or the one at a URL, whether it serves"
        ),
        (
            "token",
            "makes a token; prints its line for --token-file, and the token on standard error"
        ),
        ("help", "shows this text, the manual page, or completions for bash, zsh or fish"),
    ]

    static let sources =
        "Each option is also a variable of the environment, CAIRN_MAX_BLOB_BYTES for "
        + "--max-blob-bytes, and a line of the file, max-blob-bytes = 1GiB. The command line "
        + "is stronger than the environment, and that than the file. Bytes are such as 64MiB, "
        + "times such as 500ms, 10s, 5min."

    static let exits = DaemonExit.texts.map { (name: "\($0.code.rawValue)", text: $0.text) }

    static let examples = [
        "# on this machine alone", "cairnd --dir store", "# for others, with tokens",
        "cairnd token web read,list >> tokens; chmod 600 tokens",
        "cairnd --dir store --listen :7777 --token-file tokens",
        "# what is in force, as a file for --config", "cairnd --dir store --print-config",
    ]

    static var text: String {
        var lines = ["cairnd \(summary)", "", "usage: \(usages[0])"]
        lines += usages.dropFirst().map { "       " + $0 }
        lines += ["", "commands:"] + HelpText.rows(commands)
        lines += ["", "options:"] + SettingTable.helpLines
        lines += [""] + HelpText.wrapped(sources, indent: 0)
        lines += ["", "exit codes:"] + HelpText.rows(exits)
        lines += ["", "examples:"] + examples.map { "  " + $0 }
        return lines.joined(separator: "\n")
    }
}
