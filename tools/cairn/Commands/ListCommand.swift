// ListCommand — `cairn ls`: the keys of a store, all or those that begin alike.
//
// Streams, in key order. Of a store with damage it lists what is certain to be there; what opening found
// wrong is told before, and after it that this may not be all.

internal import Cairn

enum ListCommand: ToolCommand {
    static let row = CommandRow(
        name: "ls", summary: "lists the keys of a store",
        arguments: [
            .directory, ArgumentRow("PREFIX", .optional, "only keys that begin with this"),
        ],
        options: [.escaped, .hex, .json],
        details: [
            "One key a line, in the form that --escaped takes, in bytewise order. Works beside a "
                + "process that has the store open."
        ],
        examples: [
            Example("cairn ls store photos/", "all keys of a kind"),
            Example("cairn ls --json store | jq -r .keyHex", "for programs"),
            Example(
                "cairn ls store tmp/ | while IFS= read -r key; do "
                    + "cairn rm --escaped store -- \"$key\"; done",
                "remove what begins alike"),
        ],
        exits: [(.damage, "something is missing or damaged, and keys in it are not listed")])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let prefix = try call.prefix(1)
        let isJSON = call.has(.json)
        return try StoreAccess.read(call) { (store) throws(ToolFailure) in
            let listing = store.listCertain(prefix: Key(prefix))
            while let item = try ToolFailure.store({ () throws(StoreError) in try listing.next() })
            {
                let text = KeyText.escaped(item.key.bytes)
                var line = JSONLine()
                line.add("key", text)
                line.add("keyHex", KeyText.hexadecimal(item.key.bytes))
                try output.line(isJSON ? line.line : text)
            }
            return StoreAccess.completeness(of: store)
        }
    }
}
