// The files of a served store: for tests that damage them, or drop them from memory.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

extension ServedStore {
    var segments: DirectoryHandle {
        get throws {
            try #require(
                try DirectoryHandle.open(path: store.engine.storage.location + "/segments"))
        }
    }

    /// How many files of the log there are.
    var segmentFileCount: Int {
        get throws { try segments.names().filter { $0.hasSuffix(".seg") }.count }
    }

    /// Syncs everything, and lets the kernel forget the log's bytes. False when it still knows some.
    @discardableResult
    func dropCaches() throws -> Bool {
        try store.flush()
        let directory = try segments
        var isDropped = true
        for name in try directory.names() where name.hasSuffix(".seg") {
            guard let file = try directory.open(name, writable: false) else { continue }
            try SystemCall.synchronize(file.rawValue)
            try SystemCall.dropCache(file.rawValue)
            var bytes = [UInt8](repeating: 0, count: 16)
            var span = bytes.mutableRawSpan
            if try SystemCall.readIfCached(file.rawValue, into: &span, at: 0) != nil {
                isDropped = false
            }
        }
        return isDropped
    }

    /// Returns when the store would have to ask the disk for a blob.
    func makeCold(_ key: String) throws {
        try wait(for: "the blob to leave the memory") {
            try dropCaches()
            guard case .unknown = try store.engine.openIfCached(Array(key.utf8).rawSpan) else {
                return false
            }
            return true
        }
    }

    /// Flips a bit in the middle of these bytes, which some file of the log holds as they are.
    func rot(_ bytes: [UInt8]) throws {
        try store.flush()
        let directory = try segments
        for name in try directory.names() where name.hasSuffix(".seg") {
            guard let file = try directory.open(name, writable: true) else { continue }
            let count = Int(clamping: try SystemCall.byteCount(file.rawValue))
            var content = [UInt8](repeating: 0, count: count)
            var span = content.mutableRawSpan
            _ = try SystemCall.read(file.rawValue, into: &span, at: 0)
            guard let place = content.firstRange(of: bytes)?.lowerBound else { continue }
            let middle = place + bytes.count / 2
            let flipped = [content[middle] ^ 0x10]
            try SystemCall.write(file.rawValue, flipped.rawSpan, at: UInt64(middle))
            return
        }
        Issue.record("no segment holds the bytes")
    }
}
