// Responder — writes one answer behind those before it, field by field, straight into what is sent.
//
// In this order: `begin`, any fields, one form of `end`. Date, length and what becomes of the connection
// are written by it. An answer to HEAD says what one to GET would, and has no body. Nothing is allocated.
// The output is its own from `begin` to `end`: as a property of a class, each of the twenty writes of an answer
// would ask first whether somebody else had it. On the loop's thread, within the call that lends it.

internal import CairnSystem

/// Writes the answer to one request.
package struct Responder: ~Copyable {
    private enum State {
        case unused, begun, ended
    }

    private let connection: Connection
    private let closes: Bool
    private var state = State.unused
    private var status: UInt16 = 0
    private var output: ByteQueue
    /// Of the output, before the answer.
    private var startByteCount = 0

    init(_ connection: Connection, closes: Bool) {
        self.connection = connection
        output = connection.buffers.output
        self.closes = closes
    }

    /// Whether the answer is whole, but for a body that is made as it is taken.
    var hasEnded: Bool { state == .ended }
    var isUnused: Bool { state == .unused }

    /// For an answer that comes later.
    package var exchange: Exchange {
        Exchange(loop: connection.loop, number: connection.exchange)
    }

    /// Notes for the summary of the request what kind of one it is.
    package func mark(_ tag: UInt8) { connection.ledger.tag = tag }

    /// Notes what it is about.
    package func attach(_ subject: AnyObject) { connection.ledger.attachment = subject }

    /// Writes the status, and the fields that every answer has.
    package mutating func begin(_ status: UInt16) {
        precondition(state == .unused, "a request has one answer")
        state = .begun
        self.status = status
        connection.ledger.status = status
        output = connection.buffers.output
        startByteCount = output.count
        output.append(StatusLine.text(status))
        let date = connection.loop.dateLine
        output.append(date.rawSpan)
        if closes {
            connection.closesBehindAnswer = true
            output.append("Connection: close\r\n")
        } else if connection.buffers.head.minorVersion == 0 {
            output.append("Connection: keep-alive\r\n")
        }
    }

    /// Writes a field; control bytes of the value become spaces.
    package mutating func field(_ name: StaticString, _ value: RawSpan) {
        precondition(state == .begun, "a field stands behind the status")
        output.append(field: name.rawSpan, value)
    }

    /// Writes a field whose name came from elsewhere and is known to be a token.
    package mutating func field(_ name: RawSpan, _ value: RawSpan) {
        precondition(state == .begun, "a field stands behind the status")
        precondition(name.isAll(.token, 0..<name.byteCount), "a field's name is a token")
        output.append(field: name, value)
    }

    /// Writes a field of the program.
    package mutating func field(_ name: StaticString, _ value: StaticString) {
        precondition(state == .begun, "a field stands behind the status")
        output.append(field: name.rawSpan, text: value.rawSpan)
    }

    /// Writes whole lines of the program, their ends included.
    package mutating func lines(_ text: StaticString) {
        precondition(state == .begun, "a field stands behind the status")
        output.append(text)
    }

    /// Writes a field that is a number.
    package mutating func field(_ name: StaticString, _ value: UInt64) {
        precondition(state == .begun, "a field stands behind the status")
        output.append(name)
        output.append(": ")
        output.append(decimal: value)
        output.append("\r\n")
    }

    /// Writes `ETag`.
    package mutating func entityTag(_ sequence: UInt64) {
        fieldStart("ETag: ")
        EntityTag.append(sequence, to: &output)
        output.append("\r\n")
    }

    /// Writes `Last-Modified`; the second since 1970.
    package mutating func lastModified(_ second: UInt64) {
        fieldStart("Last-Modified: ")
        HTTPDate.append(second, to: &output)
        output.append("\r\n")
    }

    /// Writes `Content-Range` of a blob of so many bytes.
    package mutating func contentRange(_ range: ByteRange, byteCount: UInt64) {
        fieldStart("Content-Range: ")
        range.appendContentRange(byteCount: byteCount, to: &output)
        output.append("\r\n")
    }

    /// Writes `Repr-Digest`.
    package mutating func reprDigest(_ algorithm: IntegrityAlgorithm, _ digest: RawSpan) {
        fieldStart("Repr-Digest: ")
        algorithm.append(digest, to: &output)
        output.append("\r\n")
    }

    private mutating func fieldStart(_ text: StaticString) {
        precondition(state == .begun, "a field stands behind the status")
        output.append(text)
    }

    /// Ends an answer without a body.
    package mutating func end() {
        endHead(0)
        giveBack()
    }

    /// Ends the answer with a body, which is left out where the status has none.
    package mutating func end(_ body: RawSpan) {
        endHead(UInt64(body.byteCount))
        if hasBody { output.append(body) }
        giveBack()
    }

    /// The same with a body of so many bytes that is made as the client takes it.
    package mutating func end(byteCount: UInt64, from source: any BodySource) {
        endHead(byteCount)
        giveBack()
        guard hasBody, byteCount > 0 else { return source.abandon() }
        connection.source = source
        connection.sourceLeft = byteCount
        connection.heldByteCount = output.count - startByteCount
    }

    private func giveBack() { connection.buffers.output = output }

    private var hasBody: Bool {
        connection.buffers.head.method != .head && !StatusLine.isBodiless(status)
    }

    private mutating func endHead(_ byteCount: UInt64) {
        precondition(state == .begun, "an answer ends once")
        if !StatusLine.isBodiless(status) { field("Content-Length", byteCount) }
        state = .ended
        if hasBody { connection.ledger.sentByteCount = byteCount }
        output.append("\r\n")
    }
}
