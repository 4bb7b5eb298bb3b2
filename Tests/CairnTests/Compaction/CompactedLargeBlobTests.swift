// Large blobs whose chunks are moved by compaction: under a reader, and before they are committed.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Large blobs and compaction")
struct CompactedLargeBlobTests {
    @Test(
        "a reader of a large blob reads it whole while its chunks move and its key is overwritten")
    func streams() throws {
        var subject = try CompactionSubject { $0.endSegmentsByLength() }
        let value = sampleBytes(9000, salt: 4)
        let name = Key("large").bytes
        let upload = try subject.engine.upload(name.rawSpan)
        for piece in 0..<9 {
            try upload.write(value.rawSpan.extracting(piece * 1000..<(piece + 1) * 1000))
            for round in UInt64(0)..<2 {
                try subject.put("filler", sampleBytes(1000, salt: round * 2))
            }
        }
        _ = try upload.commit()
        try subject.reopen()
        let key = Key("large").bytes
        let opened = try subject.engine.stream(key.rawSpan)
        let stream = try #require(opened)
        var read = try stream.read(byteCountMaximum: 1000)
        try subject.makeHints()
        try subject.compact()
        #expect(subject.counts.movedChunkCount > 0)
        read += try stream.read(byteCountMaximum: 1500)
        try subject.put("large", [1])
        try subject.work()
        while true {
            let piece = try stream.read(byteCountMaximum: 2000)
            if piece.isEmpty { break }
            read += piece
        }
        #expect(read == value)
        stream.close()
        try subject.work()
        #expect(subject.engine.statistics().keyCount == 2)
        try subject.engine.close()
    }

    @Test("chunks of an upload that is not committed are moved, and the blob is whole afterwards")
    func uploads() throws {
        var subject = try CompactionSubject { $0.endSegmentsByLength() }
        let value = sampleBytes(5000, salt: 8)
        let key = Key("upload").bytes
        let upload = try subject.engine.upload(key.rawSpan)
        try upload.write(value.rawSpan.extracting(0..<3000))
        for round in UInt64(0)..<20 {
            try subject.put("filler", sampleBytes(1000, salt: round * 2))
        }
        try subject.work()
        #expect(subject.counts.compactionCount > 0)
        #expect(subject.counts.movedChunkCount > 0)
        try upload.write(value.rawSpan.extracting(3000..<5000))
        _ = try upload.commit()
        try subject.work()
        #expect(try subject.get("upload") == value)
        try subject.reopen()
        #expect(try subject.get("upload") == value)
        try subject.engine.close()
    }
}
