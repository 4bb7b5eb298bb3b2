// PutCommand — `cairn put`: a blob from a file or from standard input, of any size.
//
// Read and written a MiB at a time; nobody sees the blob before it is whole and durable. An input
// that fails half-way leaves the key as it was.

internal import Cairn
internal import CairnSystem
internal import CairnText

enum PutCommand: ToolCommand {
    static let row = CommandRow(
        name: "put", summary: "stores a blob from a file or from standard input",
        arguments: [
            .directory, .key,
            ArgumentRow(
                "FILE", .optional, "what to store; - or nothing for standard input",
                completion: .file),
        ],
        options: [
            .create,
            OptionRow(.ifAbsent, "refuses when the key has a blob already"),
            OptionRow(.metadata, value: "TEXT", "is kept with the blob, at most 16 KiB"),
            OptionRow(.expiresIn, value: "SECONDS", "the blob is absent from then on"),
            .escaped, .hex, .json,
        ],
        details: [
            "When it returns the blob is on the disk. A store that another process has open for "
                + "writing is refused, with the number of that process."
        ],
        examples: [
            Example("cairn put --create store greeting < hello.txt", "make a store and fill it"),
            Example("tar c photos | cairn put store photos.tar", "of any size, in bounded memory"),
            Example("cairn put --expires-in 86400 store token t.txt", "for a day"),
            Example("cairn put --hex store 00ff6b6579 value.bin", "a key of odd bytes"),
        ])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let key = Key(try call.key(call.arguments[1]))
        let input = try call.input(2)
        var options = WriteOptions()
        if call.has(.ifAbsent) { options.condition = .absent }
        options.metadata = try metadata(of: call)
        options.expiry = try expiry(of: call)
        return try StoreAccess.write(call) { (store) throws(ToolFailure) in
            let (receipt, byteCount) = try copyUnlessPresent(input, to: store, key, options)
            var line = JSONLine()
            line.add("key", KeyText.escaped(key.bytes))
            line.add("keyHex", KeyText.hexadecimal(key.bytes))
            line.add("byteCount", byteCount)
            line.add("version", receipt.version.sequence)
            line.add("replaced", receipt.replaced)
            if call.has(.json) { try output.line(line.line) }
            return .clean
        }
    }

    private static func metadata(of call: Invocation) throws(ToolFailure) -> [UInt8] {
        let bytes = call[.metadata]?.bytes ?? []
        guard bytes.count <= WriteOptions.metadataByteCountMaximum else {
            throw .usage("--metadata takes at most 16 KiB, not \(bytes.count) bytes", row)
        }
        return bytes
    }

    private static func expiry(of call: Invocation) throws(ToolFailure) -> WallTime? {
        let now = WallTime.now
        let maximum = (UInt64.max - now.nanosecondsSince1970) / 1_000_000_000
        let seconds = try call.number(.expiresIn, of: "seconds", in: 1...maximum)
        return seconds.map { now.advanced(by: .seconds($0)) }
    }

    /// The only condition of a put from here is that there is no blob.
    private static func copyUnlessPresent(
        _ input: ByteStream, to store: Store, _ key: Key, _ options: WriteOptions
    ) throws(ToolFailure) -> (WriteReceipt, UInt64) {
        do throws(ToolFailure) {
            return try copy(input, to: store, key, options)
        } catch {
            guard case .store(let cause) = error, cause.kind == .conditionFailed else {
                throw error
            }
            throw .refused(
                "the key \"\(KeyText.escaped(key.bytes))\" has a blob already"
                    + (cause.currentVersion.map { ", of version \($0.sequence)" } ?? ""))
        }
    }

    private static func copy(
        _ input: ByteStream, to store: Store, _ key: Key, _ options: WriteOptions
    ) throws(ToolFailure) -> (WriteReceipt, UInt64) {
        let writer = try ToolFailure.store { () throws(StoreError) in
            try store.writer(key, options)
        }
        let progress = ProgressLine("stored", total: input.byteCount)
        defer { progress.finish() }
        do throws(ToolFailure) {
            let buffer = AlignedBuffer(byteCount: 1 << 20)
            while case let count = try read(input, buffer), count > 0 {
                try ToolFailure.store { () throws(StoreError) in
                    try writer.write(buffer.bytes(0..<count))
                }
                progress.add(UInt64(count))
            }
            let receipt = try ToolFailure.store { () throws(StoreError) in try writer.commit() }
            return (receipt, writer.byteCount)
        } catch {
            writer.abort()
            throw error
        }
    }

    private static func read(
        _ input: ByteStream, _ buffer: AlignedBuffer
    ) throws(ToolFailure) -> Int {
        try ToolFailure.file { () throws(FileError) in
            var bytes = buffer.mutableBytes(0..<buffer.byteCount)
            return try input.read(into: &bytes)
        }
    }
}
