// Scripts that run beside a real server, which picks its own port and ends with them.

import CairnTestSupport
import Testing

extension ToolProcess {
    /// Runs a script of bash in this directory while `cairnd` serves the store in it. $URL and $PORT say
    /// where; `log` is what it logs. The script fails when the server does not end in order.
    func serving(_ script: String, options: String = "") throws -> ToolResult {
        try write(Array(script.utf8), to: "script")
        return try shell(
            """
            export CAIRN CAIRND no_proxy='*' NO_PROXY='*'
            mkfifo ready
            $CAIRND --dir store --listen 127.0.0.1:0 \(options) >ready 2>log &
            daemon=$!
            read -r line <ready || { cat log >&2; exit 99; }
            export URL=${line##* } PORT=${line##*:}
            timeout 240 bash script
            status=$?
            kill $daemon
            wait $daemon || { cat log >&2; exit 98; }
            exit $status
            """)
    }

    /// Whether there is such a command here; says so when there is none.
    func hasCommand(_ command: String) throws -> Bool {
        if try shell("PATH=$PATH:/usr/sbin command -v \(command)").code == 0 { return true }
        print("SKIPPED: there is no \(command) here")
        return false
    }
}

/// The directory of the repository that the tests were built in.
let repository = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    .joined(separator: "/")
