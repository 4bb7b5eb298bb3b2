// ProcessTests — clocks, randomness, limits and memory of the process.
//
// What the system says is compared with what it says by another way.
// Why this is sound: memory is touched only within the length that was mapped, before it is unmapped;
// prefetching reads nothing.

import CairnSystem
import Glibc
import Testing

@Suite("Process") struct ProcessTests {
    @Test("clocks go forward, and wall time is this century's")
    func clocks() {
        let first = Clock.monotonicNanoseconds()
        #expect(Clock.monotonicNanoseconds() >= first)
        #expect(Clock.wallNanoseconds() > 1_700_000_000_000_000_000)
        #expect(Clock.wallNanoseconds() < 4_000_000_000_000_000_000)
        let spent = Clock.processorSeconds()
        #expect(spent > 0)
        #expect(Clock.processorSeconds() >= spent)
    }

    @Test("random numbers do not repeat")
    func random() {
        let numbers = (0..<1_000).map { _ in SystemRandom.next() }
        #expect(Set(numbers).count == 1_000)
        #expect(numbers.reduce(0, |) == .max)
        #expect(numbers.reduce(.max, &) == 0)
    }

    @Test("the descriptor limit is raised to what is allowed")
    func descriptorLimit() throws {
        let limit = try ResourceLimits.raiseDescriptorLimit()
        var now = rlimit()
        #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &now) == 0)
        #expect(now.rlim_cur == now.rlim_max)
        #expect(UInt64(limit) == UInt64(now.rlim_cur))
    }

    @Test("figures of the process are plausible")
    func figures() throws {
        #expect(try ResourceLimits.residentByteCount() > 1 << 20)
        #expect(ResourceLimits.processorCount >= 1)
        #expect(ResourceLimits.processID == getpid())
    }
}

@Suite("Anonymous memory") struct AnonymousMemoryTests {
    @Test("fresh memory is zero and writable", arguments: [1, 4_096, 65_535, 65_536, 5 << 20])
    func fresh(byteCount: Int) throws {
        let start = try unsafe #require(unsafe AnonymousMemory.map(byteCount: byteCount))
        let isZero = unsafe RawSpan(_unsafeStart: start, byteCount: byteCount).isZero
        #expect(isZero)
        unsafe memset(start, 0xFF, byteCount)
        unsafe prefetch(start)
        unsafe AnonymousMemory.unmap(start, byteCount: byteCount)
    }

    @Test("large memory is present at once")
    func populated() throws {
        let byteCount = 1 << 20
        let start = try unsafe #require(unsafe AnonymousMemory.map(byteCount: byteCount))
        defer { unsafe AnonymousMemory.unmap(start, byteCount: byteCount) }
        var pages = [UInt8](repeating: 0, count: byteCount / 4_096)
        #expect(unsafe mincore(start, byteCount, &pages) == 0)
        #expect(pages.allSatisfy { $0 & 1 == 1 })
    }

    @Test("what cannot be had is nil", arguments: [0, -1, Int.min, Int.max])
    func refused(byteCount: Int) {
        #expect(unsafe AnonymousMemory.map(byteCount: byteCount) == nil)
    }

    @Test("a prefetch of any address is harmless")
    func prefetchAnything() throws {
        unsafe prefetch(UnsafeRawPointer(bitPattern: 8)!)
    }
}
