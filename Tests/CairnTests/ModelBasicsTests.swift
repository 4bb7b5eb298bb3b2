// The engine's everyday operations on a real directory and on the simulated disk: what is put is
// read, also after the store was opened again.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

/// Bytes that differ with `salt`; half of them compress well.
func modelBytes(_ count: Int, _ salt: UInt64) -> [UInt8] {
    var random = TestRandom(seed: salt)
    return salt % 2 == 0
        ? random.bytes(count)
        : (0..<count).map { UInt8(truncatingIfNeeded: $0 / 16) ^ UInt8(salt % 251) }
}

@Suite("Engine basics")
struct ModelBasicsTests {
    private func exercise<S: Storage>(_ storage: () -> S, _ tuning: Tuning) throws {
        var model: [[UInt8]: [UInt8]] = [:]
        func check(_ engine: Engine<S>) throws {
            for (key, value) in model {
                let blob = try #require(try engine.get(key.rawSpan))
                #expect(blob.bytes == value)
            }
            #expect(try engine.get(Array("absent".utf8).rawSpan) == nil)
            #expect(engine.statistics().keyCount == UInt64(model.count))
        }
        let sizes = [0, 1, 100, 255, 256, 257, 700, 1023, 1024, 1025, 3000, 5000]
        for round in 0..<4 {
            let engine = try Engine.open(storage(), tuning: tuning)
            try check(engine)
            for (index, size) in sizes.enumerated() {
                let key = Array("key \(index)".utf8)
                let value = modelBytes(size, UInt64(round * 100 + index))
                _ = try engine.put(key.rawSpan, value.rawSpan)
                model[key] = value
                if index % 3 == round % 3 {
                    #expect(try engine.delete(key.rawSpan) != nil)
                    #expect(try engine.delete(key.rawSpan) == nil)
                    model[key] = nil
                }
                try engine.workUntilIdle()
            }
            try check(engine)
            if round != 1 { try engine.markIdle() }
            try check(engine)
            try engine.close()
        }
        let engine = try Engine.open(storage(), tuning: tuning)
        try check(engine)
        #expect(engine.findings.isEmpty)
        try engine.close()
    }

    @Test("what is put is read, also after reopening, on the simulated disk")
    func simulated() throws {
        let disk = SimulatedDisk()
        try exercise({ disk }, .small)
        #expect(disk.openHandleCount == 0)
    }

    @Test("what is put is read, also after reopening, in a directory")
    func system() throws {
        let directory = try TemporaryDirectory()
        try exercise({ SystemStorage(path: directory.path) }, .small)
    }

    @Test("the product's own sizes work too")
    func ordinary() throws {
        let directory = try TemporaryDirectory()
        try exercise({ SystemStorage(path: directory.path) }, Tuning())
    }
}
