// ExportCommand — `cairn export`: all blobs as a tar archive on standard output.
//
// Blobs come in the order in which they lie on the disk, so that it is read in sequence. A blob is
// verified whole before its entry begins, so that no entry is half a blob: a small one in
// memory, a large one by reading it twice. A damaged blob is named and left out, and the code is 4; so it
// is when blobs cannot be met or named, for an archive that lacks something must not pass for whole.

internal import Cairn
internal import CairnSystem
internal import CairnText

enum ExportCommand: ToolCommand {
    static let row = CommandRow(
        name: "export", summary: "writes all blobs as a tar archive to standard output",
        arguments: [
            .directory, ArgumentRow("PREFIX", .optional, "only keys that begin with this"),
        ],
        options: [.escaped, .hex],
        details: [
            "The path of an entry is the key where that is a safe path, and escaped where it is "
                + "not; then the exact key stands in a pax header (CAIRN.key, in hexadecimal), as "
                + "metadata does (CAIRN.metadata) and the time of expiry (CAIRN.expiry, "
                + "nanoseconds since 1970). Works beside a process that has the store open."
        ],
        examples: [
            Example("cairn export store > store.tar", "all of it"),
            Example("cairn export store photos/ | tar x -C there", "into files"),
            Example("cairn export store | ssh there cairn import --create copy", "to elsewhere"),
        ],
        exits: [
            (
                .damage,
                "something is missing or damaged, and the blobs in it were left out; those whose keys "
                    + "are known are named"
            )
        ])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let prefix = try call.prefix(1)
        if output.isTerminal {
            throw .refused("an archive is not for the terminal: send it to a file or a pipe")
        }
        return try StoreAccess.read(call) { (store) throws(ToolFailure) in
            var writer = TarWriter(output)
            var code = ExitCode.clean
            let statistics = store.statistics()
            let progress = ProgressLine("exported", total: statistics.liveByteCount)
            defer { progress.finish() }
            var metCount: UInt64 = 0
            try forEachKey(of: store) { (key) throws(ToolFailure) in
                metCount += 1
                guard key.starts(with: prefix) else { return }
                let found: BlobReader?
                do throws(StoreError) {
                    found = try verified(store, Key(key))
                } catch {
                    progress.finish()
                    code = .damage
                    Output.complain("cairn: left out \"\(KeyText.escaped(key))\": \(error.message)")
                    return
                }
                guard let reader = found else { return }
                defer { reader.close() }
                try copy(reader, key, &writer, progress)
            }
            try writer.finish()
            progress.finish()
            return max(code, completeness(of: store, metCount))
        }
    }

    /// The hints know blobs whose records are too damaged to be met in the log.
    private static func completeness(of store: Store, _ metCount: UInt64) -> ExitCode {
        let keyCount = store.statistics().keyCount
        guard keyCount > metCount else { return StoreAccess.completeness(of: store) }
        Output.complain(
            "cairn: this is not all: blobs whose records are too damaged to be met: "
                + "\(Units.grouped(keyCount - metCount)); cairn fsck --deep names them")
        return max(.damage, StoreAccess.completeness(of: store))
    }

    /// A reader of a blob whose bytes were all verified; nil when it was removed meanwhile.
    private static func verified(_ store: Store, _ key: Key) throws(StoreError) -> BlobReader? {
        guard let reader = try store.reader(key) else { return nil }
        while !(try reader.read().isEmpty) {}
        reader.seek(to: 0)
        return reader
    }

    private static func copy(
        _ reader: BlobReader, _ key: [UInt8], _ writer: inout TarWriter, _ progress: ProgressLine
    ) throws(ToolFailure) {
        let information = reader.information
        try writer.begin(
            key: key, metadata: information.metadata, expiry: information.expiry,
            byteCount: information.byteCount)
        while true {
            let bytes = try ToolFailure.store { () throws(StoreError) in try reader.read() }
            if bytes.isEmpty { break }
            try writer.write(bytes)
            progress.add(UInt64(bytes.count))
        }
        try writer.end(byteCount: information.byteCount)
    }

    /// Calls `body` with every key until it throws.
    private static func forEachKey(
        of store: Store, _ body: ([UInt8]) throws(ToolFailure) -> Void
    ) throws(ToolFailure) {
        var failure: ToolFailure?
        try ToolFailure.store { () throws(StoreError) in
            try store.forEachLiveKey(prefix: []) { key in
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
