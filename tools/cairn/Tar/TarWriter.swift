// TarWriter — blobs as entries of a tar archive.
//
// The path of an entry is one that any tar can extract: the key itself where that is safe, escaped
// where it is not; then the exact key stands in a pax header in hexadecimal, as metadata does, and the
// expiry in nanoseconds since 1970. One thread.

internal import Cairn
internal import CairnFormat
internal import CairnSystem
internal import CairnText

struct TarWriter {
    static let keyName = "CAIRN.key"
    static let metadataName = "CAIRN.metadata"
    static let expiryName = "CAIRN.expiry"
    private static let pathByteCountMaximum = 240

    private let output: Output
    private var entryCount = 0

    init(_ output: Output) { self.output = output }

    /// Begins an entry; exactly `byteCount` bytes follow by `write`, then `end`.
    mutating func begin(
        key: [UInt8], metadata: [UInt8], expiry: WallTime?, byteCount: UInt64
    ) throws(ToolFailure) {
        entryCount += 1
        let path = self.path(key)
        // Other programs warn of what they do not know: only where the path is not the key.
        var records: [UInt8] =
            path == key ? [] : Self.record(Self.keyName, Array(KeyText.hexadecimal(key).utf8))
        if !metadata.isEmpty {
            records += Self.record(
                Self.metadataName, Array(KeyText.hexadecimal(metadata).utf8))
        }
        if let expiry {
            records += Self.record(Self.expiryName, Array("\(expiry.nanosecondsSince1970)".utf8))
        }
        if path.count > 100 { records += Self.record("path", path) }
        if byteCount >= 1 << 33 { records += Self.record("size", Array("\(byteCount)".utf8)) }
        if !records.isEmpty { try put(header: records) }
        try put(TarBlock(name: path, byteCount: byteCount, kind: TarBlock.regular).encoded)
    }

    private func put(header records: [UInt8]) throws(ToolFailure) {
        let name = Array("pax/\(entryCount)".utf8)
        try put(
            TarBlock(name: name, byteCount: UInt64(records.count), kind: TarBlock.paxHeader).encoded
        )
        try put(records)
        try end(byteCount: UInt64(records.count))
    }

    func write(_ bytes: [UInt8]) throws(ToolFailure) { try put(bytes) }

    /// Fills up the last block of an entry.
    func end(byteCount: UInt64) throws(ToolFailure) {
        try put([UInt8](repeating: 0, count: TarBlock.paddingByteCount(byteCount)))
    }

    /// Ends the archive.
    func finish() throws(ToolFailure) {
        try put([UInt8](repeating: 0, count: 2 * TarBlock.byteCount))
    }

    private func put(_ bytes: [UInt8]) throws(ToolFailure) { try output.write(bytes.rawSpan) }

    /// "LENGTH NAME=VALUE\n", its length included.
    private static func record(_ name: String, _ value: [UInt8]) -> [UInt8] {
        let rest = [0x20] + Array(name.utf8) + [UInt8(ascii: "=")] + value + [0x0a]
        var count = rest.count
        while "\(count)".utf8.count + rest.count != count {
            count = "\(count)".utf8.count + rest.count
        }
        return Array("\(count)".utf8) + rest
    }

    /// A relative path that leads nowhere else.
    private func path(_ key: [UInt8]) -> [UInt8] {
        let text = KeyText.escaped(key)
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isSafe = parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
        var path = text
        if !isSafe {
            // One component, which is none of the two that lead elsewhere.
            path = text.replacing("/", with: "\\x2f").replacing("..", with: "\\x2e.")
            if path == "." { path = "\\x2e" }
        }
        if path.utf8.count <= Self.pathByteCountMaximum { return Array(path.utf8) }
        return Array(path.utf8.prefix(Self.pathByteCountMaximum - 24))
            + Array("~\(entryCount)".utf8)
    }
}
