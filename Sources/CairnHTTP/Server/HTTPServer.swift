// HTTPServer — HTTP/1.1 on one address, over a few loops.
//
// It serves from `init` on until `stop`, which lets what is under way end within a time and returns when
// no connection is left. Any thread may call anything; `stop` not from a loop's.
// Spec: the first part of the server's documentation; RFC 9110 and 9112.

package import CairnSystem

/// A running server.
package final class HTTPServer: Sendable {
    private let state: ServerState
    private let loops: [EventLoop]
    private let threads: [ServiceThread]

    /// Serves at an address; port 0 picks one that is free.
    package init(
        on address: SocketAddress, limits: ServerLimits = ServerLimits(), loopCount: Int,
        _ handler: any RequestHandler
    ) throws(SocketError) {
        precondition(loopCount > 0 && loopCount <= 1024, "a server has loops")
        precondition(
            limits.request.headByteCountMaximum <= Int(UInt16.max), "places in a head have 16 bits")
        let listener = try ListeningSocket(
            on: address, backlog: limits.connectionCountMaximum)
        let state = ServerState(listener, loopCount: loopCount, limits, handler)
        var loops: [EventLoop] = []
        for _ in 0..<loopCount { loops.append(try EventLoop(state)) }
        var threads: [ServiceThread] = []
        for loop in loops {
            do throws(FileError) {
                threads.append(try ServiceThread.start(name: "cairn-http") { loop.run() })
            } catch {
                for started in loops { started.stop() }
                for thread in threads { thread.join() }
                throw SocketError(.makePoller, code: error.code)
            }
        }
        (self.state, self.loops, self.threads) = (state, loops, threads)
    }

    /// Where it serves, with the real port.
    package var address: SocketAddress { state.address }

    /// How many connections there are.
    package var connectionCount: Int { state.count }

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
