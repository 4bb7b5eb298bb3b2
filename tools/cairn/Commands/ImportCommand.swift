// ImportCommand — `cairn import`: the files of a tar archive as blobs.
//
// An archive of `cairn export` restores keys, metadata and expiries exactly; of any other the paths become the
// keys. A blob that is there already with the same bytes is not written again, so an import that was
// cut short is gone on with by repeating it. All of it is durable at the end.

internal import Cairn
internal import CairnSystem
internal import CairnText

enum ImportCommand: ToolCommand {
    static let row = CommandRow(
        name: "import", summary: "stores the files of a tar archive as blobs",
        arguments: [
            .directory,
            ArgumentRow(
                "FILE", .optional, "the archive; - or nothing for standard input",
                completion: .file),
        ],
        options: [.create, .json],
        details: [
            "Takes what cairn export writes, and any other tar: then the paths are the keys, and "
                + "what is no file is left out. Blobs that are there already with the same bytes "
                + "are not written again: an import that was cut short goes on when it is "
                + "repeated. A broken archive is named with the offset; what stood before stays."
        ],
        examples: [
            Example("cairn import --create copy < store.tar", "an export"),
            Example("tar c photos | cairn import store", "files"),
        ],
        exits: [(.damage, "the archive is broken, or a blob that is there already")])

    private struct Counts {
        var imported: UInt64 = 0
        var unchanged: UInt64 = 0
        var byteCount: UInt64 = 0
    }

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let input = try archive(call)
        return try StoreAccess.write(call) { (store) throws(ToolFailure) in
            let reader = TarReader(input)
            var counts = Counts()
            do throws(ToolFailure) {
                try importAll(reader, input.byteCount, store, &counts)
            } catch {
                guard case .damaged(let message) = error else { throw error }
                let count = counts.imported + counts.unchanged
                throw .damaged(
                    "\(message); \(Units.counted(count, "blob")) before that "
                        + (count == 1 ? "is in the store" : "are in the store"))
            }
            try tell(counts, skippedCount: reader.skippedCount, isJSON: call.has(.json), output)
            return .clean
        }
    }

    private static func archive(_ call: Invocation) throws(ToolFailure) -> ByteStream {
        let input = try call.input(1)
        if input === ByteStream.standardInput, input.isTerminal {
            throw .refused("an archive is wanted on standard input, and that is a terminal")
        }
        return input
    }

    private static func importAll(
        _ reader: TarReader, _ total: UInt64?, _ store: Store, _ counts: inout Counts
    ) throws(ToolFailure) {
        let progress = ProgressLine("imported", total: total)
        defer { progress.finish() }
        var offset: UInt64 = 0
        while let entry = try reader.next() {
            if try merge(entry, reader, store) {
                counts.imported += 1
                counts.byteCount += entry.byteCount
            } else {
                counts.unchanged += 1
            }
            progress.add(reader.offset - offset)
            offset = reader.offset
        }
    }

    private static func tell(
        _ counts: Counts, skippedCount: Int, isJSON: Bool, _ output: Output
    ) throws(ToolFailure) {
        if isJSON {
            var line = JSONLine()
            line.add("importedCount", counts.imported)
            line.add("unchangedCount", counts.unchanged)
            line.add("skippedCount", skippedCount)
            line.add("byteCount", counts.byteCount)
            return try output.line(line.line)
        }
        var text = "\(Units.counted(counts.imported, "blob")) imported"
        text += " (\(Units.bytes(counts.byteCount)))"
        if counts.unchanged > 0 {
            text += ", \(Units.grouped(counts.unchanged)) there already"
        }
        if skippedCount > 0 { text += ", \(Units.grouped(skippedCount)) left out as no files" }
        try output.line(text)
    }

    // MARK: One blob

    /// Stores an entry's file; false when the blob is there already, byte for byte.
    private static func merge(
        _ entry: TarEntry, _ reader: TarReader, _ store: Store
    ) throws(ToolFailure) -> Bool {
        let present = try present(entry, store)
        defer { present?.close() }
        var equal: UInt64 = 0
        var piece = try reader.read(byteCountMaximum: 1 << 20)
        while !piece.isEmpty, let present, try next(present, piece.count) == piece {
            equal += UInt64(piece.count)
            piece = try reader.read(byteCountMaximum: 1 << 20)
        }
        if piece.isEmpty, present != nil { return false }
        // All of it is durable when the store is closed.
        let options = WriteOptions(
            durability: .interval, metadata: entry.metadata, expiry: entry.expiry)
        if UInt64(piece.count) == entry.byteCount {
            _ = try ToolFailure.store { () throws(StoreError) in
                try store.put(Key(entry.key), piece, options)
            }
            return true
        }
        let writer = try ToolFailure.store { () throws(StoreError) in
            try store.writer(Key(entry.key), options)
        }
        do throws(ToolFailure) {
            if let present { try copyFront(equal, of: present, to: writer) }
            while !piece.isEmpty {
                try ToolFailure.store { () throws(StoreError) in try writer.write(piece) }
                piece = try reader.read(byteCountMaximum: 1 << 20)
            }
            _ = try ToolFailure.store { () throws(StoreError) in try writer.commit() }
        } catch {
            writer.abort()
            throw error
        }
        return true
    }

    /// The blob that is there, if it may be the same; one that is damaged is written anew.
    private static func present(
        _ entry: TarEntry, _ store: Store
    ) throws(ToolFailure) -> BlobReader? {
        let found: BlobReader?
        do throws(StoreError) {
            found = try store.reader(Key(entry.key))
        } catch {
            guard error.kind == .damaged else { throw .store(error) }
            return nil
        }
        guard let reader = found else { return nil }
        let information = reader.information
        if information.byteCount == entry.byteCount, information.metadata == entry.metadata,
            information.expiry == entry.expiry
        {
            return reader
        }
        reader.close()
        return nil
    }

    /// Exactly so many bytes; fewer at the end, or where the blob is damaged.
    private static func next(_ reader: BlobReader, _ byteCount: Int) throws(ToolFailure) -> [UInt8]
    {
        var bytes: [UInt8] = []
        while bytes.count < byteCount {
            do throws(StoreError) {
                let more = try reader.read(byteCountMaximum: byteCount - bytes.count)
                if more.isEmpty { return bytes }
                bytes += more
            } catch {
                guard error.kind == .damaged else { throw .store(error) }
                return []
            }
        }
        return bytes
    }

    /// What was compared and found equal.
    private static func copyFront(
        _ byteCount: UInt64, of reader: BlobReader, to writer: BlobWriter
    ) throws(ToolFailure) {
        reader.seek(to: 0)
        while reader.offset < byteCount {
            let count = Int(min(1 << 20, byteCount - reader.offset))
            try ToolFailure.store { () throws(StoreError) in
                try writer.write(try reader.read(byteCountMaximum: count))
            }
        }
    }
}
