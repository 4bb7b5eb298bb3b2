// GetCommand — `cairn get`: a blob to a file or to standard output, of any size.
//
// Every byte was verified before it is written. A key that is not there touches no file; a blob that
// turns out damaged half-way leaves the true bytes before the damage, and says how many.

internal import Cairn
internal import CairnSystem
internal import CairnText

enum GetCommand: ToolCommand {
    static let row = CommandRow(
        name: "get", summary: "writes a blob to a file or to standard output",
        arguments: [
            .directory, .key,
            ArgumentRow(
                "FILE", .optional, "where to; - or nothing for standard output",
                completion: .file),
        ],
        options: [.escaped, .hex],
        details: ["Works beside a process that has the store open, and shows what it holds now."],
        examples: [
            Example("cairn get store greeting", "to the terminal"),
            Example("cairn get store photos.tar | tar x", "of any size, in bounded memory"),
            Example("cairn get --escaped store 'a\\x00b' blob.bin", "a key of odd bytes"),
        ],
        exits: [(.absent, "there is no such key")])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let key = Key(try call.key(call.arguments[1]))
        return try StoreAccess.read(call) { (store) throws(ToolFailure) in
            let reader = try ToolFailure.store { () throws(StoreError) in try store.reader(key) }
            guard let reader else {
                Output.complain("cairn: there is no key \"\(KeyText.escaped(key.bytes))\"")
                return .absent
            }
            defer { reader.close() }
            guard let path = call.path(2), path != "-" else {
                try copy(reader, to: output, name: "standard output")
                return .clean
            }
            let file = try ToolFailure.file { () throws(FileError) in
                try ByteStream.writing(path)
            }
            let target = Output(file)
            try copy(reader, to: target, name: path)
            try target.flush()
            return .clean
        }
    }

    private static func copy(
        _ reader: BlobReader, to output: Output, name: String
    ) throws(ToolFailure) {
        let progress = ProgressLine("read", total: reader.information.byteCount)
        defer { progress.finish() }
        while true {
            let bytes: [UInt8]
            do throws(StoreError) {
                bytes = try reader.read()
            } catch {
                try output.flush()
                throw .damaged(
                    "\(error.message); \(name) has the \(counted(reader.offset, "byte")) before that, of "
                        + "\(reader.information.byteCount)")
            }
            if bytes.isEmpty { return }
            try output.write(bytes.rawSpan)
            progress.add(UInt64(bytes.count))
        }
    }
}
