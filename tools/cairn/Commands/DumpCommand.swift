// DumpCommand — `cairn dump`: the records of a store, a segment or a hint, readably or as JSON lines.
//
// Streams; what is damaged is shown as such, a segment that is missing is told on standard error, and
// neither ends it.

internal import Cairn
internal import CairnFormat
internal import CairnSystem
internal import CairnText

enum DumpCommand: ToolCommand {
    static let row = CommandRow(
        name: "dump", summary: "prints the records of a store, a segment or a hint",
        arguments: [
            ArgumentRow(
                "PATH", .one, "the directory of a store, or a .seg or .hint file, wherever it is",
                completion: .file)
        ],
        options: [.json],
        details: ["Works beside a process that has the store open."],
        examples: [
            Example("cairn dump store | less", "everything, in the order in which it was written"),
            Example("cairn dump store/segments/0000000000000001.seg", "one segment"),
            Example("cairn dump --json store | jq -r 'select(.type==\"delete\").key'", "deletes"),
        ],
        exits: [
            (.damage, "a record is damaged and shown as such, or a segment is missing and named")
        ])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let isJSON = call.has(.json)
        let printer = Printer(output)
        let show = { (record: DumpedRecord) in
            printer.hasDamage = printer.hasDamage || record.damage != nil
            return printer.line(isJSON ? json(record) : text(record))
        }
        let path = call.directory
        if let (parent, name) = try file(path) {
            let storage = SystemStorage(path: parent)
            _ = try ToolFailure.file { () throws(FileError) in
                try storage.openDirectories(creating: false)
            }
            try ToolFailure.store { () throws(StoreError) in
                switch try storage.dumpKind(of: name) {
                case .segment: try storage.dumpSegment(name, show)
                case .hint:
                    try storage.dumpHint(name) { row in
                        printer.line(isJSON ? json(row) : text(row))
                    }
                case nil:
                    throw StoreError(.inputOutput, "\(path) is neither a segment nor a hint")
                }
            }
        } else {
            try ToolFailure.store { () throws(StoreError) in
                try SystemStorage(path: path).dumpStore(show) { id in
                    printer.hasDamage = true
                    Output.complain(
                        "cairn: warning: segment \(SegmentFileName(id)) is missing: its records are not "
                            + "shown; cairn fsck --deep names what it can")
                }
            }
        }
        if let failure = printer.failure { throw failure }
        return printer.hasDamage ? .damage : .clean
    }

    /// Prints until that fails: a dump's callback cannot throw.
    private final class Printer {
        private let output: Output
        private(set) var failure: ToolFailure?
        var hasDamage = false

        init(_ output: Output) { self.output = output }

        /// False when nothing more can be printed.
        func line(_ text: String) -> Bool {
            do throws(ToolFailure) {
                try output.line(text)
                return true
            } catch {
                failure = error
                return false
            }
        }
    }

    /// The parts of a path that leads to a file; nil when it leads to a directory.
    private static func file(
        _ path: String
    ) throws(ToolFailure) -> (parent: String, name: String)? {
        let stream = try ToolFailure.file { () throws(FileError) in try ByteStream.reading(path) }
        if stream.byteCount == nil { return nil }
        let slash = path.lastIndex(of: "/")
        let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        return (parent, slash.map { String(path[path.index(after: $0)...]) } ?? path)
    }

    // MARK: Records

    private static func json(_ record: DumpedRecord) -> String {
        var line = JSONLine()
        line.add("segment", hexadecimal(record.segmentID))
        line.add("offset", record.offset)
        line.add("byteCount", record.byteCount)
        if let header = record.header {
            line.add("type", "\(header.type)")
            line.add("version", header.sequence)
            if let chunk = record.chunk {
                line.add("blob", chunk.blobID)
                line.add("chunk", chunk.chunkNumber)
            } else if header.keyByteCount > 0 {
                line.add("key", KeyText.escaped(record.key))
                line.add("keyHex", KeyText.hexadecimal(record.key))
            }
            line.add("codec", header.flags.contains(.blocked) ? "blocked" : "\(header.codec)")
            line.add("storedByteCount", header.storedByteCount)
            line.add("rawByteCount", header.rawByteCount)
            line.add("durableLag", header.durableLag)
        }
        if !record.metadata.isEmpty { line.add("metadata", KeyText.escaped(record.metadata)) }
        line.add("expiry", record.expiry)
        if let batch = record.batch {
            line.add("batch", batch.batchID)
            line.add("batchIndex", batch.index)
            line.add("batchCount", batch.count)
        }
        if let composite = record.composite {
            line.add("blob", composite.blobID)
            line.add("blobByteCount", composite.totalByteCount)
            line.add("chunkCount", composite.chunkCount)
        }
        line.add("damage", record.damage)
        return line.line
    }

    private static func text(_ record: DumpedRecord) -> String {
        var text = "\(hexadecimal(record.segmentID)) \(record.offset)+\(record.byteCount)"
        guard let header = record.header else { return text + "  \(record.damage ?? "")" }
        text += "  \(header.type) \(header.sequence)"
        if let chunk = record.chunk {
            text += "  blob \(chunk.blobID) chunk \(chunk.chunkNumber)"
        } else if header.keyByteCount > 0 {
            text += "  \"\(KeyText.escaped(record.key))\""
        }
        if header.type == .put || header.type == .chunk {
            let form = header.flags.contains(.blocked) ? "blocked" : "\(header.codec)"
            text += "  \(counted(header.rawByteCount, "byte")), \(form) \(header.storedByteCount)"
        }
        if let composite = record.composite {
            text +=
                "  \(counted(composite.totalByteCount, "byte")) in \(Units.counted(composite.chunkCount, "chunk"))"
            text += " of blob \(composite.blobID)"
        }
        if let batch = record.batch {
            text += "  batch \(batch.batchID) \(batch.index + 1)/\(batch.count)"
        }
        if let expiry = record.expiry { text += "  expires \(Units.date(nanoseconds: expiry))" }
        if !record.metadata.isEmpty { text += "  metadata \(KeyText.escaped(record.metadata))" }
        return text + (record.damage.map { "  DAMAGED: \($0)" } ?? "")
    }

    // MARK: Rows

    private static func json(_ row: DumpedRow) -> String {
        var line = JSONLine()
        line.add("type", "\(row.row.type)")
        line.add("version", row.row.sequence)
        line.add("offset", row.row.offset)
        line.add("byteCount", row.row.recordByteCount)
        line.add("key", row.key.map(KeyText.escaped))
        line.add("keyHex", row.key.map(KeyText.hexadecimal))
        line.add("hash", hexadecimal(row.row.hashFirst) + hexadecimal(row.row.hashSecond))
        if row.row.expiry != 0 { line.add("expiry", row.row.expiry) }
        if row.row.blobID != 0 { line.add("blob", row.row.blobID) }
        return line.line
    }

    private static func text(_ row: DumpedRow) -> String {
        var text = "\(hexadecimal(row.row.hashFirst))\(hexadecimal(row.row.hashSecond))"
        text += "  \(row.row.offset)+\(row.row.recordByteCount)  \(row.row.type)"
        text += " \(row.row.sequence)"
        if let key = row.key { text += "  \"\(KeyText.escaped(key))\"" }
        if row.row.blobID != 0 { text += "  blob \(row.row.blobID)" }
        return text
    }
}
