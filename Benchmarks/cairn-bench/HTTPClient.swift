// HTTPClient — one connection of the workload `http`, its keys, and the request that is under way.
//
// Requests are sent whole before the next thing is done, which takes long only when the server does not read. An
// answer is understood as far as needed: its status, its length and its body. One thread.

internal import BenchSupport
internal import CairnSystem

final class HTTPClient {
    private static let endOfHead = Array("\r\n\r\n".utf8)
    private static let lengthField = Array("\r\ncontent-length:".utf8)

    private let socket: ClientSocket
    private let host: String
    private let values: Values
    /// Of its keys: the first one's number, and how far the next one's is.
    private let first: Int
    private let step: Int
    private var picker: KeyPicker
    /// Of what was put under its keys; -1: nothing yet.
    private var versions: [Int32]
    private var filledCount = 0

    // The request
    private var place = 0
    private var isRead = false
    private var startedAt: UInt64 = 0
    private var request: [UInt8] = []
    private var answer: [UInt8] = []
    private var piece = [UInt8](repeating: 0, count: 256 << 10)
    private var headEnd: Int?
    private var bodyByteCount = 0

    var outcome = WorkerOutcome()

    init(
        _ socket: consuming ClientSocket, _ host: String, _ arguments: Arguments, _ values: Values,
        _ number: Int
    ) {
        self.socket = socket
        self.host = host
        self.values = values
        (first, step) = (number, arguments.connectionCount)
        let count = (arguments.keyCount - first + step - 1) / step
        picker = KeyPicker(arguments.order, count: count, seed: arguments.seed &+ UInt64(number))
        versions = [Int32](repeating: -1, count: count)
    }

    // MARK: Requests

    /// Puts the next of its keys that was not put yet; false when there is none.
    func putNext() throws(BenchFailure) -> Bool {
        guard filledCount < versions.count else { return false }
        filledCount += 1
        try put(filledCount - 1)
        return true
    }

    func operate(_ readPercentage: UInt64) throws(BenchFailure) {
        let place = picker.next()
        if picker.draw() % 100 < readPercentage { try get(place) } else { try put(place) }
    }

    private func get(_ place: Int) throws(BenchFailure) {
        begin("GET", place)
        request += Self.endOfHead
        try send()
    }

    private func put(_ place: Int) throws(BenchFailure) {
        versions[place] += 1
        begin("PUT", place)
        let values = values
        let value = values.value(of: number, version: Int(versions[place]))
        request += Array("\r\nContent-Length: \(value.byteCount)\r\n\r\n".utf8)
        request.append(copying: value)
        try send()
    }

    private var number: Int { place * step + first }

    private func begin(_ method: String, _ place: Int) {
        self.place = place
        isRead = method == "GET"
        request.removeAll(keepingCapacity: true)
        request += "\(method) /store/user\(number) HTTP/1.1\r\nHost: \(host)".utf8
    }

    private func send() throws(BenchFailure) {
        answer.removeAll(keepingCapacity: true)
        headEnd = nil
        startedAt = Clock.monotonicNanoseconds()
        let request = request
        try BenchFailure.socket { () throws(SocketError) in try socket.send(request.rawSpan) }
    }

    // MARK: Answers

    /// Takes what has come; true when the answer is whole.
    func receive(at now: UInt64) throws(BenchFailure) -> Bool {
        let count = try BenchFailure.socket { () throws(SocketError) in
            try piece.withMutableRawSpan { (piece) throws(SocketError) in
                try socket.receive(into: &piece)
            }
        }
        guard count > 0 else { throw .refused("the server has closed a connection") }
        answer += piece[..<count]
        if headEnd == nil { readHead() }
        guard let headEnd, answer.count >= headEnd + bodyByteCount else { return false }
        judge(answer[headEnd..<headEnd + bodyByteCount])
        (isRead ? outcome.histogram : outcome.writeHistogram).add(now &- startedAt)
        return true
    }

    private func readHead() {
        guard let end = end(of: Self.endOfHead, before: answer.count) else { return }
        headEnd = end
        bodyByteCount = 0
        guard var place = self.end(of: Self.lengthField, before: end) else { return }
        while answer[place] == 0x20 { place += 1 }
        while case 0x30...0x39 = answer[place] {
            bodyByteCount = bodyByteCount * 10 + Int(answer[place] - 0x30)
            place += 1
        }
    }

    /// The place behind a word in small letters, in the head; nil where it does not stand.
    private func end(of word: [UInt8], before limit: Int) -> Int? {
        for start in 0..<max(0, limit - word.count + 1) where answer[start] == word[0] {
            let isThere = word.indices.allSatisfy { place in
                let byte = answer[start + place]
                return byte == word[place] || byte | 0x20 == word[place] && byte >= 0x41
            }
            if isThere { return start + word.count }
        }
        return nil
    }

    /// The answer's status: three digits behind the first blank.
    private var status: Int {
        answer.dropFirst(9).prefix(3).reduce(0) { $0 * 10 + Int($1) - 0x30 }
    }

    private func judge(_ body: ArraySlice<UInt8>) {
        let values = values
        let value = values.value(of: number, version: Int(max(0, versions[place])))
        outcome.operationCount += 1
        outcome.byteCount += KeyBuffer.byteCount + value.byteCount
        switch status {
        case 200 where isRead: if !isEqual(body, value) { outcome.wrongCount += 1 }
        case 201 where !isRead, 204 where !isRead: break
        case 404 where isRead: outcome.missingCount += 1
        case let status:
            outcome.failure = .refused("a request was answered by \(status)")
        }
    }

    private func isEqual(_ body: ArraySlice<UInt8>, _ value: RawSpan) -> Bool {
        guard body.count == value.byteCount else { return false }
        let edge = min(Values.edgeByteCount, body.count)
        let start = Array(body.prefix(edge)) + Array(body.suffix(edge))
        let end = value.byteCount - edge
        return start.rawSpan.extracting(0..<edge).isEqual(to: value.extracting(0..<edge))
            && start.rawSpan.extracting(edge..<2 * edge).isEqual(
                to: value.extracting(end..<value.byteCount))
    }
}
