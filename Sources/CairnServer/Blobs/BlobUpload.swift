// BlobUpload — a body on its way into the store, however long it is.
//
// The loop's thread fills pieces; a task on a thread that may wait for the disk writes them. When one waits to
// be written, nothing more is read from the client. Invariants: (1) at most one task of an upload runs, and it
// alone touches the writer; (2) one answer is given: by the write that fails, or by the commit; (3) nothing
// of an upload that is abandoned or fails is ever seen. Memory: three pieces and the store's chunk at most,
// of which the context was asked before.

internal import Cairn
internal import CairnHTTP
internal import CairnSystem

/// Receives a body. Belongs to the loop's thread.
final class BlobUpload: BodyReceiver {
    private static let pieceByteCount = 256 << 10
    /// A piece, and what one read from a socket may add to it.
    static let bufferByteCount = pieceByteCount + (64 << 10)
    /// What the shortest one has in memory beside its bytes.
    static let leastByteCount = bufferByteCount + (1 << 20)
    /// The most that one upload has in memory.
    static let reservedByteCount = 3 * bufferByteCount + (1 << 20)

    private let task: UploadTask
    private var filling: BodyMemory

    /// The upload gives back what was reserved for it.
    init(_ write: BlobWrite, _ exchange: Exchange, _ context: ServerContext, reserved: Int) {
        filling = BodyMemory(context.pieceBuffers)
        task = UploadTask(write, exchange, context, reserved: reserved)
    }

    func receive(_ bytes: RawSpan) -> Bool {
        filling.append(bytes)
        return handOver()
    }

    func receive(upTo byteCount: Int, _ body: (inout MutableRawSpan) -> Int) -> Bool? {
        filling.append(upTo: byteCount, body)
        return handOver()
    }

    private func handOver() -> Bool {
        if filling.count < Self.pieceByteCount { return true }
        return task.add(filling.take(), isLast: false)
    }

    func finish(_ responder: inout Responder) -> Verdict {
        _ = task.add(filling.take(), isLast: true)
        return .pending
    }

    func abandon() { task.abandon() }
}

/// Writes what was received.
// Sendable: `writer` is touched by the one task that runs, what both threads touch has a lock.
private final class UploadTask: @unchecked Sendable {
    private struct State {
        /// Not written yet.
        var pieces: [ByteQueue] = []
        var isRunning = false
        /// The client is not read from.
        var isPaused = false
        var isWhole = false
        var isAbandoned = false
    }

    private enum Step {
        case write(ByteQueue, resumes: Bool)
        case commit
        case abort
        case rest
    }

    private let state = Guarded(State())
    private let write: BlobWrite
    private let exchange: Exchange
    private let context: ServerContext
    private let reservedByteCount: Int
    private var writer: BlobWriter?
    private let digests: BlobDigests?

    init(_ write: BlobWrite, _ exchange: Exchange, _ context: ServerContext, reserved: Int) {
        self.write = write
        self.exchange = exchange
        self.context = context
        reservedByteCount = reserved
        digests = BlobDigests(write.integrity)
    }

    deinit { context.releaseUpload(reservedByteCount) }

    /// False: no more until the exchange is resumed.
    func add(_ piece: ByteQueue, isLast: Bool) -> Bool {
        change { state in
            state.pieces.append(piece)
            state.isWhole = isLast
            // The first one is about to be written.
            state.isPaused = !isLast && state.isRunning
            return !state.isPaused
        }
    }

    func abandon() { change { $0.isAbandoned = true } }

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        let (result, begins) = state.withLock { state in
            let result = body(&state)
            defer { state.isRunning = true }
            return (result, !state.isRunning)
        }
        if begins { context.threads.submit { self.run() } }
        return result
    }

    // MARK: The task

    private func run() {
        while true {
            switch nextStep() {
            case .write(let piece, let resumes):
                if resumes { exchange.resume() }
                take(piece)
            case .commit: return answer(commit())
            case .abort:
                writer?.abort()
                return
            case .rest: return
            }
        }
    }

    private func nextStep() -> Step {
        state.withLock { state in
            if state.isAbandoned { return .abort }
            if !state.pieces.isEmpty {
                defer { state.isPaused = false }
                return .write(state.pieces.removeFirst(), resumes: state.isPaused)
            }
            if state.isWhole { return .commit }
            state.isRunning = false
            return .rest
        }
    }

    private func take(_ piece: ByteQueue) {
        defer { BodyMemory.giveBack(piece, to: context.pieceBuffers) }
        do throws(StoreError) {
            digests?.update(piece.bytes)
            try startedWriter().write(piece.bytes)
        } catch {
            // What still comes is not wanted.
            abandon()
            answer(.failure(write.problem(error, context)))
        }
    }

    private func startedWriter() throws(StoreError) -> BlobWriter {
        if let writer { return writer }
        let (key, options) = (write.key, write.options(under: write.condition ?? .none))
        let started = try context.store.writer(key.rawSpan, options)
        writer = started
        return started
    }

    private func commit() -> WriteResult {
        write.result(context) { () throws(StoreError) in
            let writer = try startedWriter()
            if let problem = digests?.problem() {
                writer.abort()
                return .failure(problem)
            }
            if let condition = write.condition {
                let metadata = write.options(under: condition).metadata
                return .success(try writer.commit(metadata: metadata))
            }
            return try commitLooking(writer)
        }
    }

    /// Commits if the condition holds of the blob that is there. When another one is there by then the upload
    /// is over, and the condition may hold all the same: that it does not is said only if so.
    private func commitLooking(
        _ writer: BlobWriter
    ) throws(StoreError) -> WriteResult {
        let (key, store) = (write.key, context.store)
        switch write.options(replacing: try store.information(key.rawSpan)) {
        case .failure(let problem):
            writer.abort()
            return .failure(problem)
        case .success(let options):
            do throws(StoreError) {
                return .success(
                    try writer.commit(under: options.condition, metadata: options.metadata))
            } catch {
                guard error.kind == .conditionFailed else { throw error }
            }
        }
        switch write.options(replacing: try store.information(key.rawSpan)) {
        case .failure(let problem): return .failure(problem)
        case .success: return .failure(BlobWrite.changedMeanwhile)
        }
    }

    private func answer(_ outcome: WriteResult) {
        let (write, context) = (write, context)
        exchange.answer { responder in write.answer(outcome, &responder, context) }
    }
}
