// What the adversaries of the server share: bodies that tell where they are from, waits, raw exchanges.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

/// Bytes that do not compress and that differ with the salt.
func bodyBytes(_ count: Int, salt: Int = 0) -> [UInt8] {
    // Longer than a block of the store and no power of two, so that no two blocks are alike.
    let base = bodyBase
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    var start = salt &* 7919 % base.count
    while bytes.count < count {
        let end = min(base.count, start + count - bytes.count)
        bytes += base[start..<end]
        start = 0
    }
    return bytes
}

private let bodyBase: [UInt8] = {
    var random = TestRandom(seed: 20)
    return random.bytes(70_001)
}()

/// Says where two bodies differ; printing them would take longer than reading them.
func expectSame(
    _ bytes: some Collection<UInt8>, _ expected: some Collection<UInt8>, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if Array(bytes).rawSpan.isEqual(to: Array(expected).rawSpan) { return }
    let place = zip(bytes, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    Issue.record(
        """
        \(what): \(bytes.count) bytes, expected \(expected.count); \
        they differ at \(place ?? min(bytes.count, expected.count))
        """, sourceLocation: sourceLocation)
}

/// Waits for what another thread does; a wait without an end is a failure.
func wait(
    for what: String, sourceLocation: SourceLocation = #_sourceLocation,
    until condition: () throws -> Bool
) throws {
    let end = Clock.monotonicNanoseconds() + 20_000_000_000
    while true {
        if try condition() { return }
        guard Clock.monotonicNanoseconds() < end else {
            Issue.record("\(what) did not come", sourceLocation: sourceLocation)
            return
        }
        yieldProcessor()
    }
}

extension ServedStore {
    /// A store whose writes wait for no sync, for tests of other things.
    static func prompt() throws -> ServedStore {
        try ServedStore(StoreOptions(durability: .os))
    }

    /// Puts a blob and returns the number in its tag.
    @discardableResult
    func put(_ key: String, _ body: [UInt8], _ fields: [String] = []) throws -> UInt64 {
        let answer = try request("PUT", "/store/\(key)", fields, body: body)
        #expect(answer.status == 201 || answer.status == 204, "\(answer.status) \(answer.text)")
        return try #require(answer.tagNumber)
    }

    /// The answer to these bytes on a connection of its own.
    func answer(to bytes: [UInt8]) throws -> HTTPAnswer {
        let client = try client()
        try client.send(bytes)
        return try client.answer()
    }

    /// The answer to a request that is given without its Host.
    func answer(to firstLine: String, _ fields: [String] = []) throws -> HTTPAnswer {
        let lines = [firstLine, "Host: test"] + fields
        return try answer(to: Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    }

    /// What the store holds of a key, past the server.
    func stored(_ key: String) throws -> [UInt8]? { try store.get(Key(key))?.bytes }
}

extension HTTPAnswer {
    /// The number in a tag of the store's own form.
    var tagNumber: UInt64? {
        guard let tag = field("ETag"), tag.first == "\"", tag.last == "\"" else { return nil }
        return UInt64(tag.dropFirst().dropLast())
    }
}

/// Runs `body` on threads of their own, with their numbers, and returns when all have ended; what one throws
/// fails the test.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    let failures = Guarded<[String]>([])
    var threads: [ServiceThread] = []
    for number in 0..<count {
        threads.append(
            try ServiceThread.start(name: "cairn-adversary") {
                do {
                    try body(number)
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            })
    }
    for thread in threads { thread.join() }
    let all = failures.withLock { $0 }
    #expect(all.isEmpty)
}
