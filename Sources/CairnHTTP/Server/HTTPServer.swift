// HTTPServer — HTTP/1.1 on one address, with TLS or without, over a few loops.
//
// It serves from `init` on until `stop`, which lets what is under way end within a time and returns when
// no connection is left. Any thread may call anything; `stop` not from a loop's.
// Spec: the first part of the server's documentation; RFC 9110 and 9112.

package import CairnCrypto
package import CairnSystem

/// A running server.
package final class HTTPServer: Sendable {
    private let state: ServerState
    private let loops: [EventLoop]
    private let threads: [ServiceThread]

    /// Serves at an address; port 0 picks one that is free. With an identity nobody is served without TLS.
    package init(
        on address: SocketAddress, limits: ServerLimits = ServerLimits(), loopCount: Int,
        tls identity: TLSIdentity? = nil, _ handler: any RequestHandler
    ) throws(SocketError) {
        precondition(loopCount > 0 && loopCount <= 1024, "a server has loops")
        precondition(
            limits.request.headByteCountMaximum <= Int(UInt16.max), "places in a head have 16 bits")
        let listener = try ListeningSocket(
            on: address, backlog: limits.connectionCountMaximum)
        let state = ServerState(listener, loopCount: loopCount, limits, identity, handler)
        var loops: [EventLoop] = []
        for _ in 0..<loopCount { loops.append(try EventLoop(state)) }
        for loop in loops { loop.peers = loops }
        var threads: [ServiceThread] = []
        for loop in loops {
            do throws(FileError) {
                threads.append(try ServiceThread.start(name: "cairn-http") { loop.run() })
            } catch {
                for started in loops { started.stop() }
                for thread in threads { thread.join() }
                for loop in loops { loop.peers = [] }
                throw SocketError(.makePoller, code: error.code)
            }
        }
        (self.state, self.loops, self.threads) = (state, loops, threads)
    }

    /// Where it serves, with the real port.
    package var address: SocketAddress { state.address }

    /// How many connections there are.
    package var connectionCount: Int { state.count }

    /// How they are shared by the loops.
    package var connectionCounts: [Int] { loops.map(\.connectionCount) }

    /// Gives connections that are accepted from now on another identity; those that there are keep theirs.
    /// The server was made with one.
    package func reload(tls identity: TLSIdentity) {
        guard let present = state.identity else {
            preconditionFailure("a server without TLS has no identity to change")
        }
        present.withLock { $0 = identity }
    }

    /// Accepts nobody any more, lets requests that are under way be answered for so long, then ends
    /// everything. Returns when all connections are closed.
    package func stop(within duration: Duration) {
        for loop in loops { loop.stop() }
        let (sum, isEndless) = Clock.monotonicNanoseconds().addingReportingOverflow(
            duration.nanoseconds)
        let end = isEndless ? UInt64.max : sum
        let bell = Parker()
        while state.count > 0 {
            let now = Clock.monotonicNanoseconds()
            if now >= end { break }
            _ = bell.park(nanoseconds: min(end - now, 10_000_000))
        }
        for loop in loops { loop.end() }
        for thread in threads { thread.join() }
    }
}
