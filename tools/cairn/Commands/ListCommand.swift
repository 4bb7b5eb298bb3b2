// ListCommand — `cairn ls`: the keys of a store, all or those that begin alike.
//
// Streams, in the order in which the blobs were written; keeps no key.

internal import Cairn

enum ListCommand: ToolCommand {
    static let row = CommandRow(
        name: "ls", summary: "lists the keys of a store",
        arguments: [
            .directory, ArgumentRow("PREFIX", .optional, "only keys that begin with this"),
        ],
        options: [.escaped, .hex, .json],
        details: [
            "One key a line, in the form that --escaped takes, in the order in which the blobs lie "
                + "on disk. Works beside a process that has the store open."
        ],
        examples: [
            Example("cairn ls store photos/", "all keys of a kind"),
            Example("cairn ls --json store | jq -r .keyHex", "for programs"),
            Example(
                "cairn ls store tmp/ | while read -r key; do cairn rm --escaped store \"$key\"; done",
                "remove what begins alike"),
        ])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let prefix = try call.key(call.argument(1) ?? "")
        let isJSON = call.has(.json)
        return try StoreAccess.read(call) { (store) throws(ToolFailure) in
            try forEachKey(of: store, prefix) { (key) throws(ToolFailure) in
                var line = JSONLine()
                line.add("key", KeyText.escaped(key))
                line.add("keyHex", KeyText.hexadecimal(key))
                try output.line(isJSON ? line.line : KeyText.escaped(key))
            }
            return .clean
        }
    }

    /// Calls `body` with every key until it throws.
    static func forEachKey(
        of store: Store, _ prefix: [UInt8], _ body: ([UInt8]) throws(ToolFailure) -> Void
    ) throws(ToolFailure) {
        var failure: ToolFailure?
        try ToolFailure.store { () throws(StoreError) in
            try store.forEachLiveKey(prefix: prefix) { key in
                do throws(ToolFailure) {
                    try body(key)
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
        }
        if let failure { throw failure }
    }
}
