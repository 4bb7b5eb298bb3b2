// ModelRun+Reading — every way to read a blob, compared with the dictionary.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

extension ModelRun {
    mutating func read() throws { try compare(key()) }

    func compare(_ key: [UInt8]) throws {
        let blob = try engine.get(key.rawSpan)
        let entry = blob.map {
            Entry(
                bytes: $0.bytes, metadata: $0.metadata, version: $0.version, expiry: $0.expiry)
        }
        let expected = present(key)
        #expect(entry == expected)
        let information = try engine.information(key.rawSpan)
        #expect(information?.version == expected?.version)
        #expect(information?.byteCount == expected.map { UInt64($0.bytes.count) })
        #expect(information?.metadata == expected?.metadata)
        #expect(information?.expiry == expected?.expiry)
    }

    /// A listing of any shape, with what is known of each blob.
    mutating func compareListing() throws {
        let request = ListRequest.random(keys: keys, &random)
        #expect(try engine.lines(request) == request.expected(presentKeys), "\(request)")
        for item in try engine.list(limit: 100, includesInformation: true).page().items {
            #expect(item.information?.version == model[item.key.bytes]?.version)
        }
    }

    mutating func readRange() throws {
        let key = key()
        let start = random.below(4 * tuning.chunkByteCount)
        let end = start + random.below(2 * tuning.chunkByteCount)
        let range = UInt64(start)..<UInt64(end)
        let bytes = present(key)?.bytes
        let expected = bytes.map { Array($0[(start..<end).clamped(to: $0.indices)]) }
        #expect(try engine.get(key.rawSpan, range: range)?.bytes == expected)
        var pieces: [UInt8] = []
        let information = try engine.withBytes(of: key.rawSpan, range: range) { piece in
            pieces.append(copying: piece)
        }
        #expect(pieces == expected ?? [])
        #expect(information?.version == present(key)?.version)
    }

    /// A stream shows the version that it began with, also when the key is written meanwhile.
    mutating func stream() throws {
        let key = key()
        let entry = present(key)
        guard let stream = try engine.stream(key.rawSpan) else { return #expect(entry == nil) }
        var bytes = try stream.read(byteCountMaximum: 1 + random.below(200))
        if random.coin() {
            try put()
            try engine.workUntilIdle()
        }
        while true {
            let piece = try stream.read(byteCountMaximum: 1 + random.below(2000))
            if piece.isEmpty { break }
            bytes += piece
        }
        stream.close()
        #expect(bytes == entry?.bytes)
        #expect(stream.information.version == entry?.version)
    }
}
