// The workload `http`: blobs read and written over connections that stay, each with one request under way.
//
// Any server of the same paths will do: `PUT` and `GET /store/<key>`. All keys are put first, outside of the
// clock. Each connection has keys of its own, so that it knows the version that an answer must hold, and
// compares its length and both ends. Every request is timed, from its first byte sent to its answer's last.

internal import BenchSupport
internal import CairnSystem

extension CairnBench {
    static func http(_ arguments: Arguments) throws(BenchFailure) -> Report {
        guard arguments.keyCount >= arguments.connectionCount else {
            throw .usage("--keys is at least one for each of --connections")
        }
        let address = try serverAddress(arguments.url)
        let values = Values(arguments.valueSizes, isCompressible: arguments.compressible)
        let load = try BenchFailure.socket { () throws(SocketError) in
            try HTTPLoad(address, arguments, values)
        }
        try load.fill()
        let end = deadline(after: arguments.seconds ?? 3)
        let measurement = Measurement()
        let outcome = try load.progress.show(until: end) { () throws(BenchFailure) in
            try load.run(until: end)
        }
        var report = Report(.http)
        report.finish(measurement)
        report.take(outcome)
        report.complaint = outcome.complaint
        report.takeWrites(outcome)
        return report
    }

    private static func serverAddress(_ url: String) throws(BenchFailure) -> SocketAddress {
        guard url.hasPrefix("http://") else { throw .usage("--url takes http://HOST:PORT") }
        do throws(SocketAddressError) {
            return try SocketAddress(parsing: String(url.dropFirst(7).prefix { $0 != "/" }))
        } catch {
            throw .usage("--url takes http://HOST:PORT: \(error)")
        }
    }
}

/// All connections, driven from one thread.
private final class HTTPLoad {
    let progress = Progress()
    private let poller: Poller
    private var events = PollEvents(capacity: 256)
    private var connections: [HTTPClient] = []
    private let readPercentage: UInt64

    init(
        _ address: SocketAddress, _ arguments: Arguments, _ values: Values
    ) throws(SocketError) {
        poller = try Poller()
        readPercentage = UInt64(arguments.readPercentage)
        for number in 0..<arguments.connectionCount {
            let socket = try ClientSocket(to: address, within: .seconds(86_400))
            do throws(Errno) {
                try poller.add(socket.rawValue, .read, token: UInt64(number))
            } catch {
                throw SocketError(.makePoller, code: error.code)
            }
            connections.append(HTTPClient(socket, "\(address)", arguments, values, number))
        }
    }

    /// Puts every key once.
    func fill() throws(BenchFailure) {
        _ = try drive(until: .max) { (connection) throws(BenchFailure) in try connection.putNext() }
    }

    func run(until end: UInt64) throws(BenchFailure) -> WorkerOutcome {
        for connection in connections { connection.outcome = WorkerOutcome() }
        return try drive(until: end) { [readPercentage] (connection) throws(BenchFailure) in
            try connection.operate(readPercentage)
            return true
        }
    }

    /// Begins requests with `next`, until it says no or the time is over, and waits for all answers.
    private func drive(
        until end: UInt64, _ next: (HTTPClient) throws(BenchFailure) -> Bool
    ) throws(BenchFailure) -> WorkerOutcome {
        var busyCount = 0
        for connection in connections where try next(connection) { busyCount += 1 }
        while busyCount > 0 {
            poller.wait(into: &events, timeout: .seconds(1))
            let now = Clock.monotonicNanoseconds()
            for place in 0..<events.count {
                let connection = connections[Int(events[place].token)]
                guard try connection.receive(at: now) else { continue }
                if let failure = connection.outcome.failure { throw failure }
                progress.add(1)
                let goesOn = now < end ? try next(connection) : false
                if !goesOn { busyCount -= 1 }
            }
        }
        var total = WorkerOutcome()
        for connection in connections { total.add(connection.outcome) }
        return total
    }
}
