// TarReader — the entries of a tar archive, ours or anybody's, front to back.
//
// Understands ustar, pax headers and the long names of GNU tar. An archive that is cut off or not an
// archive is an error that names the offset; so is one without its end mark, for it was cut off at an
// entry's border, and one with a file whose holes GNU tar left out. One thread.

internal import Cairn
internal import CairnFormat
internal import CairnSystem
internal import CairnText

/// A file in an archive.
struct TarEntry {
    /// Where its block stands in the input.
    let offset: UInt64
    let key: [UInt8]
    let metadata: [UInt8]
    let expiry: WallTime?
    let byteCount: UInt64
}

final class TarReader {
    private static let headerByteCountMaximum: UInt64 = 1 << 20

    private let input: ByteStream
    /// Bytes read so far.
    private(set) var offset: UInt64 = 0
    /// Of the present entry.
    private var leftByteCount: UInt64 = 0
    private var paddingByteCount = 0
    /// Entries that are no files.
    private(set) var skippedCount = 0

    init(_ input: ByteStream) { self.input = input }

    /// The next file; nil behind the last one.
    func next() throws(ToolFailure) -> TarEntry? {
        try skipRest()
        var pax: [String: [UInt8]] = [:]
        var longName: [UInt8]?
        while true {
            let start = offset
            let bytes = try read(TarBlock.byteCount, "in the block of an entry")
            if bytes.rawSpan.isZero { return nil }
            guard let block = TarBlock(decoding: bytes) else {
                throw broken(start, "no tar header, or a damaged one")
            }
            switch block.kind {
            case TarBlock.paxHeader: pax = try records(try data(of: block, start), start)
            case TarBlock.longName:
                longName = Array(try data(of: block, start).prefix { $0 != 0 })
            case TarBlock.paxGlobal, TarBlock.longLink: _ = try data(of: block, start)
            case TarBlock.regular, TarBlock.oldRegular, TarBlock.contiguous:
                return try entry(block, pax, longName, start)
            case TarBlock.sparse: throw sparse(start)
            default:
                if block.kind != TarBlock.directory {
                    let name = KeyText.escaped(pax["path"] ?? longName ?? block.name)
                    Output.complain(
                        "cairn: warning: the entry \"\(name)\" at \(start) is no file but a link or "
                            + "a device; left out")
                }
                skippedCount += 1
                begin(block.byteCount)
                try skipRest()
                (pax, longName) = ([:], nil)
            }
        }
    }

    private func entry(
        _ block: TarBlock, _ pax: [String: [UInt8]], _ longName: [UInt8]?, _ start: UInt64
    ) throws(ToolFailure) -> TarEntry {
        var byteCount = block.byteCount
        if let text = pax["size"] {
            guard let size = UInt64(String(decoding: text, as: UTF8.self)) else {
                throw broken(start, "a size that is no number")
            }
            byteCount = size
        }
        if pax.keys.contains(where: { $0.hasPrefix("GNU.sparse.") }) {
            throw sparse(start)
        }
        let key = try exact(pax[TarWriter.keyName], start) ?? pax["path"] ?? longName ?? block.name
        guard !key.isEmpty else { throw broken(start, "an entry without a name") }
        let metadata = try exact(pax[TarWriter.metadataName], start) ?? []
        let expiry = try expiry(pax[TarWriter.expiryName], start)
        begin(byteCount)
        return TarEntry(
            offset: start, key: key, metadata: metadata, expiry: expiry, byteCount: byteCount)
    }

    private func sparse(_ start: UInt64) -> ToolFailure {
        broken(start, "a sparse file: make the archive without --sparse")
    }

    private func expiry(_ text: [UInt8]?, _ start: UInt64) throws(ToolFailure) -> WallTime? {
        guard let text else { return nil }
        guard let time = UInt64(String(decoding: text, as: UTF8.self)), time > 0 else {
            throw broken(start, "an expiry that is no time")
        }
        return WallTime(nanosecondsSince1970: time)
    }

    private func exact(_ text: [UInt8]?, _ start: UInt64) throws(ToolFailure) -> [UInt8]? {
        guard let text else { return nil }
        guard let bytes = KeyText.bytes(hexadecimal: text) else {
            throw broken(start, "a key or metadata that is not hexadecimal")
        }
        return bytes
    }

    /// The next bytes of the present file; empty at its end.
    func read(byteCountMaximum: Int) throws(ToolFailure) -> [UInt8] {
        let count = Int(min(UInt64(byteCountMaximum), leftByteCount))
        guard count > 0 else { return [] }
        let bytes = try read(count, "in the bytes of a file")
        leftByteCount -= UInt64(count)
        return bytes
    }

    private func begin(_ byteCount: UInt64) {
        leftByteCount = byteCount
        paddingByteCount = TarBlock.paddingByteCount(byteCount)
    }

    private func skipRest() throws(ToolFailure) {
        while leftByteCount > 0 { _ = try read(byteCountMaximum: 1 << 20) }
        if paddingByteCount > 0 { _ = try read(paddingByteCount, "behind a file") }
        paddingByteCount = 0
    }

    private func data(of block: TarBlock, _ start: UInt64) throws(ToolFailure) -> [UInt8] {
        guard block.byteCount <= Self.headerByteCountMaximum else {
            throw broken(start, "an extended header of \(block.byteCount) bytes")
        }
        begin(block.byteCount)
        let bytes = try read(byteCountMaximum: Int(block.byteCount))
        try skipRest()
        return bytes
    }

    /// "LENGTH NAME=VALUE\n", again and again.
    private func records(
        _ bytes: [UInt8], _ start: UInt64
    ) throws(ToolFailure) -> [String: [UInt8]] {
        var records: [String: [UInt8]] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != 0x20 }
            guard let count = Int(String(decoding: digits, as: UTF8.self)),
                count > digits.count + 2,
                count <= rest.count, rest[rest.startIndex + count - 1] == 0x0a
            else { throw broken(start, "a damaged extended header") }
            let record = rest.prefix(count - 1).dropFirst(digits.count + 1)
            let name = record.prefix { $0 != UInt8(ascii: "=") }
            guard name.count < record.count else {
                throw broken(start, "a damaged extended header")
            }
            records[String(decoding: name, as: UTF8.self)] = Array(record.dropFirst(name.count + 1))
            rest = rest.dropFirst(count)
        }
        return records
    }

    private func read(_ byteCount: Int, _ place: String) throws(ToolFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let count = try ToolFailure.file { () throws(FileError) in
            var span = bytes.mutableRawSpan
            return try input.read(into: &span)
        }
        offset += UInt64(count)
        guard count == byteCount else { throw broken(offset, "the archive ends \(place)") }
        return bytes
    }

    private func broken(_ offset: UInt64, _ what: String) -> ToolFailure {
        .damaged("\(input.name) at \(offset): \(what)")
    }
}
