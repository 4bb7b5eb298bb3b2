// GatheredBody — a body that is too long to be written by the loop, and short enough to lie in memory whole.
//
// It is received where it is written from: one copy by the kernel, one task on a thread that may wait for the disk.
// (In pieces through the store's writer, as longer ones, it was copied twice more and the threads woke each other
// for each piece.) Invariants: (1) the loop's thread has the memory until the body is whole, then the task;
// (2) memory and what was reserved for it are given back when nobody has the body. Memory: one buffer.

internal import CairnHTTP
internal import CairnSystem

// Sendable: used by one thread at a time, as said above.
/// Receives a body, and has it written.
final class GatheredBody: BodyReceiver, @unchecked Sendable {
    /// Of the longest one: a record, not yet chunks.
    static let byteCountMaximum = 1 << 20

    private let write: BlobWrite
    private let exchange: Exchange
    private let context: ServerContext
    private var memory: BodyMemory

    /// Room for `byteCountMaximum` bytes was reserved, and is given back.
    init(_ write: BlobWrite, _ exchange: Exchange, _ context: ServerContext) {
        self.write = write
        self.exchange = exchange
        self.context = context
        memory = BodyMemory(context.bodyBuffers)
    }

    deinit {
        BodyMemory.giveBack(memory.take(), to: context.bodyBuffers)
        context.releaseUpload(Self.byteCountMaximum)
    }

    func receive(_ bytes: RawSpan) -> Bool {
        memory.append(bytes)
        return true
    }

    func receive(upTo byteCount: Int, _ body: (inout MutableRawSpan) -> Int) -> Bool? {
        memory.append(upTo: byteCount, body)
        return true
    }

    func finish(_ responder: inout Responder) -> Verdict {
        context.threads.submit { self.carryOut() }
        return .pending
    }

    func abandon() {}

    private func carryOut() {
        let body = memory.take()
        defer { BodyMemory.giveBack(body, to: context.bodyBuffers) }
        write.carryOut(body.bytes, exchange, context)
    }
}
