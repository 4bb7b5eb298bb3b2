// LoadClient — one of the clients that write, overwrite, remove and read under load, and know what they were told.
//
// A client has keys of its own, and for each the states that may be found under it: the newest one that is
// promised, and every later one that was asked for. Who finds one of them keeps to it. Sizes, forms, durabilities
// and targets are random. One thread at a time.
// It also remembers by a clock what was asked for when, and promised when: so it knows what may be found by whoever
// looks at a disk as it was at any time.
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
    /// Of writes that were answered as synced.
    case whatIsSynced
    /// Of writes that were answered as synced, or as given to the operating system.
    case whatIsWritten
    /// Of all writes.
    case everything

    func holds(_ durability: String?) -> Bool {
        switch self {
        case .whatIsSynced: durability == "synced"
        case .whatIsWritten: durability == "synced" || durability == "os"
        case .everything: true
        }
    }
}

/// A write that was asked for, and when.
struct LoadAttempt {
    let state: KeyState
    let begun: Int
    /// When it was known to be promised.
    var promised: Int?
}

/// What a client asks for, and bears.
struct LoadManner: Sendable {
    var promise = Promise.whatIsWritten
    /// The server, or what it stands on, may fail: then a write that was refused may have happened or not, and
    /// writes are synced ones, so that what was seen once stays.
    var bearsFailures = false
    /// So many requests, or as many as are answered.
    var stepCount = Int.max
    /// Below 2^21.
    var byteCountExponents = 0..<22
    /// What time it is.
    var clock: @Sendable () -> Int = { 0 }
}

// Sendable: one thread at a time has it, and hands it on by being joined.
final class LoadClient: @unchecked Sendable {
    private static let keyCount = 8
    let name: Int
    var manner = LoadManner()
    private var random: TestRandom
    /// The states that may be found, the present one last.
    private(set) var states: [[KeyState]]
    /// All writes, in their order.
    private(set) var attempts: [[LoadAttempt]]
    /// Keys with a write that was not answered. It may happen late, so they are left alone until `verify`.
    private var resting: Set<Int> = []
    /// The key of the request that is under way.
    private var busy = 0
    /// What was answered wrongly.
    private(set) var faults: [String] = []
    /// Complete answers to writes.
    private(set) var acknowledgedCount = 0

    init(_ name: Int, _ random: TestRandom) {
        self.name = name
        self.random = random
        states = Array(repeating: [.absent], count: Self.keyCount)
        attempts = Array(repeating: [], count: Self.keyCount)
    }

    /// A client that knows what this one did by then.
    func asOf(_ time: Int) -> LoadClient {
        let client = LoadClient(name, random)
        for place in 0..<Self.keyCount {
            client.attempts[place] = attempts[place].filter { $0.begun <= time }
            for attempt in client.attempts[place] {
                if let promised = attempt.promised, promised <= time { client.states[place] = [] }
                client.states[place].append(attempt.state)
            }
        }
        return client
    }

    func key(_ place: Int) -> String { "client-\(name)/key-\(place)" }

    private func note(_ place: Int, _ what: String) { faults.append("\(key(place)): \(what)") }

    // MARK: Load

    /// Goes on until the server does not, or has answered often enough. `onAnswer` is called behind each write
    /// that was answered.
    func run(_ port: UInt16, onAnswer: () -> Void = {}) {
        var left = manner.stepCount
        var goesOn = true
        while goesOn, left > 0, resting.count < Self.keyCount {
            goesOn = run(port, &left, onAnswer) && manner.bearsFailures
        }
    }

    /// Over one connection; whether there may be another.
    private func run(_ port: UInt16, _ left: inout Int, _ onAnswer: () -> Void) -> Bool {
        left -= 1
        do {
            let client = try TestClient(to: port)
            while try step(client) {
                onAnswer()
                left -= 1
                if left <= 0 { return false }
            }
        } catch ClientFailure.call(_, ECONNREFUSED) {
            return false
        } catch ClientFailure.ended, ClientFailure.call(_, ECONNRESET), ClientFailure.call(
            _, EPIPE)
        {
            // What was under way may have been done, or not.
            resting.insert(busy)
        } catch {
            faults.append("client \(name): \(error)")
            return false
        }
        return true
    }

    /// False when the server says that this was the last answer.
    private func step(_ client: TestClient) throws -> Bool {
        var place = random.below(Self.keyCount)
        while resting.contains(place) { place = (place + 1) % Self.keyCount }
        busy = place
        let answer: HTTPAnswer
        switch random.below(10) {
        case 0: answer = try remove(place, client)
        case 1: answer = try read(place, client)
        default: answer = try write(place, client)
        }
        return !answer.closes
    }

    private func durabilityField() -> [String] {
        if manner.bearsFailures { return [] }
        let words = ["synced", "os", "interval"]
        let draw = random.below(4)
        return draw < words.count ? ["Cairn-Durability: \(words[draw])"] : []
    }

    private func write(_ place: Int, _ client: TestClient) throws -> HTTPAnswer {
        let range = BodyPool.draw(&random, exponents: manner.byteCountExponents)
        let body = BodyPool.bytes[range]
        let before = present(place)
        let fields = durabilityField()
        let target = "/store/\(key(place))"
        let isChunked = random.chance(1, in: 4)
        let request =
            isChunked
            ? TestClient.chunkedRequest(
                "PUT", target, fields, body: body, by: 1 + random.below(100_000))
            : TestClient.request("PUT", target, fields, body: body)
        attempt(place, .blob(range))
        try client.send(request)
        let answer = try client.answer()
        guard before.contains(where: { answer.status == ($0 == .absent ? 201 : 204) }) else {
            if !isFailure(answer) {
                note(place, "PUT of \(body.count) bytes: \(answer.status) \(answer.text)")
            }
            return answer
        }
        settle(place, answer)
        return answer
    }

    private func remove(_ place: Int, _ client: TestClient) throws -> HTTPAnswer {
        let before = present(place)
        attempt(place, .absent)
        try client.send(
            TestClient.request("DELETE", "/store/\(key(place))", durabilityField()))
        let answer = try client.answer()
        guard before.contains(where: { answer.status == ($0 == .absent ? 404 : 204) }) else {
            if !isFailure(answer) { note(place, "DELETE: \(answer.status) \(answer.text)") }
            return answer
        }
        if answer.status == 204 { settle(place, answer) }
        return answer
    }

    /// What is under a key now, as far as that is known.
    private func present(_ place: Int) -> [KeyState] {
        manner.bearsFailures ? states[place] : [states[place].last ?? .absent]
    }

    private func isFailure(_ answer: HTTPAnswer) -> Bool {
        manner.bearsFailures && answer.status >= 500
    }

    private func attempt(_ place: Int, _ state: KeyState) {
        states[place].append(state)
        attempts[place].append(LoadAttempt(state: state, begun: manner.clock()))
    }

    /// A write was answered: what was before it cannot be found any more, if that is promised.
    private func settle(_ place: Int, _ answer: HTTPAnswer) {
        acknowledgedCount += 1
        if manner.promise.holds(answer.field("Cairn-Durability")) {
            states[place] = [states[place].last ?? .absent]
            attempts[place][attempts[place].count - 1].promised = manner.clock()
        }
    }

    private func read(_ place: Int, _ client: TestClient) throws -> HTTPAnswer {
        let answer = try client.exchange("GET", "/store/\(key(place))")
        if let found = present(place).last(where: { isState($0, answer) }) {
            if manner.bearsFailures { states[place] = [found] }
        } else if !isFailure(answer) {
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
        resting = []
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
