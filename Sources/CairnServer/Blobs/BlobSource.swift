// BlobSource — a blob's bytes on their way to a client, piece by piece, each verified before it is sent.
//
// What is in memory is read in the loop's thread; for the rest a thread that may wait for the disk reads one
// piece, and the loop goes on with it. The stream is used by one of the two at a time. A blob whose first piece
// turns out damaged is answered so; behind that the connection ends, and the client sees that bytes are missing.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem

/// Used on its loop's thread; `fetched` is what the other thread leaves.
final class BlobSource: BodySource {
    private let stream: BlobReader
    private let end: UInt64
    private let exchange: Exchange
    private let context: ServerContext
    private let fetched = Fetched()
    private var hasBegun = false
    /// Why it is broken.
    private var problem: Problem?

    private final class Fetched: Sendable {
        let piece = Guarded<Result<[UInt8], StoreError>?>(nil)
    }

    init(
        _ stream: BlobReader, end: UInt64, _ exchange: Exchange,
        _ context: ServerContext
    ) {
        self.stream = stream
        self.end = end
        self.exchange = exchange
        self.context = context
    }

    func produce(_ byteCount: Int, into output: inout ByteQueue) -> Production {
        do throws(StoreError) {
            if try readOn(byteCount, into: &output) {
                hasBegun = true
                return stream.offset == end ? .end : .some
            }
            fetch(byteCount)
            return .later
        } catch {
            let problem = context.problem(error)
            if hasBegun { problem.count(context.operations) }
            self.problem = problem
            return .broken
        }
    }

    func explain(_ responder: inout Responder) {
        guard let problem else { preconditionFailure("what is broken has a reason") }
        problem.answer(&responder, context.operations)
    }

    /// The connection holds the stream no longer; when nobody does, it is closed.
    func abandon() {}

    /// False: the disk has to be asked.
    private func readOn(
        _ byteCount: Int, into output: inout ByteQueue
    ) throws(StoreError) -> Bool {
        let piece = fetched.piece.withLock { piece in
            defer { piece = nil }
            return piece
        }
        if let piece {
            let bytes = try piece.get()
            output.append(bytes.rawSpan)
            return true
        }
        let start = stream.offset
        _ = try stream.readIfCached(byteCountMaximum: wanted(byteCount)) { output.append($0) }
        return stream.offset > start
    }

    private func wanted(_ byteCount: Int) -> Int {
        Int(min(UInt64(byteCount), end - stream.offset))
    }

    private func fetch(_ byteCount: Int) {
        let (stream, count) = (stream, wanted(byteCount))
        let (fetched, exchange) = (fetched, exchange)
        context.threads.submit {
            let piece = Result { () throws(StoreError) in
                try stream.read(byteCountMaximum: count)
            }
            fetched.piece.withLock { $0 = piece }
            exchange.resume()
        }
    }
}
