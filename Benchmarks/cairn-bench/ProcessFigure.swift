// ProcessFigure — a number that the kernel keeps of this process, by its label in a file of /proc/self.
//
// Read through one open descriptor: about 15 µs a sample, no allocation that grows. RssAnon of `status`
// is anonymous memory alone, so what the index and the buffers take is all that shows; write_bytes of
// `io` is what went to the disk. One thread.

internal import BenchSupport
internal import CairnSystem

final class ProcessFigure {
    private let file: Descriptor
    private let label: [UInt8]
    private let unit: Int
    private let buffer = AlignedBuffer(byteCount: 8192)

    /// Bytes of resident anonymous memory.
    static func anonymousBytes() throws(BenchFailure) -> ProcessFigure {
        try ProcessFigure("RssAnon:", of: "status", unit: 1 << 10)
    }

    /// Bytes that this process had written to disks.
    static func writtenBytes() throws(BenchFailure) -> ProcessFigure {
        try ProcessFigure("write_bytes:", of: "io", unit: 1)
    }

    private init(_ label: String, of name: String, unit: Int) throws(BenchFailure) {
        self.unit = unit
        let opened = try BenchFailure.file { () throws(FileError) in
            try DirectoryHandle.open(path: "/proc/self")
        }
        guard let opened else { throw .refused("/proc is not mounted") }
        guard let file = try Self.open(name, in: opened) else {
            throw .refused("/proc is not mounted")
        }
        self.file = file
        self.label = Array(label.utf8)
    }

    private static func open(
        _ name: String, in directory: DirectoryHandle
    ) throws(BenchFailure) -> Descriptor? {
        do {
            return try directory.open(name, writable: false)
        } catch {
            throw .file(error)
        }
    }

    /// The number; 0 where the kernel does not say.
    func value() -> Int {
        let buffer = buffer
        var target = buffer.mutableBytes(0..<buffer.byteCount)
        let count = (try? SystemCall.read(file.rawValue, into: &target, at: 0)) ?? 0
        let text = Span<UInt8>(_bytes: buffer.bytes(0..<count))
        guard let start = Self.end(of: label, in: text) else { return 0 }
        var value = 0
        for position in start..<text.count {
            switch text[position] {
            case 0x30...0x39: value = value * 10 + Int(text[position] - 0x30)
            case 0x20, 0x09: continue
            default: return value * unit
            }
        }
        return value * unit
    }

    private static func end(of label: [UInt8], in text: Span<UInt8>) -> Int? {
        guard text.count >= label.count else { return nil }
        return (0...text.count - label.count).first { start in
            label.indices.allSatisfy { text[start + $0] == label[$0] }
        }.map { $0 + label.count }
    }
}
