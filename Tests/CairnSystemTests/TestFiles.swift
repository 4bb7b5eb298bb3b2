// TestFiles — files in a test's own directory, and what is in them.

import CairnSystem
import CairnTestSupport
import Glibc

extension TemporaryDirectory {
    /// An existing file, whose descriptor the caller closes.
    func open(_ name: String, writable: Bool = false) throws -> Int32 {
        guard let descriptor = try handle.open(name, writable: writable) else {
            throw FileError(.open, path: name, code: ENOENT)
        }
        return descriptor.release()
    }

    /// A new file with these contents.
    func file(_ name: String, _ contents: [UInt8] = []) throws -> Descriptor {
        let descriptor = try handle.create(name)
        try SystemCall.write(descriptor.rawValue, contents.rawSpan, at: 0)
        return descriptor
    }
}

/// All bytes of an open file.
func contents(of fd: Int32) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(try SystemCall.byteCount(fd)) + 1)
    let count = try bytes.withMutableRawSpan { span in
        try SystemCall.read(fd, into: &span, at: 0)
    }
    return Array(bytes.prefix(count))
}

/// What a file without a length, as those of /proc are, has to say; closes it.
func contents(ofStream fd: Int32) throws -> [UInt8] {
    defer { try? SystemCall.close(fd) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = try bytes.withMutableRawSpan { span in
        try SystemCall.read(fd, into: &span, at: 0)
    }
    return Array(bytes.prefix(count))
}
