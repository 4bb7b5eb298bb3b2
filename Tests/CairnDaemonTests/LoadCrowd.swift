// LoadCrowd — sixteen clients at once, one of which does something to the server in the midst of it.

import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

struct LoadCrowd {
    let clients: [LoadClient]

    init(_ random: inout TestRandom, clientCount: Int = 16) {
        clients = (0..<clientCount).map { LoadClient($0, random.fork()) }
    }

    private init(_ clients: [LoadClient]) { self.clients = clients }

    /// A crowd that knows what this one did by then.
    func asOf(_ time: Int) -> LoadCrowd { LoadCrowd(clients.map { $0.asOf(time) }) }

    /// Lets all of them go on until the server ends, or they are through; calls `interfere` once, behind so many
    /// writes that were answered, from a client's thread.
    func run(
        _ daemon: DaemonProcess, _ manner: LoadManner, after count: Int,
        _ interfere: @escaping @Sendable () -> Void
    ) throws {
        let answered = Shared()
        let threads = try clients.map { client in
            client.manner = manner
            return try ServiceThread.start(name: "load") {
                client.run(daemon.port) {
                    if answered.count.add(1, ordering: .relaxed).newValue == count { interfere() }
                }
            }
        }
        for thread in threads { thread.join() }
        // Nobody came so far: the load is over all the same, and says why.
        if answered.count.load(ordering: .relaxed) < count { interfere() }
    }

    private final class Shared: Sendable { let count = Atomic<Int>(0) }

    /// Every key shows a state that it may have, and the store has no other key.
    func verify(_ daemon: DaemonProcess, _ when: String) throws {
        var keys: [String] = []
        for client in clients { keys += try client.verify(daemon.port) }
        let listing = try daemon.client().exchange("GET", "/store/")
        #expect(listing.status == 200)
        let listed = listing.text.split(separator: "{\"key\":\"").dropFirst()
            .map { String($0.prefix { $0 != "\"" }) }
        // What follows one of them says nothing.
        try #require(faults.isEmpty, "\(when): \(faults.prefix(10).joined(separator: "\n"))")
        try #require(listed.sorted() == keys.sorted(), "\(when)")
    }

    /// What was answered wrongly.
    var faults: [String] { clients.flatMap(\.faults) }

    /// When something was promised.
    var promiseTimes: [Int] { clients.flatMap { $0.attempts.joined().compactMap(\.promised) } }

    var acknowledgedCount: Int { clients.reduce(0) { $0 + $1.acknowledgedCount } }
}
