// StatCommand — `cairn stat`: what is known of a blob without its bytes.
//
// One read of the record's front; the payload is neither read nor verified.

internal import Cairn
internal import CairnText

enum StatCommand: ToolCommand {
    static let row = CommandRow(
        name: "stat", summary: "shows the size, version, expiry and metadata of a blob",
        arguments: [.directory, .key],
        options: [.escaped, .hex, .json],
        details: ["Works beside a process that has the store open."],
        examples: [
            Example("cairn stat store greeting", "for people"),
            Example("cairn stat --json store greeting", "for programs"),
        ],
        exits: [(.absent, "there is no such key")])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let key = Key(try call.key(call.arguments[1]))
        return try StoreAccess.read(call) { (store) throws(ToolFailure) in
            let found = try ToolFailure.store { () throws(StoreError) in
                try store.information(key)
            }
            guard let found else {
                Output.complain("cairn: there is no key \"\(KeyText.escaped(key.bytes))\"")
                return .absent
            }
            try show(key, found, isJSON: call.has(.json), output)
            return .clean
        }
    }

    private static func show(
        _ key: Key, _ found: BlobInformation, isJSON: Bool, _ output: Output
    ) throws(ToolFailure) {
        let text = KeyText.escaped(key.bytes)
        if isJSON {
            var line = JSONLine()
            line.add("key", text)
            line.add("keyHex", KeyText.hexadecimal(key.bytes))
            line.add("byteCount", found.byteCount)
            line.add("version", found.version.sequence)
            line.add("expiry", found.expiry?.nanosecondsSince1970)
            line.add("metadata", KeyText.escaped(found.metadata))
            return try output.line(line.line)
        }
        try output.line("key      \(text)")
        try output.line(
            "size     \(Units.counted(found.byteCount, "byte")) (\(Units.bytes(found.byteCount)))")
        try output.line("version  \(found.version.sequence)")
        if let expiry = found.expiry {
            try output.line("expires  \(Units.date(nanoseconds: expiry.nanosecondsSince1970))")
        }
        if !found.metadata.isEmpty {
            try output.line("metadata \(KeyText.escaped(found.metadata))")
        }
    }
}
