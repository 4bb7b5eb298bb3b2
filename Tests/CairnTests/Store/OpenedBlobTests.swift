// Blobs that are opened: small ones whole, others as streams that keep their version; without the disk too.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Opened blobs")
struct OpenedBlobTests {
    private func key(_ name: String) -> [UInt8] { Key(name).bytes }

    /// Blocks of 256 bytes, chunks of 4096, so that there are blobs of all three kinds.
    private func subject() throws -> CompactionSubject {
        try CompactionSubject { tuning in
            tuning.endSegmentsByLength()
            tuning.segmentByteCountMinimum = 16 << 10
            tuning.segmentByteCountMaximum = 16 << 10
            tuning.chunkByteCount = 4096
        }
    }

    private func readAll(_ stream: BlobStream<SimulatedDisk>) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while stream.offset < stream.information.byteCount {
            try stream.read(byteCountMaximum: 700) { bytes.append(copying: $0) }
        }
        return bytes
    }

    /// Flips a bit of these bytes, which some segment holds.
    private func rot(_ bytes: ArraySlice<UInt8>, _ disk: SimulatedDisk) throws {
        for name in try disk.names(in: .segments) {
            let file = try #require(disk.bytes(of: name, in: .segments))
            for place in 0..<max(0, file.count - bytes.count)
            where file[place] == bytes.first && file[place..<place + bytes.count] == bytes {
                return disk.flipBit(0, at: UInt64(place), of: name, in: .segments)
            }
        }
        Issue.record("no segment holds the bytes")
    }

    @Test(
        "a blob is opened whole up to a block, and as a stream beyond",
        arguments: [0, 1, 255, 256, 257, 1000, 4096, 4097, 9000])
    func forms(byteCount: Int) throws {
        let subject = try subject()
        let value = sampleBytes(byteCount)
        _ = try subject.engine.put(
            key("k").rawSpan, value.rawSpan, WriteOptions(metadata: [4, 5]))
        let blob = try #require(try subject.engine.open(key("k").rawSpan))
        #expect(blob.information.byteCount == UInt64(byteCount))
        #expect(blob.information.metadata == [4, 5])
        switch blob.content {
        case .bytes(let bytes):
            #expect(byteCount <= 256)
            #expect(bytes == value)
        case .stream(let stream):
            #expect(byteCount > 256)
            #expect(try readAll(stream) == value)
            stream.seek(to: UInt64(byteCount - 1))
            #expect(try stream.read(byteCountMaximum: 100) == Array(value.suffix(1)))
        }
        #expect(try subject.engine.open(key("other").rawSpan) == nil)
        try subject.engine.close()
    }

    @Test("a stream shows its version while the key is overwritten and its segment is replaced")
    func keepsVersion() throws {
        let subject = try subject()
        let value = sampleBytes(3000, salt: 6)
        try subject.put("k", value)
        for round in UInt64(0)..<20 {
            try subject.put("filler", sampleBytes(1000, salt: round * 2))
        }
        let stream = try #require(try subject.engine.stream(key("k").rawSpan))
        var read = try stream.read(byteCountMaximum: 500)
        try subject.put("k", [1])
        try subject.work()
        let replacedCount = subject.counts.replacedSegmentCount
        #expect(replacedCount > 0)
        let held = try subject.disk.names(in: .segments).count
        read += try readAll(stream)
        #expect(read == value)
        // With the stream go the files that it held.
        stream.close()
        try subject.work()
        #expect(try subject.disk.names(in: .segments).count < held)
        try subject.engine.close()
    }

    @Test("what is not in memory is not waited for, and found once it is", arguments: [100, 1000])
    func cached(byteCount: Int) throws {
        var subject = try subject()
        let value = sampleBytes(byteCount)
        try subject.put("k", value)
        try subject.reopen()
        subject.disk.isNothingCached = true
        guard case .unknown = try subject.engine.openIfCached(key("k").rawSpan) else {
            Issue.record("the disk was asked")
            return
        }
        guard case .absent = try subject.engine.openIfCached(key("other").rawSpan) else {
            Issue.record("a key that is not there needs no disk")
            return
        }
        subject.disk.isNothingCached = false
        switch try subject.engine.openIfCached(key("k").rawSpan) {
        case .lent(let information, let bytes):
            #expect(information.byteCount == UInt64(byteCount) && byteCount == 100)
            #expect(bytes.bytes.copyBytes() == value)
        case .found(let blob):
            #expect(blob.information.byteCount == UInt64(byteCount))
            guard case .stream(let stream) = blob.content else {
                Issue.record("it is no small blob")
                return
            }
            subject.disk.isNothingCached = true
            var read: [UInt8] = []
            let isFound = try stream.readIfCached(byteCountMaximum: 600) {
                read.append(copying: $0)
            }
            #expect(!isFound && read.isEmpty && stream.offset == 0)
            // Whoever may wait is served, and so is the next read of another.
            #expect(try stream.read(byteCountMaximum: 600) == Array(value.prefix(600)))
            subject.disk.isNothingCached = false
            let isRead = try stream.readIfCached(byteCountMaximum: 600) { read.append(copying: $0) }
            #expect(isRead && read == Array(value.dropFirst(600)))
        case .absent: Issue.record("the key is there")
        case .unknown: Issue.record("the bytes are there")
        }
        try subject.engine.close()
    }

    @Test("bytes that are lent stay, whatever else the thread reads and writes meanwhile")
    func lent() throws {
        let subject = try subject()
        let (first, second) = (sampleBytes(90, salt: 1), sampleBytes(90, salt: 2))
        try subject.put("first", first)
        try subject.put("second", second)
        try subject.work()
        switch try subject.engine.openIfCached(key("first").rawSpan) {
        case .lent(_, let bytes):
            #expect(try subject.engine.get(key("second").rawSpan)?.bytes == second)
            try subject.put("first", second)
            switch try subject.engine.openIfCached(key("first").rawSpan) {
            case .lent(_, let newer): #expect(newer.bytes.copyBytes() == second)
            default: Issue.record("the newer bytes are there")
            }
            #expect(bytes.bytes.copyBytes() == first)
        default: Issue.record("the bytes are there")
        }
        try subject.engine.close()
    }

    @Test("a damaged block ends a stream behind true bytes")
    func damaged() throws {
        var subject = try subject()
        let value = sampleBytes(2000, salt: 2)
        try subject.put("k", value)
        try subject.reopen()
        let stream = try #require(try subject.engine.stream(key("k").rawSpan))
        try rot(value[1000..<1016], subject.disk)
        var read: [UInt8] = []
        let error = try storeError {
            while read.count < value.count {
                try stream.read(byteCountMaximum: 512) { read.append(copying: $0) }
            }
        }
        #expect(error?.kind == .damaged)
        #expect(read.count >= 512 && read.count <= 1000 && read == Array(value.prefix(read.count)))
        stream.close()
        try subject.engine.close()
    }
}
