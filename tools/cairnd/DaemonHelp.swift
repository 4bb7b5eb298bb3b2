// DaemonHelp — what `cairnd --help` says.
//
// The options come from their table and the statuses from theirs; the rest stands here. Pure.

internal import CairnServer
internal import CairnText

enum DaemonHelp {
    static var text: String {
        var lines = [
            "cairnd serves a Cairn store over HTTP", "", "usage: cairnd --dir DIR [options]",
            "       cairnd health [--url URL] [options]",
            "       cairnd token NAME PERMISSIONS [PREFIX]", "", "commands:",
        ]
        lines += HelpText.rows([
            (
                "health",
                "asks the server that has these options, or the one at a URL, whether it serves"
            ),
            (
                "token",
                "makes a token; prints its line for --token-file, and the token on standard error"
            ),
        ])
        lines += ["", "options:"] + SettingTable.helpLines
        lines += [""]
        lines += HelpText.wrapped(
            "Each option is also a variable of the environment, CAIRN_MAX_BLOB_BYTES for "
                + "--max-blob-bytes, and a line of the file, max-blob-bytes = 1GiB. The command line "
                + "is stronger than the environment, and that than the file. Bytes are such as 64MiB, "
                + "times such as 500ms, 10s, 5min.", indent: 0)
        lines += ["", "exit codes:"]
        lines += HelpText.rows(DaemonExit.texts.map { ("\($0.code.rawValue)", $0.text) })
        lines += [
            "", "examples:", "  # on this machine alone", "  cairnd --dir store",
            "  # for others, with tokens",
            "  cairnd token web read,list >> tokens; chmod 600 tokens",
            "  cairnd --dir store --listen :7777 --token-file tokens",
            "  # what is in force, as a file for --config", "  cairnd --dir store --print-config",
        ]
        return lines.joined(separator: "\n")
    }
}
