// ProcessMemory — the anonymous memory of this process, as the kernel counts it.
//
// Reads RssAnon of /proc/self/status through one open descriptor: about 15 µs a sample, no
// allocation that grows. Files in the page cache do not count, so what the index and the buffers
// take is all that shows. One thread.

internal import CairnSystem

final class ProcessMemory {
    private let status: Descriptor
    private let buffer = AlignedBuffer(byteCount: 8192)
    private static let label = Array("RssAnon:".utf8)

    init() throws(BenchFailure) {
        let opened = try BenchFailure.file { () throws(FileError) in
            try DirectoryHandle.open(path: "/proc/self")
        }
        guard let opened else { throw .refused("/proc is not mounted") }
        guard let status = try Self.open(opened) else { throw .refused("/proc is not mounted") }
        self.status = status
    }

    private static func open(
        _ directory: DirectoryHandle
    ) throws(BenchFailure) -> Descriptor? {
        do {
            return try directory.open("status", writable: false)
        } catch {
            throw .file(error)
        }
    }

    /// Bytes of resident anonymous memory; 0 where the kernel does not say.
    func anonymousByteCount() -> Int {
        let buffer = buffer
        var target = buffer.mutableBytes(0..<buffer.byteCount)
        let count = (try? SystemCall.read(status.rawValue, into: &target, at: 0)) ?? 0
        let text = Span<UInt8>(_bytes: buffer.bytes(0..<count))
        guard let start = Self.end(of: Self.label, in: text) else { return 0 }
        var kibibytes = 0
        for position in start..<text.count {
            switch text[position] {
            case 0x30...0x39: kibibytes = kibibytes * 10 + Int(text[position] - 0x30)
            case 0x20, 0x09: continue
            default: return kibibytes << 10
            }
        }
        return kibibytes << 10
    }

    private static func end(of label: [UInt8], in text: Span<UInt8>) -> Int? {
        guard text.count >= label.count else { return nil }
        return (0...text.count - label.count).first { start in
            label.indices.allSatisfy { text[start + $0] == label[$0] }
        }.map { $0 + label.count }
    }
}
