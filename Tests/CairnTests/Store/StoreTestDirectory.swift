// StoreTestDirectory — a directory of one test's own, with eyes and hands on the files in it.
//
// A path is relative, with at most one slash: "MANIFEST", "segments/0000000000000001.seg".

import CairnFormat
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

final class StoreTestDirectory: Sendable {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    var path: String { directory.path }

    private var handle: DirectoryHandle { directory.handle }

    // MARK: Eyes

    /// The relative paths of all files, sorted.
    func files() throws -> [String] {
        try Self.files(in: handle, prefix: "").sorted()
    }

    private static func files(in directory: DirectoryHandle, prefix: String) throws -> [String] {
        var found: [String] = []
        for name in try directory.names() {
            if let inner = try? directory.directory(name) {
                found += try files(in: inner, prefix: prefix + name + "/")
            } else {
                found.append(prefix + name)
            }
        }
        return found
    }

    /// The segment files, in order of their ids.
    func segments() throws -> [String] {
        try files().filter { $0.hasPrefix("segments/") && $0.hasSuffix(".seg") }
    }

    func bytes(of file: String) throws -> [UInt8] {
        let (directory, name) = try place(file)
        guard let descriptor = try directory.open(name, writable: false) else {
            throw FileError(.open, path: file, code: ENOENT)
        }
        let byteCount = Int(try SystemCall.byteCount(descriptor.rawValue))
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let count = try bytes.withMutableRawSpan { span in
            try SystemCall.read(descriptor.rawValue, into: &span, at: 0)
        }
        return Array(bytes.prefix(count))
    }

    /// Every file but LOCK, whose contents are for messages only: a checksum of its bytes.
    func contents() throws -> [String: UInt32] {
        var contents: [String: UInt32] = [:]
        for file in try files() where file != "LOCK" {
            let bytes = try bytes(of: file)
            contents[file] = Checksum.crc32c(bytes.rawSpan)
        }
        return contents
    }

    // MARK: Hands

    func replace(_ file: String, _ bytes: [UInt8]) throws {
        let (directory, name) = try place(file)
        let descriptor = try directory.openOrCreate(name)
        try SystemCall.truncate(descriptor.rawValue, to: 0)
        try SystemCall.write(descriptor.rawValue, bytes.rawSpan, at: 0)
    }

    /// Changes a file's bytes.
    func edit(_ file: String, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = try bytes(of: file)
        change(&bytes)
        try replace(file, bytes)
    }

    func remove(_ file: String) throws {
        let (directory, name) = try place(file)
        try directory.unlink(name)
    }

    func copy(_ file: String, to newFile: String) throws {
        try replace(newFile, try bytes(of: file))
    }

    func move(_ file: String, to newFile: String) throws {
        try copy(file, to: newFile)
        try remove(file)
    }

    private func place(_ file: String) throws -> (DirectoryHandle, String) {
        let parts = file.split(separator: "/").map(String.init)
        guard parts.count == 2 else { return (handle, file) }
        return (try #require(try handle.directory(parts[0])), parts[1])
    }
}

// MARK: - Structures in files

extension [UInt8] {
    /// Stores a little-endian number.
    mutating func store(_ value: UInt32, at offset: Int) {
        withMutableRawSpan { $0.store(value, at: offset) }
    }

    /// Makes the last four bytes the checksum of all before: how STORE and MANIFEST end.
    mutating func repairTrailingChecksum() {
        let front = Array(dropLast(4))
        store(Checksum.crc32c(front.rawSpan), at: front.count)
    }

    /// Makes the checksum of a segment header right again.
    mutating func repairSegmentHeaderChecksum() {
        let front = Array(prefix(64))
        store(Checksum.crc32c(front.rawSpan), at: front.count)
    }
}
