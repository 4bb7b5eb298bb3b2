// Memory is bounded: a blob much larger than memory's bound streams in and out under it.
//
// Runs in a process of its own, so that no other test's memory counts. CAIRN_STREAM_MEBIBYTES says
// how much is streamed.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

/// Bytes that do not compress, made as they are needed: a mebibyte of noise whose every page
/// carries its place in the stream.
private struct NoiseStream {
    private var piece: [UInt8]
    private var number: UInt64 = 0

    init() {
        var random = TestRandom(seed: 5)
        piece = random.bytes(1 << 20)
    }

    /// The next mebibyte.
    mutating func next() -> [UInt8] {
        let number = number
        piece.withMutableRawSpan { span in
            for page in stride(from: 0, to: span.byteCount, by: 4096) {
                span.store(number << 32 | UInt64(page), at: page)
            }
        }
        self.number += 1
        return piece
    }
}

@Suite("Resident memory")
struct ResidentMemoryTests {
    static let growthMaximum = 64 << 20

    @Test(
        "a blob of many times 64 MiB streams in and out while resident memory grows by less than that"
    )
    func streaming() async {
        await #expect(processExitsWith: .success) { try streamingChild() }
    }
}

// MARK: - What the child processes do

private func streamingChild() throws {
    let mebibytes = scaled("CAIRN_STREAM_MEBIBYTES", ordinary: 2048, quick: 256)
    let directory = try StoreTestDirectory()
    let storage = SystemStorage(path: directory.path)
    _ = try storage.openDirectories(creating: false)
    guard try storage.freeByteCount() > UInt64(mebibytes) << 21 else {
        print("SKIPPED: \(directory.path) has less than \(2 * mebibytes) MiB free")
        return
    }
    let store = try Store.open(
        at: directory.path, options: StoreOptions(durability: .os))
    try store.put("first", sampleBytes(3 << 20))
    _ = try store.get("first")
    let start = try ResourceLimits.residentByteCount()
    var most = 0
    func measure() throws { most = max(most, try ResourceLimits.residentByteCount() - start) }

    let writer = try store.writer("large")
    var noise = NoiseStream()
    for _ in 0..<mebibytes {
        try writer.write(noise.next())
        try measure()
    }
    try writer.commit()
    let writing = most

    let reader = try #require(try store.reader("large"))
    #expect(reader.information.byteCount == UInt64(mebibytes) << 20)
    var expected = NoiseStream()
    for _ in 0..<mebibytes {
        let piece = try reader.read(byteCountMaximum: 1 << 20)
        let wanted = expected.next()
        let isSame = piece.rawSpan.isEqual(to: wanted.rawSpan)
        try #require(isSame)
        try measure()
    }
    #expect(try reader.read().isEmpty)
    reader.close()
    try store.close()
    print(
        "streamed \(mebibytes) MiB: resident memory grew by \(writing >> 10) KiB "
            + "while writing, \(most >> 10) KiB in all")
    #expect(most < ResidentMemoryTests.growthMaximum)
}
