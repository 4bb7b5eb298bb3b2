// LoadClient — one of the clients that write, overwrite, remove and read under load, and know what they were told.
//
// A client has keys of its own, and for each the states that may be found under it: the newest one that is
// promised, and every later one that was asked for. Who finds one of them keeps to it. Sizes, forms, durabilities
// and targets are random. One thread at a time.
// Why this is sound: the pointers are of arrays of one length, lent for a comparison.

import CairnSystem
import CairnTestSupport
import Glibc

/// What is under a key: nothing, or these bytes of the pool.
enum KeyState: Equatable {
    case absent
    case blob(Range<Int>)

    func isBody(_ body: [UInt8]) -> Bool {
        guard case .blob(let range) = self, range.count == body.count else { return false }
        return unsafe memcmp(Array(BodyPool.bytes[range]), body, body.count) == 0
    }
}

/// Which answers are promises.
enum Promise {
    /// Of writes that were answered as synced, or as given to the operating system.
    case whatIsWritten
    /// Of all writes.
    case everything

    func holds(_ durability: String?) -> Bool {
        switch self {
        case .whatIsWritten: durability == "synced" || durability == "os"
        case .everything: true
        }
    }
}

// Sendable: one thread at a time has it, and hands it on by being joined.
final class LoadClient: @unchecked Sendable {
    private static let keyCount = 8
    let name: Int
    private var random: TestRandom
    /// The states that may be found, the present one last.
    private(set) var states: [[KeyState]]
    /// What was answered wrongly.
    private(set) var faults: [String] = []
    /// Complete answers to writes.
    private(set) var acknowledgedCount = 0

    init(_ name: Int, _ random: TestRandom) {
        self.name = name
        self.random = random
        states = Array(repeating: [.absent], count: Self.keyCount)
    }

    func key(_ place: Int) -> String { "client-\(name)/key-\(place)" }

    private func note(_ place: Int, _ what: String) { faults.append("\(key(place)): \(what)") }

    // MARK: Load

    /// Goes on until the server does not. `onAnswer` is called behind each write that was answered.
    func run(_ port: UInt16, _ promise: Promise, onAnswer: () -> Void) {
        do {
            let client = try TestClient(to: port)
            while try step(client, promise) { onAnswer() }
        } catch ClientFailure.ended, ClientFailure.call(_, ECONNRESET), ClientFailure.call(
            _, EPIPE),
            ClientFailure.call(_, ECONNREFUSED)
        {
            // What was under way may have been done, or not.
        } catch {
            faults.append("client \(name): \(error)")
        }
    }

    /// False when the server says that this was the last answer.
    private func step(_ client: TestClient, _ promise: Promise) throws -> Bool {
        let place = random.below(Self.keyCount)
        let answer: HTTPAnswer
        switch random.below(10) {
        case 0: answer = try remove(place, client, promise)
        case 1: answer = try read(place, client)
        default: answer = try write(place, client, promise)
        }
        return !answer.closes
    }

    private func durabilityField() -> [String] {
        let words = ["synced", "os", "interval"]
        let draw = random.below(4)
        return draw < words.count ? ["Cairn-Durability: \(words[draw])"] : []
    }

    private func write(
        _ place: Int, _ client: TestClient, _ promise: Promise
    ) throws -> HTTPAnswer {
        let range = BodyPool.draw(&random)
        let body = BodyPool.bytes[range]
        let before = states[place].last
        let fields = durabilityField()
        let target = "/store/\(key(place))"
        let isChunked = random.chance(1, in: 4)
        let request =
            isChunked
            ? TestClient.chunkedRequest(
                "PUT", target, fields, body: body, by: 1 + random.below(100_000))
            : TestClient.request("PUT", target, fields, body: body)
        states[place].append(.blob(range))
        try client.send(request)
        let answer = try client.answer()
        guard answer.status == (before == .absent ? 201 : 204) else {
            note(place, "PUT of \(body.count) bytes: \(answer.status) \(answer.text)")
            return answer
        }
        settle(place, answer, promise)
        return answer
    }

    private func remove(
        _ place: Int, _ client: TestClient, _ promise: Promise
    ) throws -> HTTPAnswer {
        let before = states[place].last
        states[place].append(.absent)
        try client.send(
            TestClient.request("DELETE", "/store/\(key(place))", durabilityField()))
        let answer = try client.answer()
        guard answer.status == (before == .absent ? 404 : 204) else {
            note(place, "DELETE: \(answer.status) \(answer.text)")
            return answer
        }
        if answer.status == 204 { settle(place, answer, promise) }
        return answer
    }

    /// A write was answered: what was before it cannot be found any more, if that is promised.
    private func settle(_ place: Int, _ answer: HTTPAnswer, _ promise: Promise) {
        acknowledgedCount += 1
        if promise.holds(answer.field("Cairn-Durability")) {
            states[place] = [states[place].last ?? .absent]
        }
    }

    private func read(_ place: Int, _ client: TestClient) throws -> HTTPAnswer {
        let answer = try client.exchange("GET", "/store/\(key(place))")
        if !isState(states[place].last ?? .absent, answer) {
            note(place, "GET finds another state than the last: \(answer.status)")
        }
        return answer
    }

    private func isState(_ state: KeyState, _ answer: HTTPAnswer) -> Bool {
        state == .absent ? answer.status == 404 : answer.status == 200 && state.isBody(answer.body)
    }

    // MARK: Looking

    /// Looks under each key, in another process than the one that was told: finds a state that may be, and
    /// remembers it. Returns the keys that are there.
    func verify(_ port: UInt16) throws -> [String] {
        let client = try TestClient(to: port)
        var keys: [String] = []
        for place in 0..<Self.keyCount {
            let answer = try client.exchange("GET", "/store/\(key(place))")
            guard let found = states[place].last(where: { isState($0, answer) }) else {
                note(
                    place,
                    "\(answer.status) with \(answer.body.count) bytes is none of \(states[place])")
                continue
            }
            states[place] = [found]
            if found != .absent { keys.append(key(place)) }
        }
        return keys
    }
}
