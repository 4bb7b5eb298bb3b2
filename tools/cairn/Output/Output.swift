// Output — standard output in large pieces, and the error that says it is gone.
//
// Lines are kept until there are many, or given at once where a person reads them. Whoever made an
// output flushes it: what is left in it when the process ends is lost. One thread.

internal import Cairn
internal import CairnFormat
internal import CairnSystem

final class Output {
    private static let byteCountMaximum = 64 << 10

    private let stream: ByteStream
    private let isPersonal: Bool
    private var pending: [UInt8] = []
    /// Bytes of the output so far.
    private(set) var byteCount: UInt64 = 0

    init(_ stream: ByteStream) {
        self.stream = stream
        isPersonal = stream.isTerminal
    }

    var isTerminal: Bool { isPersonal }

    func line(_ text: String) throws(ToolFailure) {
        pending += text.utf8
        pending.append(0x0a)
        byteCount += UInt64(text.utf8.count + 1)
        if isPersonal || pending.count > Self.byteCountMaximum { try flush() }
    }

    func write(_ bytes: RawSpan) throws(ToolFailure) {
        byteCount += UInt64(bytes.byteCount)
        if pending.count + bytes.byteCount > Self.byteCountMaximum {
            try flush()
            try ToolFailure.file { () throws(FileError) in try stream.write(bytes) }
        } else {
            pending.append(copying: bytes)
        }
    }

    func flush() throws(ToolFailure) {
        if pending.isEmpty { return }
        let bytes = pending
        pending = []
        try ToolFailure.file { () throws(FileError) in try stream.write(bytes.rawSpan) }
    }

    /// A line for the person, on standard error; what goes wrong with it has nobody to be told.
    static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        try? ByteStream.standardError.write(bytes.rawSpan)
    }
}
