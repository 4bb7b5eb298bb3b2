// ListCommand — `cairn ls`: the keys of a store, all or those that begin alike, whole or in parts.
//
// Thin over the library's listing: streams, in key order, and passes over what a delimiter makes one. Of a store with damage it lists what is certain to be there; what opening found
// wrong is told before, and after it that this may not be all.

internal import Cairn
internal import CairnText

enum ListCommand: ToolCommand {
    static let row = CommandRow(
        name: "ls", summary: "lists the keys of a store",
        arguments: [
            .directory, ArgumentRow("PREFIX", .optional, "only keys that begin with this"),
        ],
        options: [
            OptionRow(.limit, value: "N", "at most so many lines"),
            OptionRow(.after, value: "KEY", "only what comes behind this, which need not be there"),
            OptionRow(
                .delimiter, value: "TEXT",
                "keys that have this behind PREFIX are told once, by what they have in common up to it"
            ),
            OptionRow(
                .escaped,
                "keys and parts of keys are in the form that this tool prints: \\xNN stands for a byte"
            ),
            OptionRow(.hex, "keys and parts of keys are given as hexadecimal digits"), .json,
        ],
        details: [
            "One key a line, in the form that --escaped takes, in bytewise order. Works beside a "
                + "process that has the store open.",
            "With --delimiter a line that ends with it stands for all keys that begin so; with --json "
                + "such a line has prefix and prefixHex in the place of key and keyHex. The last line "
                + "of one listing, given to --after with --escaped, begins the next.",
        ],
        examples: [
            Example("cairn ls store photos/", "all keys of a kind"),
            Example("cairn ls --delimiter / store photos/", "as in a directory, one level"),
            Example("cairn ls --limit 1000 --escaped --after 'photos/1' store", "page by page"),
            Example("cairn ls --json store | jq -r .keyHex", "for programs"),
            Example(
                "cairn ls store tmp/ | while IFS= read -r key; do "
                    + "cairn rm --escaped store -- \"$key\"; done",
                "remove what begins alike"),
        ],
        exits: [(.damage, "something is missing or damaged, and keys in it are not listed")])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let prefix = try call.prefix(1)
        let after = try call.part(.after)
        let delimiter = try call.part(.delimiter)
        if delimiter?.isEmpty == true { throw .usage("--delimiter takes at least one byte", row) }
        let limit = try call.number(.limit, of: "lines", in: 1...UInt64(Int.max)).map { Int($0) }
        return try StoreAccess.read(call) { (store) throws(ToolFailure) in
            let listing = store.listCertain(
                prefix: Key(prefix), after: after.map { Key($0) },
                delimiter: delimiter.map { Key($0) }, limit: limit)
            while let item = try ToolFailure.store({ () throws(StoreError) in try listing.next() })
            {
                try output.line(call.has(.json) ? json(item) : KeyText.escaped(item.key.bytes))
            }
            return StoreAccess.completeness(of: store)
        }
    }

    private static func json(_ item: ListedItem) -> String {
        let name = item.isPrefix ? "prefix" : "key"
        var line = JSONLine()
        line.add(name, KeyText.escaped(item.key.bytes))
        line.add(name + "Hex", KeyText.hexadecimal(item.key.bytes))
        return line.line
    }
}
