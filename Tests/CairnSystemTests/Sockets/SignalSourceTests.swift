// SignalSourceTests — signals of the operator come as events, and do not end the process.
//
// In child processes, whose signals are nobody else's. A signal goes to the calling thread alone, since
// the other threads of a test's process were there before the source.

import CairnSystem
import Glibc
import Testing

@Suite("Signal source") struct SignalSourceTests {
    @Test("each signal is told once, as what it means, and ends nothing")
    func signals() async {
        await #expect(processExitsWith: .success) {
            let source = try SignalSource()
            let poller = try Poller()
            try poller.add(source.rawValue, .read, token: 9)
            var events = PollEvents(capacity: 4)
            guard source.next() == nil else { exit(2) }
            let cases: [(Int32, ProcessSignal)] = [
                (SIGTERM, .terminate), (SIGINT, .interrupt), (SIGHUP, .hangUp),
                (SIGTERM, .terminate),
            ]
            for (number, meaning) in cases {
                poller.wait(into: &events, timeout: .zero)
                guard events.count == 0 else { exit(3) }
                raise(number)
                poller.wait(into: &events)
                guard events.count == 1, events[0].token == 9, events[0].isReadable else { exit(4) }
                guard source.next() == meaning, source.next() == nil else { exit(5) }
            }
        }
    }

    @Test("signals of several kinds are all told; several of one kind, once")
    func together() async {
        await #expect(processExitsWith: .success) {
            let source = try SignalSource()
            for _ in 0..<3 { for number in [SIGHUP, SIGTERM] { raise(number) } }
            var told: Set<ProcessSignal> = []
            for _ in 0..<2 {
                guard let signal = source.next() else { exit(2) }
                told.insert(signal)
            }
            guard told == [.hangUp, .terminate], source.next() == nil else { exit(3) }
        }
    }

    @Test("signals that were ignored, as for a process in the background, are told all the same")
    func ignored() async {
        await #expect(processExitsWith: .success) {
            for number in [SIGHUP, SIGINT] { signal(number, SIG_IGN) }
            let source = try SignalSource()
            raise(SIGHUP)
            guard source.next() == .hangUp, source.next() == nil else { exit(2) }
        }
    }
}
