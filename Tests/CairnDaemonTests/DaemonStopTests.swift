// The process is told to end under load, and ends in order; told twice, it ends at once.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

extension DaemonProofs {
    @Suite("Daemon: told to end") struct ToldToEnd {
        @Test("SIGTERM under load ends it with 0, in time, and no write that was answered is lost")
        func terminate() throws {
            var random = TestRandom.reported("SIGTERM")
            let tool = try ToolProcess("cairnd")
            let crowd = LoadCrowd(&random)
            for round in 0..<2 {
                let daemon = try DaemonProcess(in: tool, Killed.options + ["--drain-time", "30s"])
                try crowd.verify(daemon, "before round \(round)")
                try crowd.run(
                    daemon, LoadManner(promise: .everything), after: 50 + random.below(200)
                ) {
                    daemon.signal(SIGTERM)
                }
                // All clients have been let go, so that nothing is left to wait for.
                let end = try daemon.awaitEnd(within: .seconds(25))
                #expect(end.code == 0, "\(end)")
            }
            let daemon = try DaemonProcess(in: tool)
            try crowd.verify(daemon, "at the end")
            print("2 ends: \(crowd.acknowledgedCount) writes were acknowledged")
        }

        @Test("an end in order makes durable what no sync has been waited for")
        func interval() throws {
            let tool = try ToolProcess("cairnd")
            // Nothing but the end does it so soon.
            let first = try DaemonProcess(in: tool, ["--durability-interval", "10min"])
            let client = try first.client()
            let body = BodyPool.dense(3000)
            for number in 0..<50 {
                let answer = try client.exchange(
                    "PUT", "/store/\(number)", ["Cairn-Durability: interval"], body: body)
                #expect(answer.field("Cairn-Durability") == "interval")
            }
            #expect(try first.stop().code == 0)
            let second = try DaemonProcess(in: tool)
            let again = try second.client()
            for number in 0..<50 {
                #expect(try again.exchange("GET", "/store/\(number)").body == Array(body))
            }
        }

        @Test("a second SIGTERM ends it at once, and all that was written is there")
        func twice() throws {
            var random = TestRandom.reported("two SIGTERM")
            let tool = try ToolProcess("cairnd")
            let crowd = LoadCrowd(&random)
            let first = try DaemonProcess(in: tool, Killed.options + ["--drain-time", "10min"])
            // The first signal alone would wait for these for a long time.
            let held = try first.client()
            try held.send(
                TestClient.request("PUT", "/store/held", ["Content-Length: 1000000"])
                    + BodyPool.dense(500_000))
            try crowd.run(first, LoadManner(), after: 100) { first.signal(SIGTERM) }
            try awaitRefusal(by: first)
            #expect(first.isRunning)
            first.signal(SIGTERM)
            let end = try first.awaitEnd(within: .seconds(20))
            #expect(end.code == 8, "\(end)")
            #expect(try held.isEnded())
            try crowd.verify(try DaemonProcess(in: tool), "behind the second signal")
        }

        @Test("a request that is under way is answered whole, then the connection is closed")
        func underWay() throws {
            let tool = try ToolProcess("cairnd")
            let daemon = try DaemonProcess(in: tool)
            let body = BodyPool.dense(1_500_000)
            let client = try daemon.client()
            let request = TestClient.request("PUT", "/store/k", body: body)
            try client.send(Array(request.prefix(700_000)))
            // Its head has come when this one is answered.
            _ = try daemon.client().exchange("GET", "/healthz")
            daemon.signal(SIGTERM)
            try awaitRefusal(by: daemon)
            try client.send(Array(request.dropFirst(700_000)))
            let answer = try client.answer()
            #expect(answer.status == 201 && answer.closes, "\(answer)")
            #expect(try client.isEnded())
            #expect(try daemon.awaitEnd().code == 0)
            let again = try DaemonProcess(in: tool)
            #expect(try again.client().exchange("GET", "/store/k").body == Array(body))
        }

        /// Waits until nobody is accepted any more.
        private func awaitRefusal(by daemon: DaemonProcess) throws {
            let end = ContinuousClock.now + .seconds(20)
            while true {
                do {
                    _ = try daemon.client()
                } catch ClientFailure.call("connect", ECONNREFUSED) {
                    return
                } catch ClientFailure.call("connect", ECONNRESET) {
                    // It waited to be accepted as the listening socket was closed.
                }
                try #require(ContinuousClock.now < end, "it goes on accepting")
                yieldProcessor()
            }
        }
    }
}
