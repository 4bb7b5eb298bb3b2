// RemoveCommand — `cairn rm`: removes blobs, each durably before the next.
//
// A key that is not there is named and does not keep the others from being removed.

internal import Cairn
internal import CairnText

enum RemoveCommand: ToolCommand {
    static let row = CommandRow(
        name: "rm", summary: "removes blobs",
        arguments: [.directory, ArgumentRow("KEY", .many, "the keys of the blobs")],
        options: [.escaped, .hex, .json],
        details: ["Each removal is on the disk before the next begins."],
        examples: [
            Example("cairn rm store greeting", "one blob"),
            Example("cairn rm --hex store 00ff6b 00ff6c", "several, of odd keys"),
            Example("cairn rm store -- --odd-key", "a key that looks like an option"),
        ],
        exits: [(.absent, "one of the keys was not there; the others were removed")])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        var keys: [Key] = []
        for word in call.arguments.dropFirst() { keys.append(Key(try call.key(word))) }
        return try StoreAccess.write(call) { (store) throws(ToolFailure) in
            var code = ExitCode.clean
            for key in keys {
                let receipt = try ToolFailure.store { () throws(StoreError) in
                    try store.delete(key)
                }
                if receipt == nil {
                    code = .absent
                    Output.complain("cairn: there is no key \"\(KeyText.escaped(key.bytes))\"")
                }
                guard call.has(.json) else { continue }
                var line = JSONLine()
                line.add("key", KeyText.escaped(key.bytes))
                line.add("keyHex", KeyText.hexadecimal(key.bytes))
                line.add("removed", receipt != nil)
                line.add("version", receipt?.version.sequence)
                try output.line(line.line)
            }
            return code
        }
    }
}
